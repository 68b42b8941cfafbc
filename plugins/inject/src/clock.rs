//! The time of day, also under the paused clock of a test.

use std::time::{Duration, SystemTime};

use jiff::{Timestamp, Zoned, tz::TimeZone};

/// Tells the time in the local time zone.
///
/// A test pauses tokio's clock and not the system's. The two are compared with their state at
/// the beginning: what tokio's is ahead by is added. Outside of tests they run in step.
#[derive(Debug)]
pub(crate) struct Clock {
    read: fn() -> SystemTime,
    tokio: tokio::time::Instant,
    system: std::time::Instant,
    zone: TimeZone,
}

/// A clock that goes back by less is put right, not set: nobody wants the same minute twice.
const SET: Duration = Duration::from_secs(60);

impl Clock {
    pub(crate) fn local() -> Self {
        Self::reading(SystemTime::now)
    }

    /// A clock that shows what `read` tells.
    pub(crate) fn reading(read: fn() -> SystemTime) -> Self {
        Clock {
            read,
            tokio: tokio::time::Instant::now(),
            system: std::time::Instant::now(),
            zone: TimeZone::system(),
        }
    }

    pub(crate) fn now(&self) -> Zoned {
        let (tokio, system) = (self.tokio.elapsed(), self.system.elapsed());
        let now = (self.read)() + tokio.saturating_sub(system) - system.saturating_sub(tokio);
        let now = Timestamp::try_from(now).unwrap_or(Timestamp::MAX);
        now.to_zoned(self.zone.clone())
    }

    /// Waits for `time`; false when the clock was set back meanwhile. Sleeps are short, so that
    /// a system clock that was set, or a machine that was suspended, is noticed.
    pub(crate) async fn wait_until(&self, time: &Zoned) -> bool {
        const LONGEST: Duration = Duration::from_secs(60);
        let mut now = self.now();
        loop {
            // Negative when `time` has passed.
            let left = match Duration::try_from(now.duration_until(time)) {
                Ok(left) if !left.is_zero() => left.min(LONGEST),
                _ => return true,
            };
            tokio::time::sleep(left).await;
            let expected = now.saturating_add(left);
            now = self.now();
            if is_set_back(&expected, &now) {
                return false;
            }
        }
    }
}

/// Whether a clock that should show `expected` was set back to `now`.
pub(crate) fn is_set_back(expected: &Zoned, now: &Zoned) -> bool {
    Duration::try_from(now.duration_until(expected)).is_ok_and(|back| back > SET)
}
