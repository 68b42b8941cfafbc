//! `Pace`: how slow a peer may be that sends a body or reads a response.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// The bytes that earn a peer another second.
const BYTES_A_SECOND: u64 = 1024;

/// Counts the time for which a peer was waited for: at most `limit` in a row, and `limit` in all plus
/// a second for each KiB that it sent or read.
pub(crate) struct Pace {
    limit: Duration,
    waited: Duration,
    bytes: u64,
    /// Since when the peer is being waited for.
    since: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    pub(crate) fn new(limit: Duration) -> Self {
        Pace { limit, waited: Duration::ZERO, bytes: 0, since: None, timer: None }
    }

    /// The peer sent or read `bytes`.
    pub(crate) fn advance(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        if let Some(since) = self.since.take() {
            self.waited += since.elapsed();
        }
    }

    /// Ends when the peer was waited for too long. Called when there is nothing to do but wait.
    pub(crate) fn poll_late(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let since = *self.since.get_or_insert_with(Instant::now);
        let earned = Duration::from_secs(self.bytes / BYTES_A_SECOND);
        let left = (self.limit + earned).saturating_sub(self.waited);
        let deadline = since + left.min(self.limit);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
        if timer.deadline() != deadline {
            timer.as_mut().reset(deadline);
        }
        timer.as_mut().poll(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use tokio::time::advance;

    const SECOND: Duration = Duration::from_secs(1);

    async fn is_late(pace: &mut Pace) -> bool {
        poll_fn(|cx| Poll::Ready(pace.poll_late(cx).is_ready())).await
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_is_too_long_at_the_limit() {
        let mut pace = Pace::new(10 * SECOND);
        pace.advance(1 << 30);
        assert!(!is_late(&mut pace).await);
        advance(10 * SECOND - Duration::from_millis(1)).await;
        assert!(!is_late(&mut pace).await);
        pace.advance(1);
        assert!(!is_late(&mut pace).await);
        advance(10 * SECOND).await;
        assert!(is_late(&mut pace).await);
    }

    #[tokio::test(start_paused = true)]
    async fn many_pauses_are_too_long_unless_enough_is_transferred() {
        for (bytes, is_enough) in [(100, false), (1024, true)] {
            let mut pace = Pace::new(10 * SECOND);
            for _ in 0..100 {
                if is_late(&mut pace).await {
                    break;
                }
                advance(SECOND).await;
                pace.advance(bytes);
            }
            assert_eq!(!is_late(&mut pace).await, is_enough, "{bytes}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_nobody_waits_does_not_count() {
        let mut pace = Pace::new(10 * SECOND);
        for _ in 0..10 {
            advance(100 * SECOND).await;
            assert!(!is_late(&mut pace).await);
            pace.advance(1);
        }
    }
}
