//! `Alarm`: wakes the task of a node at the time that is due next.

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Waits for the time at which a node has something to do, while messages change that time.
/// One task waits; any number of threads may report changes.
#[derive(Debug, Default)]
pub struct Alarm(Notify);

impl Alarm {
    /// Reports that the next due time has changed, or that nothing is due any more. Does not
    /// wait. A report that arrives while no task waits is kept for the next [`due`](Self::due).
    pub fn changed(&self) {
        self.0.notify_one();
    }

    /// Returns when the time that `next` gives has come. `next` is called once at the start and
    /// again after each [`changed`](Self::changed); while it gives `None`, only a change ends the
    /// wait. At most one task may call this at a time.
    ///
    /// Cancel safe: the due time is kept by the caller, so a dropped call loses nothing.
    ///
    /// # Panics
    /// Outside of a tokio runtime with timers. Tasks that a node spawns run inside of one.
    pub async fn due(&self, next: impl Fn() -> Option<Instant>) {
        loop {
            match next() {
                None => self.0.notified().await,
                Some(next) => tokio::select! {
                    () = sleep_until(next) => return,
                    () = self.0.notified() => {}
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_due_time_that_moves_or_disappears_is_followed() {
        let (alarm, begun) = (Alarm::default(), Instant::now());
        let second = Duration::from_secs(1);
        let next = Mutex::new(Some(begun + 10 * second));
        let mut due = Box::pin(alarm.due(|| *next.lock().unwrap()));
        assert!((&mut due).now_or_never().is_none());
        *next.lock().unwrap() = None;
        alarm.changed();
        assert!((&mut due).now_or_never().is_none());
        tokio::time::advance(20 * second).await;
        assert!((&mut due).now_or_never().is_none(), "nothing is due any more");
        *next.lock().unwrap() = Some(begun + 25 * second);
        alarm.changed();
        due.await;
        assert_eq!(begun.elapsed(), 25 * second);
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_before_the_wait_is_kept() {
        let alarm = Alarm::default();
        alarm.changed();
        let begun = Instant::now();
        alarm.due(|| Some(begun)).await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
