//! The time of day, including under tokio's paused clock.

use std::time::{Duration, SystemTime};

use jiff::{Timestamp, Zoned, tz::TimeZone};

/// The time in the local time zone.
///
/// A test pauses tokio's clock but not the system's, so the time by which tokio's clock has run
/// ahead since the start is added. Outside of tests the two agree.
#[derive(Debug)]
pub(crate) struct Clock {
    tokio: tokio::time::Instant,
    system: std::time::Instant,
    zone: TimeZone,
}

impl Clock {
    pub(crate) fn local() -> Self {
        Clock {
            tokio: tokio::time::Instant::now(),
            system: std::time::Instant::now(),
            zone: TimeZone::system(),
        }
    }

    pub(crate) fn now(&self) -> Zoned {
        let (tokio, system) = (self.tokio.elapsed(), self.system.elapsed());
        let now = SystemTime::now() + tokio.saturating_sub(system) - system.saturating_sub(tokio);
        let now = Timestamp::try_from(now).unwrap_or(Timestamp::MAX);
        now.to_zoned(self.zone.clone())
    }

    /// Waits until `time`, in short sleeps, to notice when the system clock was set or the machine
    /// was suspended.
    pub(crate) async fn wait_until(&self, time: &Zoned) {
        const LONGEST: Duration = Duration::from_secs(60);
        loop {
            // Negative when `time` has passed.
            let left = self.now().duration_until(time);
            match Duration::try_from(left) {
                Ok(left) if !left.is_zero() => tokio::time::sleep(left.min(LONGEST)).await,
                _ => return,
            }
        }
    }
}
