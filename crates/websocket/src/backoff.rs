//! The delays between a client's attempts to connect.

use std::time::Duration;

/// The maximum delay, as a multiple of the first one.
const LONGEST: u32 = 20;

/// Delays that grow with each failure in a row. They are randomized so that many clients do not
/// reconnect at the same time.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    failures: u32,
}

impl Backoff {
    pub(crate) fn new(first: Duration) -> Self {
        Backoff { first, failures: 0 }
    }

    /// Starts over after a connection was established.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// The next delay.
    pub(crate) fn next(&mut self) -> Duration {
        let longest = self.first * 2u32.saturating_pow(self.failures).min(LONGEST);
        let spread = if self.failures == 0 { 1.0 } else { 0.5 + fastrand::f64() / 2.0 };
        self.failures = (self.failures + 1).min(16);
        longest.mul_f64(spread).max(self.first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_begin_with_the_first_grow_and_stay_bounded() {
        let first = Duration::from_secs(3);
        let mut backoff = Backoff::new(first);
        assert_eq!(backoff.next(), first);
        for _ in 0..100 {
            let delay = backoff.next();
            assert!(delay >= first && delay <= first * LONGEST, "{delay:?}");
        }
        assert!(backoff.next() >= first * LONGEST / 2);
        backoff.reset();
        assert_eq!(backoff.next(), first);
    }
}
