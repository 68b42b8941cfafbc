//! The time of day, also under the paused clock of a test.

use std::time::{Duration, SystemTime};

use jiff::{Timestamp, Zoned, tz::TimeZone};

/// Tells the time in the local time zone.
///
/// A test pauses tokio's clock and not the system's. The two are compared with their state at
/// the beginning: what tokio's is ahead by is added. Outside of tests they run in step.
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

    /// Waits for `time`. Sleeps are short, so that a system clock that was set, or a machine
    /// that was suspended, is noticed.
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
