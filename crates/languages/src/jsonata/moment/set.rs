//! Gets and sets the fields of a moment.

use jsonata_core::value::JValue;

use super::add::{Span, number};
use super::names::{MONTHS, WEEKDAYS, place};
use super::unit::Unit;
use super::week::{ISO, LOCAL, Weeks};
use super::{Moment, civil_of, days_in_month, fields_of};

impl Moment {
    /// The value of a unit; NaN for an invalid date.
    pub(super) fn get(&self, unit: Unit) -> f64 {
        self.number_of(unit).map_or(f64::NAN, |number| number as f64)
    }

    fn number_of(&self, unit: Unit) -> Option<i64> {
        let civil = self.civil()?;
        let [year, month, day, hour, minute, second, milli] = fields_of(civil);
        let weekday = i64::from(civil.weekday().to_sunday_zero_offset());
        Some(match unit {
            Unit::Year => year,
            Unit::Quarter => (month + 2) / 3,
            Unit::Month => month - 1,
            Unit::Week => LOCAL.of(civil)?.1,
            Unit::IsoWeek => ISO.of(civil)?.1,
            Unit::Day | Unit::Weekday => weekday,
            Unit::IsoWeekday => (weekday + 6) % 7 + 1,
            Unit::Date => day,
            Unit::DayOfYear => civil.date().day_of_year().into(),
            Unit::WeekYear => LOCAL.of(civil)?.0,
            Unit::IsoWeekYear => ISO.of(civil)?.0,
            Unit::Hour => hour,
            Unit::Minute => minute,
            Unit::Second => second,
            Unit::Milli => milli,
        })
    }

    /// Sets the value of a unit; a value out of range carries over into the next larger unit.
    ///
    /// # Errors
    /// If `value` is neither a number nor a valid name of a month or day.
    pub(super) fn set(&mut self, unit: Unit, value: &JValue) -> Result<(), String> {
        let named = |names: &[&str]| {
            let found = value.as_str().and_then(|text| place(names, text));
            found.map(|place| place as f64)
        };
        let amount = number(value).or_else(|| match unit {
            Unit::Month => named(&MONTHS),
            Unit::Day => named(&WEEKDAYS),
            Unit::IsoWeekday => named(&WEEKDAYS).map(|day| if day == 0.0 { 7.0 } else { day }),
            _ => None,
        });
        // Far out of every range, but without overflow.
        const MOST: f64 = 1e12;
        let amount = amount.ok_or("expected a number")?.trunc().clamp(-MOST, MOST);
        self.set_number(unit, amount as i64);
        Ok(())
    }

    fn set_number(&mut self, unit: Unit, amount: i64) {
        let Some(civil) = self.civil() else { return };
        let [year, month, day, hour, minute, second, milli] = fields_of(civil);
        let current = self.number_of(unit).unwrap_or_default();
        let on = amount.saturating_sub(current);
        let civil = match unit {
            Unit::Year => {
                let last = if month == 2 && day == 29 { days_in_month(amount, 2) } else { day };
                civil_of([amount, month, last, hour, minute, second, milli])
            }
            Unit::Quarter => return self.add_months(on.saturating_mul(3)),
            Unit::Month => return self.add_months(on),
            Unit::Week | Unit::IsoWeek => return self.add_days(on.saturating_mul(7)),
            // In a week from Monday, Sunday is the last day.
            Unit::Day | Unit::Weekday | Unit::IsoWeekday | Unit::DayOfYear => {
                return self.add_days(on);
            }
            Unit::Date => civil_of([year, month, amount, hour, minute, second, milli]),
            Unit::WeekYear => return self.set_week_year(LOCAL, amount),
            Unit::IsoWeekYear => return self.set_week_year(ISO, amount),
            Unit::Hour => civil_of([year, month, day, amount, minute, second, milli]),
            Unit::Minute | Unit::Second | Unit::Milli => {
                let size = match unit {
                    Unit::Minute => 60_000,
                    Unit::Second => 1000,
                    _ => 1,
                };
                let millis = self.at.and_then(|at| at.checked_add(on.checked_mul(size)?));
                return self.set_millis(millis);
            }
        };
        self.set_civil(civil);
    }

    fn add_days(&mut self, days: i64) {
        let day = JValue::string("d");
        if let Ok(span) = Span::read(&JValue::Number(days as f64), &day) {
            self.add(span);
        }
    }

    fn set_week_year(&mut self, weeks: Weeks, year: i64) {
        let civil = self.civil().and_then(|civil| {
            let week = weeks.of(civil)?.1.min(weeks.count(year)?);
            let weekday = i64::from(civil.weekday().to_sunday_zero_offset());
            let day = weeks.day_of_year(year, week, weekday)?;
            let [_, _, _, hour, minute, second, milli] = fields_of(civil);
            civil_of([year, 1, day, hour, minute, second, milli])
        });
        self.set_civil(civil);
    }
}
