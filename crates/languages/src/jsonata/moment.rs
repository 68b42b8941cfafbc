//! `$moment`: points in time with a time zone, as in Node-RED's expressions.
//!
//! In an expression, a moment is an object that refers to an entry of [`Moments`], so that
//! `$m.add(1, "day")` changes the moment in `$m`, as in Node-RED.

mod add;
mod compare;
mod format;
mod iso;
mod legacy;
mod methods;
mod names;
mod parse;
mod pattern;
mod read;
mod relative;
mod set;
mod table;
#[cfg(test)]
mod tests;
mod unit;
mod week;

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use jsonata_core::ast::{AstNode, BinaryOp};

use super::guard;
pub(super) use methods::{Known, known};
pub(super) use table::{Moments, register};

/// Prepares one part of an expression that uses `$moment`: calls without a `$` become methods of
/// moments, and moments can become text.
pub(super) fn insert(node: &mut AstNode) {
    let wrap = |part: &mut AstNode| {
        if !matches!(part, AstNode::String(_) | AstNode::Placeholder) {
            *part = guard::call(table::TEXT, vec![std::mem::replace(part, AstNode::Null)]);
        }
    };
    match node {
        AstNode::Binary { op: BinaryOp::Concatenate, lhs, rhs } => {
            wrap(lhs);
            wrap(rhs);
        }
        AstNode::Function { name, args, is_builtin: true } if name == "string" => {
            if args.is_empty() {
                args.push(AstNode::variable(""));
            }
            args.iter_mut().take(1).for_each(wrap);
        }
        AstNode::Function { name, args, is_builtin: false } if known(name) == Known::Yes => {
            let front = [AstNode::variable(""), AstNode::string(name.as_str())];
            let args = front.into_iter().chain(std::mem::take(args)).collect();
            *node = guard::call(table::METHOD, args);
        }
        _ => {}
    }
}

/// The current time in a format.
///
/// # Errors
/// If the format is too long.
pub(crate) fn now_as(format: &str) -> Result<String, String> {
    Moment::now().format(format)
}

/// Milliseconds of a day without a clock change.
const DAY: i64 = 86_400_000;

/// A point in time; invalid if its source was not a date.
#[derive(Clone, Debug)]
struct Moment {
    /// Milliseconds since 1970.
    at: Option<i64>,
    zone: Zone,
}

/// The time zone of a moment.
#[derive(Clone, Debug, PartialEq)]
enum Zone {
    /// The process's time zone.
    Local,
    Fixed(Offset),
    Named(TimeZone),
}

impl Zone {
    const UTC: Zone = Zone::Fixed(Offset::UTC);

    fn rules(&self) -> TimeZone {
        match self {
            Zone::Local => ferrowire_zone::local().rules().clone(),
            Zone::Fixed(offset) => TimeZone::fixed(*offset),
            Zone::Named(zone) => zone.clone(),
        }
    }
}

impl Moment {
    const INVALID: Moment = Moment { at: None, zone: Zone::Local };

    fn local(millis: i64) -> Self {
        Moment { at: Some(millis).filter(known_millis), zone: Zone::Local }
    }

    fn now() -> Self {
        Moment::local(Timestamp::now().as_millisecond())
    }

    /// The moment at the civil time `civil` in `zone`.
    fn at_civil(civil: DateTime, zone: Zone) -> Self {
        let rules = zone.rules();
        let since = civil.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0)).as_millis();
        let at = match rules.to_ambiguous_timestamp(civil).compatible() {
            Ok(at) => Some(at.as_millisecond()),
            Err(_) => i64::try_from(since)
                .ok()
                .map(|since| since - i64::from(rules.to_offset(near(since)).seconds()) * 1000),
        };
        Moment { at: at.filter(known_millis), zone }
    }

    fn offset(&self) -> Option<Offset> {
        self.at.map(|at| self.zone.rules().to_offset(near(at)))
    }

    fn offset_minutes(&self) -> Option<i64> {
        self.offset().map(|offset| (f64::from(offset.seconds()) / 60.0).round() as i64)
    }

    /// The civil time.
    fn civil(&self) -> Option<DateTime> {
        let shown = self.at? + i64::from(self.offset()?.seconds()) * 1000;
        DateTime::constant(1970, 1, 1, 0, 0, 0, 0)
            .checked_add(SignedDuration::from_millis(shown))
            .ok()
    }

    fn set_civil(&mut self, civil: Option<DateTime>) {
        *self = match civil {
            Some(civil) => Moment::at_civil(civil, self.zone.clone()),
            None => Moment { at: None, zone: self.zone.clone() },
        };
    }

    fn set_millis(&mut self, millis: Option<i64>) {
        self.at = millis.filter(known_millis);
    }
}

/// Whether the calendar, from the year -9999 to 9999, contains a millisecond.
fn known_millis(millis: &i64) -> bool {
    (-377_705_116_800_000..=253_402_300_799_999).contains(millis)
}

/// A time with the UTC offset of `millis`; the library's times end two days before its calendar.
fn near(millis: i64) -> Timestamp {
    let end = if millis < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_millisecond(millis).unwrap_or(end)
}

/// The date of year, month, day, hour, minute, second and millisecond (month and day from 1), each
/// of which may be out of range: month 13 is the first month of the next year.
fn civil_of(fields: [i64; 7]) -> Option<DateTime> {
    const MOST: i64 = 1 << 40;
    if fields.iter().any(|field| field.abs() > MOST) {
        return None;
    }
    let [year, month, day, hour, minute, second, milli] = fields;
    let months = year.checked_mul(12)?.checked_add(month - 1)?;
    let year = i16::try_from(months.div_euclid(12)).ok()?;
    let first = DateTime::new(year, (months.rem_euclid(12) + 1) as i8, 1, 0, 0, 0, 0).ok()?;
    let seconds = (day - 1).checked_mul(86_400)?.checked_add(hour * 3600 + minute * 60 + second)?;
    let millis = seconds.checked_mul(1000)?.checked_add(milli)?;
    first.checked_add(SignedDuration::from_millis(millis)).ok()
}

/// The inverse of [`civil_of`].
fn fields_of(civil: DateTime) -> [i64; 7] {
    [
        civil.year().into(),
        civil.month().into(),
        civil.day().into(),
        civil.hour().into(),
        civil.minute().into(),
        civil.second().into(),
        civil.millisecond().into(),
    ]
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let months = year * 12 + month - 1;
    let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}
