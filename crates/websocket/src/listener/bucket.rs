//! `Bucket`: a token bucket that holds what one second of its rate allows.

use std::time::Duration;

use tokio::time::Instant;

/// What may be taken at once.
const AHEAD: Duration = Duration::from_secs(1);

/// Kept as the time at which all that was taken is paid for, so that a rate may be any number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    paid_at: Instant,
}

impl Bucket {
    /// A full bucket.
    pub(crate) fn full() -> Self {
        Bucket { paid_at: Instant::now() }
    }

    /// How much too early it is at `now` to take something: zero while less than a second is owed.
    pub(crate) fn early(&self, now: Instant) -> Duration {
        (self.paid_at + Duration::from_nanos(1)).saturating_duration_since(now + AHEAD)
    }

    /// Takes `amount` at `now`, at a rate per second.
    pub(crate) fn take(&mut self, amount: f64, rate: f64, now: Instant) {
        // Rounded up, so that rounding does not let one more through.
        let nanoseconds = (amount / rate * 1e9).ceil() as u64;
        self.paid_at = now.max(self.paid_at) + Duration::from_nanos(nanoseconds);
    }
}
