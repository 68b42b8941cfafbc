//! The units of time, and their boundaries.

use jiff::civil::DateTime;

use super::{Moment, civil_of, fields_of};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Year,
    Quarter,
    Month,
    Week,
    IsoWeek,
    Day,
    Date,
    Weekday,
    IsoWeekday,
    DayOfYear,
    WeekYear,
    IsoWeekYear,
    Hour,
    Minute,
    Second,
    Milli,
}

impl Unit {
    /// # Errors
    /// If the unit is unknown.
    pub(super) fn parse(name: &str) -> Result<Self, String> {
        Unit::short(name).or_else(|| Unit::long(&name.to_lowercase())).ok_or_else(|| {
            let name = super::super::syntax::shorten(name);
            format!("unknown unit `{name}`, expected `years`, `months`, `days`, `hours` …")
        })
    }

    /// Abbreviations that differ only in case.
    fn short(name: &str) -> Option<Self> {
        Some(match name {
            "y" => Unit::Year,
            "Q" => Unit::Quarter,
            "M" => Unit::Month,
            "w" => Unit::Week,
            "W" => Unit::IsoWeek,
            "d" => Unit::Day,
            "D" => Unit::Date,
            "e" => Unit::Weekday,
            "E" => Unit::IsoWeekday,
            "DDD" => Unit::DayOfYear,
            "gg" => Unit::WeekYear,
            "GG" => Unit::IsoWeekYear,
            "h" => Unit::Hour,
            "m" => Unit::Minute,
            "s" => Unit::Second,
            "ms" => Unit::Milli,
            _ => return None,
        })
    }

    fn long(name: &str) -> Option<Self> {
        Some(match name.strip_suffix('s').unwrap_or(name) {
            "year" | "y" => Unit::Year,
            "quarter" => Unit::Quarter,
            "month" => Unit::Month,
            "week" | "w" => Unit::Week,
            "isoweek" => Unit::IsoWeek,
            "day" | "d" => Unit::Day,
            "date" => Unit::Date,
            "weekday" | "e" => Unit::Weekday,
            "isoweekday" => Unit::IsoWeekday,
            "dayofyear" => Unit::DayOfYear,
            "weekyear" => Unit::WeekYear,
            "isoweekyear" => Unit::IsoWeekYear,
            "hour" | "h" => Unit::Hour,
            "minute" | "m" => Unit::Minute,
            "second" => Unit::Second,
            "millisecond" => Unit::Milli,
            _ => return None,
        })
    }
}

impl Moment {
    /// Moves back to the start of the current unit.
    pub(super) fn start_of(&mut self, unit: Unit) {
        self.bound(unit, 0);
    }

    /// Moves to the last millisecond of the current unit.
    pub(super) fn end_of(&mut self, unit: Unit) {
        let end = self.civil();
        self.bound(unit, 1);
        match (self.at, end) {
            (Some(next), _) if bounded(unit) => self.set_millis(Some(next - 1)),
            // The calendar ends within the unit.
            (None, Some(civil)) => {
                let last = DateTime::new(civil.year(), 12, 31, 23, 59, 59, 999_000_000);
                self.set_civil(last.ok());
            }
            _ => {}
        }
    }

    /// Moves to the start of the unit `later` units ahead.
    fn bound(&mut self, unit: Unit, later: i64) {
        let Some(civil) = self.civil() else { return };
        let [year, month, day, ..] = fields_of(civil);
        let from_sunday = i64::from(civil.weekday().to_sunday_zero_offset());
        let date = |year, month, day| civil_of([year, month, day, 0, 0, 0, 0]);
        let start = match unit {
            Unit::Year => date(year + later, 1, 1),
            Unit::Quarter => date(year, (month - 1) / 3 * 3 + 1 + 3 * later, 1),
            Unit::Month => date(year, month + later, 1),
            Unit::Week => date(year, month, day - from_sunday + 7 * later),
            Unit::IsoWeek => date(year, month, day - (from_sunday + 6) % 7 + 7 * later),
            Unit::Day | Unit::Date => date(year, month, day + later),
            Unit::Hour => return self.step(3_600_000, later),
            Unit::Minute => return self.step(60_000, later),
            Unit::Second => return self.step(1000, later),
            _ => return,
        };
        self.set_civil(start);
    }

    /// For units of constant length.
    fn step(&mut self, size: i64, later: i64) {
        let shift = self.offset_minutes().unwrap_or_default() * 60_000;
        let start = |millis: i64| (millis + shift).div_euclid(size) * size - shift + later * size;
        self.set_millis(self.at.map(start));
    }
}

/// Whether the unit has boundaries.
fn bounded(unit: Unit) -> bool {
    !matches!(
        unit,
        Unit::Weekday
            | Unit::IsoWeekday
            | Unit::DayOfYear
            | Unit::WeekYear
            | Unit::IsoWeekYear
            | Unit::Milli
    )
}
