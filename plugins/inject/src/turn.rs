//! `Turn`: whether this instance injects, if one of the cluster does.

use std::time::Duration;

use ferrowire::NodeContext;
use ferrowire::cluster::{Holding, Lease};
use jiff::Timestamp;
use tokio::sync::watch;

/// A note of a time that is further ahead than this comes from a clock that was wrong.
const AHEAD: Duration = Duration::from_secs(60);

/// A part that one instance has. It notes the time of each message before it injects it, so that no other
/// one injects it again.
#[derive(Debug)]
pub(crate) struct Turn {
    lease: Box<dyn Lease>,
    holding: watch::Receiver<Holding>,
    /// What this instance has noted last.
    noted: Option<i64>,
}

impl Turn {
    /// `None` without a cluster.
    pub(crate) fn of(cx: &NodeContext) -> Option<Self> {
        let lease = cx.cluster()?.lease(&["inject", cx.id()]);
        Some(Turn { holding: lease.holding(), lease, noted: None })
    }

    /// Waits until it is known which instance it is. Returns whether it is this one.
    pub(crate) async fn decided(&mut self) -> bool {
        self.wait_for(|holding| holding != Holding::Nobody).await;
        let mark = self.lease.mark().unwrap_or_default();
        self.is_here() && self.lease.note(mark).await
    }

    /// Waits until it is this instance.
    pub(crate) async fn here(&mut self) {
        self.wait_for(|holding| holding == Holding::Here).await;
    }

    async fn wait_for(&mut self, is_it: impl Fn(Holding) -> bool) {
        if self.holding.wait_for(|holding| is_it(*holding)).await.is_err() {
            // The lease has it as long as this.
            std::future::pending::<()>().await;
        }
    }

    pub(crate) fn is_here(&self) -> bool {
        *self.holding.borrow() == Holding::Here
    }

    /// How much of `period` is left since another instance has injected.
    pub(crate) fn left(&self, period: Duration, now: Timestamp) -> Duration {
        match self.last(now) {
            Some(last) if self.noted != Some(last) => {
                let since = now.as_millisecond().saturating_sub(last).try_into().unwrap_or(0);
                period.saturating_sub(Duration::from_millis(since))
            }
            _ => Duration::ZERO,
        }
    }

    /// Whether this instance may inject for the time `at`, which nobody has done yet. Then nobody else will.
    pub(crate) async fn take(&mut self, at: Timestamp, now: Timestamp) -> bool {
        let at = at.as_millisecond();
        if self.last(now).is_some_and(|last| last >= at) {
            return false;
        }
        let taken = self.lease.note(at.to_string().into()).await;
        self.noted = taken.then_some(at).or(self.noted);
        taken
    }

    /// The time that was injected last, by whatever instance.
    fn last(&self, now: Timestamp) -> Option<i64> {
        let mark = self.lease.mark()?;
        let last: i64 = std::str::from_utf8(&mark).ok()?.parse().ok()?;
        let latest = now.as_millisecond().saturating_add(AHEAD.as_millis() as i64);
        (last <= latest).then_some(last)
    }
}
