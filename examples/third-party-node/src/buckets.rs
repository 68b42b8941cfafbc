//! Token buckets for many sessions, in bounded memory.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// The number of sessions in one generation; there are two.
const GENERATION: usize = 10_000;

/// A number of messages per interval.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub(crate) limit: f64,
    pub(crate) interval: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    left: f64,
    seen: Instant,
}

impl Bucket {
    /// Takes one message, or returns how long to wait for it.
    fn take(&mut self, rate: Rate, now: Instant) -> Option<Duration> {
        let elapsed = now.saturating_duration_since(self.seen).as_secs_f64();
        let per_second = rate.limit / rate.interval.as_secs_f64();
        self.left = (self.left + elapsed * per_second).min(rate.limit);
        self.seen = now;
        // Allows for rounding errors of the sum of fractions.
        if self.left > 1.0 - 1e-6 {
            self.left -= 1.0;
            return None;
        }
        Some(Duration::from_secs_f64((1.0 - self.left) / per_second))
    }
}

/// A bucket for each session that sent messages recently.
///
/// A bucket that was unused for an interval is full again and can be dropped. So there are two
/// generations: after each interval the young one becomes the old one, and the old one is dropped.
/// That also happens when the young one is full; then the sessions that were idle longest start
/// over, which is the price of bounded memory.
#[derive(Debug)]
pub(crate) struct Buckets {
    rate: Rate,
    young: HashMap<String, Bucket>,
    old: HashMap<String, Bucket>,
    since: Option<Instant>,
}

impl Buckets {
    pub(crate) fn new(rate: Rate) -> Self {
        Buckets { rate, young: HashMap::new(), old: HashMap::new(), since: None }
    }

    /// Counts a message: `None` if it is within the limit, otherwise how long to wait.
    pub(crate) fn take(&mut self, whose: &str, now: Instant) -> Option<Duration> {
        let since = *self.since.get_or_insert(now);
        let over = now.saturating_duration_since(since) >= self.rate.interval;
        if over || self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
            self.since = Some(now);
        }
        if let Some(bucket) = self.young.get_mut(whose) {
            return bucket.take(self.rate, now);
        }
        let full = Bucket { left: self.rate.limit, seen: now };
        let (name, mut bucket) =
            self.old.remove_entry(whose).unwrap_or_else(|| (whose.to_owned(), full));
        let wait = bucket.take(self.rate, now);
        self.young.insert(name, bucket);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn any_number_of_sessions_needs_no_more_memory_than_two_generations() {
        let mut buckets = Buckets::new(Rate { limit: 1.0, interval: Duration::from_secs(60) });
        let now = Instant::now();
        for session in 0..3 * GENERATION {
            assert_eq!(buckets.take(&session.to_string(), now), None);
            assert!(buckets.young.len() <= GENERATION && buckets.old.len() <= GENERATION);
        }
        let last = (3 * GENERATION - 1).to_string();
        assert!(buckets.take(&last, now).is_some(), "the newest sessions are remembered");
    }

    #[tokio::test(start_paused = true)]
    async fn sessions_that_were_silent_for_two_intervals_are_forgotten() {
        let mut buckets = Buckets::new(Rate { limit: 5.0, interval: Duration::from_secs(1) });
        for session in ["a", "b", "c"] {
            assert_eq!(buckets.take(session, Instant::now()), None);
        }
        for _ in 0..2 {
            tokio::time::advance(Duration::from_secs(1)).await;
            assert_eq!(buckets.take("c", Instant::now()), None);
        }
        assert_eq!((buckets.young.len(), buckets.old.len()), (1, 0));
    }
}
