//! `Alive`: when to ask whether the broker is still there, and when it is not.

use std::time::Duration;

use tokio::time::Instant;

/// The keep-alive of a connection (MQTT 5.0 §3.1.2.10).
#[derive(Debug)]
pub(crate) struct Alive {
    /// `None` if it is switched off.
    interval: Option<Duration>,
    ping_at: Instant,
    /// The end of the wait for an answer.
    answer_by: Option<Instant>,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Nothing,
    Ping,
    /// The broker has not answered.
    Silence,
}

impl Alive {
    /// For an interval of this many seconds; 0 switches it off.
    pub(crate) fn new(seconds: u16) -> Self {
        let interval = (seconds > 0).then(|| Duration::from_secs(u64::from(seconds)));
        Alive { interval, ping_at: Instant::now(), answer_by: None }.restarted()
    }

    fn restarted(mut self) -> Self {
        self.sent();
        self
    }

    /// Something was sent.
    pub(crate) fn sent(&mut self) {
        if let Some(interval) = self.interval {
            self.ping_at = Instant::now() + interval;
        }
    }

    /// The broker sent something, or was not read.
    pub(crate) fn heard(&mut self) {
        self.answer_by = None;
    }

    /// When to look again. While nothing is read, an answer cannot arrive.
    pub(crate) fn next(&self, is_reading: bool) -> Option<Instant> {
        self.interval?;
        match self.answer_by.filter(|_| is_reading) {
            Some(answer_by) => Some(answer_by.min(self.ping_at)),
            None => Some(self.ping_at),
        }
    }

    /// What is due now; a ping counts as sent.
    pub(crate) fn due(&mut self, is_reading: bool) -> Due {
        let (Some(interval), now) = (self.interval, Instant::now()) else { return Due::Nothing };
        if is_reading && self.answer_by.is_some_and(|answer_by| answer_by <= now) {
            return Due::Silence;
        }
        if self.ping_at > now {
            return Due::Nothing;
        }
        self.ping_at = now + interval;
        self.answer_by = self.answer_by.or(Some(now + interval));
        Due::Ping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_ping_is_due_after_silence_and_its_answer_too() {
        let mut alive = Alive::new(10);
        let wait = |seconds| tokio::time::advance(Duration::from_secs(seconds));
        wait(9).await;
        assert_eq!(alive.due(true), Due::Nothing);
        alive.sent();
        wait(9).await;
        assert_eq!(alive.due(true), Due::Nothing);
        wait(1).await;
        assert_eq!((alive.due(true), alive.due(true)), (Due::Ping, Due::Nothing));
        wait(10).await;
        assert_eq!(alive.due(true), Due::Silence);
        alive.heard();
        assert_eq!(alive.due(true), Due::Ping);
    }

    #[tokio::test(start_paused = true)]
    async fn a_broker_that_is_not_read_is_not_silent() {
        let mut alive = Alive::new(10);
        for _ in 0..3 {
            tokio::time::advance(Duration::from_secs(10)).await;
            assert_eq!(alive.due(false), Due::Ping);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_interval_of_0_switches_it_off() {
        let mut alive = Alive::new(0);
        assert_eq!(alive.next(true), None);
        tokio::time::advance(Duration::from_secs(100_000)).await;
        assert_eq!(alive.due(true), Due::Nothing);
    }
}
