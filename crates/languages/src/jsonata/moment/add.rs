//! Durations, and adding them to moments.

use jsonata_core::value::JValue;
use regex::Captures;

use super::pattern::Pattern;
use super::unit::Unit;
use super::{DAY, Moment, civil_of, days_in_month, fields_of};

/// A duration in months, days and milliseconds: months and days have no fixed length.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Span {
    pub(super) months: f64,
    days: f64,
    pub(super) millis: f64,
}

static CLOCK: Pattern = Pattern::new(
    r"^(?<s>[-+])?(?:(?<d>\d*)[. ])?(?<h>\d+):(?<m>\d+)(?::(?<sec>\d+)(?<ms>\.\d*)?)?$",
);

static ISO: Pattern = Pattern::new(concat!(
    r"^(?<s>[-+])?P(?:(?<y>[-+]?[0-9,.]+)Y)?(?:(?<mo>[-+]?[0-9,.]+)M)?(?:(?<w>[-+]?[0-9,.]+)W)?",
    r"(?:(?<d>[-+]?[0-9,.]+)D)?",
    r"(?:T(?:(?<h>[-+]?[0-9,.]+)H)?(?:(?<m>[-+]?[0-9,.]+)M)?(?:(?<sec>[-+]?[0-9,.]+)S)?)?$"
));

impl Span {
    /// The duration for the arguments of `add`.
    ///
    /// # Errors
    /// If they are invalid.
    pub(super) fn read(amount: &JValue, unit: &JValue) -> Result<Self, String> {
        if matches!(amount, JValue::Undefined | JValue::Null) {
            return Ok(Span::default());
        }
        if let JValue::Object(parts) = amount {
            let mut span = Span::default();
            for (name, amount) in parts.iter() {
                span.put(number(amount).ok_or_else(|| no_span(amount))?, Unit::parse(name)?)?;
            }
            return Ok(span);
        }
        // `add("days", 1)`, which moment deprecates but accepts.
        let (amount, unit) = match (number(amount), number(unit)) {
            (None, Some(_)) => (unit, amount),
            _ => (amount, unit),
        };
        match (number(amount), unit.as_str(), amount.as_str()) {
            (Some(amount), Some(unit), _) => {
                let mut span = Span::default();
                span.put(amount, Unit::parse(unit)?)?;
                Ok(span)
            }
            (Some(millis), None, _) => Ok(Span { millis, ..Span::default() }),
            (None, _, Some(text)) => Span::of_text(text).ok_or_else(|| no_span(amount)),
            _ => Err(no_span(amount)),
        }
    }

    fn put(&mut self, amount: f64, unit: Unit) -> Result<(), String> {
        match unit {
            Unit::Year => self.months += amount * 12.0,
            Unit::Quarter => self.months += amount * 3.0,
            Unit::Month => self.months += amount,
            Unit::Week | Unit::IsoWeek => self.days += amount * 7.0,
            Unit::Day => self.days += amount,
            Unit::Hour => self.millis += amount * 3_600_000.0,
            Unit::Minute => self.millis += amount * 60_000.0,
            Unit::Second => self.millis += amount * 1000.0,
            Unit::Milli => self.millis += amount,
            _ => {
                return Err("expected years, quarters, months, weeks, days, hours, minutes, \
                            seconds or milliseconds"
                    .to_owned());
            }
        }
        Ok(())
    }

    /// A duration in the form `1.02:03:04` or, as in ISO 8601, `P1DT2H`.
    fn of_text(text: &str) -> Option<Self> {
        let found = CLOCK.captures(text).or_else(|| ISO.captures(text))?;
        let sign =
            if found.name("s").is_some_and(|sign| sign.as_str() == "-") { -1.0 } else { 1.0 };
        let part = |name| sign * part(&found, name);
        Some(Span {
            months: part("y") * 12.0 + part("mo"),
            days: part("w") * 7.0 + part("d"),
            millis: part("h") * 3_600_000.0
                + part("m") * 60_000.0
                + part("sec") * 1000.0
                + (part("ms") * 1000.0).round(),
        })
    }

    pub(super) fn negated(self) -> Self {
        Span { months: -self.months, days: -self.days, millis: -self.millis }
    }
}

fn part(found: &Captures<'_>, name: &str) -> f64 {
    let text = found.name(name).map_or("", |found| found.as_str());
    text.replace(',', ".").parse().unwrap_or_default()
}

fn no_span(value: &JValue) -> String {
    match value.as_str() {
        Some(text) => format!("invalid duration `{}`", super::super::syntax::shorten(text)),
        None => "expected a number and a unit, as in `add(1, \"day\")`".to_owned(),
    }
}

/// A number, also as text.
pub(super) fn number(value: &JValue) -> Option<f64> {
    match value {
        JValue::Number(number) => Some(*number).filter(|number| number.is_finite()),
        JValue::String(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
        _ => None,
    }
}

impl Moment {
    pub(super) fn add(&mut self, span: Span) {
        let months = span.months.round() as i64;
        if months != 0 {
            self.add_months(months);
        }
        let days = span.days.round() as i64;
        if days != 0 {
            self.set_civil(self.civil().and_then(|civil| {
                let [year, month, day, rest @ ..] = fields_of(civil);
                let [hour, minute, second, milli] = rest;
                civil_of([year, month, day.checked_add(days)?, hour, minute, second, milli])
            }));
        }
        self.set_millis(self.at.map(|at| (at as f64 + span.millis) as i64));
    }

    /// The same day in another month, or the last one of that month.
    pub(super) fn add_months(&mut self, months: i64) {
        self.set_civil(self.civil().and_then(|civil| {
            let [year, month, day, hour, minute, second, milli] = fields_of(civil);
            let month = month.checked_add(months.clamp(-DAY, DAY))?;
            let day = day.min(days_in_month(year, month));
            civil_of([year, month, day, hour, minute, second, milli])
        }));
    }
}
