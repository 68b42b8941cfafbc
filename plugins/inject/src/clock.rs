//! The time of day, including under tokio's paused clock.

use std::time::{Duration, SystemTime};

use ferrowire_zone as zone;
use jiff::{Timestamp, Zoned, tz::TimeZone};

/// The time in the local time zone.
///
/// A test pauses tokio's clock but not the system's, so the time by which tokio's clock has run
/// ahead since the start is added. Outside of tests the two agree.
#[derive(Debug)]
pub(crate) struct Clock {
    read: fn() -> SystemTime,
    tokio: tokio::time::Instant,
    system: std::time::Instant,
    zone: TimeZone,
}

/// Smaller steps back are corrections of the clock, which must not repeat a time.
const SET: Duration = Duration::from_secs(60);

impl Clock {
    pub(crate) fn local() -> Self {
        Self::reading(SystemTime::now)
    }

    /// A clock that reads the time from `read`.
    pub(crate) fn reading(read: fn() -> SystemTime) -> Self {
        Clock {
            read,
            tokio: tokio::time::Instant::now(),
            system: std::time::Instant::now(),
            zone: zone::local().rules().clone(),
        }
    }

    pub(crate) fn now(&self) -> Zoned {
        let (tokio, system) = (self.tokio.elapsed(), self.system.elapsed());
        let now = (self.read)() + tokio.saturating_sub(system) - system.saturating_sub(tokio);
        let now = Timestamp::try_from(now).unwrap_or(Timestamp::MAX);
        now.to_zoned(self.zone.clone())
    }

    /// Waits until `time`, in short sleeps, to notice when the system clock was set or the machine
    /// was suspended. Returns false if the clock was set back.
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

/// Whether the clock was set back: it shows `now` instead of `expected`.
pub(crate) fn is_set_back(expected: &Zoned, now: &Zoned) -> bool {
    Duration::try_from(now.duration_until(expected)).is_ok_and(|back| back > SET)
}
