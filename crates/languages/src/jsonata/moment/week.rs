//! Week numbers, in two systems.

use jiff::civil::{Date, DateTime};

/// How weeks are numbered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weeks {
    /// The first day of a week; 0 is Sunday.
    first_day: i64,
    /// The day of January that is always in week 1.
    in_first: i8,
}

/// As in the USA: weeks start on Sunday, and week 1 contains January 1.
pub(super) const LOCAL: Weeks = Weeks { first_day: 0, in_first: 1 };

/// As in ISO 8601: weeks start on Monday, and week 1 contains January 4.
pub(super) const ISO: Weeks = Weeks { first_day: 1, in_first: 4 };

impl Weeks {
    /// The number of days from January 1 to the start of week 1 of `year`.
    fn start(self, year: i64) -> Option<i64> {
        // The calendar repeats every 400 years.
        let alike = i16::try_from(2000 + year.rem_euclid(400)).ok()?;
        let date = Date::new(alike, 1, self.in_first).ok()?;
        let weekday = i64::from(date.weekday().to_sunday_zero_offset());
        Some(i64::from(self.in_first) - 1 - (weekday - self.first_day).rem_euclid(7))
    }

    /// The number of weeks in `year`.
    pub(super) fn count(self, year: i64) -> Option<i64> {
        let days = if super::is_leap(year) { 366 } else { 365 };
        Some((days - self.start(year)? + self.start(year + 1)?) / 7)
    }

    /// The year and week of `civil`.
    pub(super) fn of(self, civil: DateTime) -> Option<(i64, i64)> {
        let year = i64::from(civil.year());
        let day = i64::from(civil.date().day_of_year()) - 1;
        let week = (day - self.start(year)?).div_euclid(7) + 1;
        if week < 1 {
            return Some((year - 1, self.count(year - 1)?));
        }
        match self.count(year)? {
            count if week > count => Some((year + 1, week - count)),
            _ => Some((year, week)),
        }
    }

    /// The day of the year, from 1, for a day in a week; `weekday` 0 is Sunday.
    pub(super) fn day_of_year(self, year: i64, week: i64, weekday: i64) -> Option<i64> {
        let day = (weekday - self.first_day).rem_euclid(7);
        Some(1 + 7 * (week - 1) + day + self.start(year)?)
    }
}
