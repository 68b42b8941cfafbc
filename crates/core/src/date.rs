//! `Date`: a JavaScript `Date`.

/// The largest distance of a date from 1970, in milliseconds.
const FURTHEST: f64 = 8.64e15;
const MILLIS_PER_DAY: i64 = 86_400_000;

/// A JavaScript date: whole milliseconds since 1970 in UTC, or an invalid date.
#[derive(Clone, Copy, Debug)]
pub struct Date(f64);

impl Date {
    /// `new Date(NaN)`.
    pub const INVALID: Self = Date(f64::NAN);

    /// `new Date(millis)`: fractions are dropped; more than 8.64e15 milliseconds from 1970 is an
    /// invalid date.
    pub fn from_millis(millis: f64) -> Self {
        if millis.abs() > FURTHEST || millis.is_nan() {
            return Date::INVALID;
        }
        // The addition turns -0 into 0.
        Date(millis.trunc() + 0.0)
    }

    /// `new Date()`.
    pub fn now() -> Self {
        let now = std::time::SystemTime::now();
        match now.duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => Date::from_millis(since.as_millis() as f64),
            Err(before) => Date::from_millis(-(before.duration().as_millis() as f64)),
        }
    }

    /// `date.getTime()`: NaN for an invalid date.
    pub fn millis(self) -> f64 {
        self.0
    }

    /// `date.toISOString()`, or `None` for an invalid date.
    pub fn to_iso(self) -> Option<String> {
        if self.0.is_nan() {
            return None;
        }
        let millis = self.0 as i64;
        let (year, month, day) = civil(millis.div_euclid(MILLIS_PER_DAY));
        let time = millis.rem_euclid(MILLIS_PER_DAY);
        let (seconds, millis) = (time / 1000, time % 1000);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        let year = match year {
            0..=9999 => format!("{year:04}"),
            _ => format!("{year:+07}"),
        };
        Some(format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z"))
    }
}

impl PartialEq for Date {
    /// Two dates are equal if they are the same instant, or both invalid.
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0 || (self.0.is_nan() && other.0.is_nan())
    }
}

impl Eq for Date {}

/// Year, month and day of a day counted from 1970-01-01. Years start in March, so that a leap day
/// is the last day; the calendar repeats every 400 years.
fn civil(days: i64) -> (i64, i64, i64) {
    const DAYS_OF_CYCLE: i64 = 146_097;
    let days = days + 719_468;
    let (cycle, day) = (days.div_euclid(DAYS_OF_CYCLE), days.rem_euclid(DAYS_OF_CYCLE));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (cycle * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn iso(millis: f64) -> Option<String> {
        Date::from_millis(millis).to_iso()
    }

    #[test]
    fn the_iso_text_is_that_of_javascript_at_the_borders() {
        for (millis, text) in [
            (0.0, "1970-01-01T00:00:00.000Z"),
            (-1.0, "1969-12-31T23:59:59.999Z"),
            (-0.5, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000.0, "2000-02-29T00:00:00.000Z"),
            (253_402_300_800_000.0, "+010000-01-01T00:00:00.000Z"),
            (-62_167_219_200_001.0, "-000001-12-31T23:59:59.999Z"),
            (-62_167_219_200_000.0, "0000-01-01T00:00:00.000Z"),
            (FURTHEST, "+275760-09-13T00:00:00.000Z"),
            (-FURTHEST, "-271821-04-20T00:00:00.000Z"),
        ] {
            assert_eq!(iso(millis).as_deref(), Some(text));
        }
        for millis in [f64::NAN, f64::INFINITY, FURTHEST + 1.0] {
            assert_eq!((iso(millis), Date::from_millis(millis)), (None, Date::INVALID));
        }
    }

    proptest! {
        #[test]
        fn days_are_those_of_the_calendar(millis in -62_167_219_200_000i64..253_402_300_800_000) {
            let expected = jiff::Timestamp::from_millisecond(millis).unwrap();
            prop_assert_eq!(iso(millis as f64).unwrap(), format!("{expected:.3}"));
        }
    }
}
