//! `Alarm`: the one task of a node that does what gets due, woken in time.

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Waits for what a node has to do next, while messages change when that is.
#[derive(Debug, Default)]
pub struct Alarm(Notify);

impl Alarm {
    /// Says that something else is due next, or nothing any more. Only one task can wait.
    pub fn changed(&self) {
        self.0.notify_one();
    }

    /// Returns when the time has come that `next` gives, which is asked again after each
    /// [`changed`](Self::changed); waits for that while there is none. Dropped early, it loses
    /// nothing.
    ///
    /// # Panics
    /// Outside of a tokio runtime with timers; the tasks of a node are in one.
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
    async fn what_is_due_sooner_or_not_at_all_any_more_is_heeded() {
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
    async fn a_change_before_the_wait_is_not_missed() {
        let alarm = Alarm::default();
        alarm.changed();
        let begun = Instant::now();
        alarm.due(|| Some(begun)).await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}
