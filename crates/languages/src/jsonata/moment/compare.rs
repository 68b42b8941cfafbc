//! Comparisons of moments.

use super::unit::Unit;
use super::{DAY, Moment, fields_of};

impl Moment {
    /// `self - other` in a unit.
    pub(super) fn diff(&self, other: &Moment, unit: Unit, exact: bool) -> f64 {
        let other = Moment { at: other.at, zone: self.zone.clone() };
        let (Some(to), Some(from)) = (self.at, other.at) else { return f64::NAN };
        let millis = (to - from) as f64;
        let shift =
            self.offset_minutes().unwrap_or_default() - other.offset_minutes().unwrap_or_default();
        let days = (millis + (shift * 60_000) as f64) / DAY as f64;
        let amount = match unit {
            Unit::Year => months(self, &other) / 12.0,
            Unit::Quarter => months(self, &other) / 3.0,
            Unit::Month => months(self, &other),
            Unit::Week => days / 7.0,
            Unit::Day => days,
            Unit::Hour => millis / 3_600_000.0,
            Unit::Minute => millis / 60_000.0,
            Unit::Second => millis / 1000.0,
            _ => millis,
        };
        // Adding 0 turns a negative zero into 0.
        (if exact { amount } else { amount.trunc() }) + 0.0
    }

    pub(super) fn is_before(&self, other: &Moment, unit: Unit) -> bool {
        let mut end = self.clone();
        if unit != Unit::Milli {
            end.end_of(unit);
        }
        end.at.zip(other.at).is_some_and(|(end, other)| end < other)
    }

    pub(super) fn is_after(&self, other: &Moment, unit: Unit) -> bool {
        let mut start = self.clone();
        start.start_of(unit);
        start.at.zip(other.at).is_some_and(|(start, other)| start > other)
    }

    pub(super) fn is_same(&self, other: &Moment, unit: Unit) -> bool {
        self.at.is_some()
            && other.at.is_some()
            && !self.is_before(other, unit)
            && !self.is_after(other, unit)
    }

    /// `bounds` are two brackets; parentheses exclude the bound.
    pub(super) fn is_between(&self, from: &Moment, to: &Moment, unit: Unit, bounds: &str) -> bool {
        if self.at.is_none() || from.at.is_none() || to.at.is_none() {
            return false;
        }
        let after = match bounds.starts_with('(') {
            true => self.is_after(from, unit),
            false => !self.is_before(from, unit),
        };
        let before = match bounds.ends_with(')') {
            true => self.is_before(to, unit),
            false => !self.is_after(to, unit),
        };
        after && before
    }
}

/// Months from `other` to `this`; the remainder is a fraction of the month it falls in.
fn months(this: &Moment, other: &Moment) -> f64 {
    let (Some(a), Some(b)) = (this.civil(), other.civil()) else { return f64::NAN };
    let ([year_a, month_a, day_a, ..], [year_b, month_b, day_b, ..]) = (fields_of(a), fields_of(b));
    if day_a < day_b {
        return -months(other, this);
    }
    let whole = (year_b - year_a) * 12 + (month_b - month_a);
    let at = |months: i64| {
        let mut moment = this.clone();
        moment.add_months(months);
        moment.at.unwrap_or_default() as f64
    };
    let (anchor, target) = (at(whole), other.at.unwrap_or_default() as f64);
    let part = match target - anchor {
        over if over < 0.0 => over / (anchor - at(whole - 1)),
        over => over / (at(whole + 1) - anchor),
    };
    -(whole as f64 + part)
}
