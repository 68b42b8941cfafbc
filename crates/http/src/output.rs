//! `Output`: the responses of one connection that its client has not read yet.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use ferrowire_core::MutexExt as _;

use ferrowire_net::Backlog;
use ferrowire_net::backlog::{Member, Queue};
use tokio::sync::Notify;

use crate::pace::Pace;

/// The responses of one connection. Those that the socket does not accept are part of the backlog of
/// the process, and must be read at some pace.
pub(crate) struct Output {
    state: Mutex<State>,
    backlog: &'static Backlog,
    disconnected: Notify,
}

struct State {
    limit: Duration,
    /// The bytes of responses that are known and not written.
    left: usize,
    /// While the socket is blocked.
    blocked: Option<Blocked>,
}

struct Blocked {
    pace: Pace,
    member: Member,
}

impl Output {
    pub(crate) fn new(limit: Duration, backlog: &'static Backlog) -> Arc<Self> {
        let state = Mutex::new(State { limit, left: 0, blocked: None });
        Arc::new(Output { state, backlog, disconnected: Notify::new() })
    }

    /// A response with a body of `bytes` is about to be written.
    pub(crate) fn add(&self, bytes: u64) {
        let mut state = self.state();
        state.left = state.left.saturating_add(usize::try_from(bytes).unwrap_or(usize::MAX));
    }

    /// The socket accepted `bytes`.
    pub(crate) fn wrote(&self, bytes: usize) {
        let mut state = self.state();
        state.left = state.left.saturating_sub(bytes);
        let left = state.left;
        if let Some(blocked) = &mut state.blocked {
            blocked.pace.advance(bytes);
            blocked.member.hold(left);
        }
    }

    /// The socket accepted everything.
    pub(crate) fn flushed(&self) {
        let mut state = self.state();
        state.left = 0;
        let blocked = state.blocked.take();
        drop(state);
        // Leaves the backlog, whose lock is taken without this one.
        drop(blocked);
    }

    /// The socket is blocked. An error if the client reads too slowly.
    pub(crate) fn poll_blocked<T>(self: &Arc<Self>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        let mut state = self.state();
        let (limit, left) = (state.limit, state.left);
        if state.blocked.is_none() {
            drop(state);
            let this: Weak<Self> = Arc::downgrade(self);
            let member = self.backlog.join(this);
            state = self.state();
            state.blocked = Some(Blocked { pace: Pace::new(limit), member });
        }
        let Some(blocked) = &mut state.blocked else { return Poll::Pending };
        blocked.member.hold(left);
        let late = blocked.pace.poll_late(cx);
        drop(state);
        if self.backlog.is_over() {
            self.backlog.relieve();
        }
        late.map(|()| {
            let text = "the client reads the response too slowly";
            Err(io::Error::new(io::ErrorKind::TimedOut, text))
        })
    }

    /// Ends when the client is disconnected.
    pub(crate) async fn disconnected(&self) {
        self.disconnected.notified().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.locked()
    }
}

impl Queue for Output {
    fn waiting(&self) -> usize {
        let state = self.state();
        if state.blocked.is_some() { state.left } else { 0 }
    }

    /// The connection is dropped by its task; what it holds is counted no longer.
    fn disconnect(&self) {
        if let Some(blocked) = &mut self.state().blocked {
            blocked.member.hold(0);
        }
        self.disconnected.notify_one();
    }
}
