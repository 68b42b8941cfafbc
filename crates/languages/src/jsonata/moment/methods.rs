//! The methods of moments.

use jiff::tz::{Offset, TimeZone};
use jsonata_core::value::{JArray, JValue};

use super::add::{Span, number};
use super::parse::offset_of;
use super::table::Moments;
use super::unit::Unit;
use super::week::{ISO, LOCAL};
use super::{Moment, Zone, days_in_month, fields_of, is_leap};

/// The result of a method.
pub(super) enum Answer {
    /// The moment itself, possibly changed.
    This,
    /// Another moment.
    New(Moment),
    Value(JValue),
}

/// Whether a name is a method.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in super::super) enum Known {
    Yes,
    /// A method of Node-RED's moments that is not supported.
    Missing,
    No,
}

/// The methods named after units: with an argument they set the unit.
const UNITS: &[&str] = &[
    "year",
    "years",
    "quarter",
    "quarters",
    "month",
    "months",
    "week",
    "weeks",
    "isoWeek",
    "isoWeeks",
    "day",
    "days",
    "date",
    "dates",
    "weekday",
    "isoWeekday",
    "dayOfYear",
    "weekYear",
    "isoWeekYear",
    "hour",
    "hours",
    "minute",
    "minutes",
    "second",
    "seconds",
    "millisecond",
    "milliseconds",
];

pub(in super::super) fn known(name: &str) -> Known {
    match name {
        "add"
        | "subtract"
        | "clone"
        | "diff"
        | "startOf"
        | "endOf"
        | "format"
        | "from"
        | "fromNow"
        | "to"
        | "toNow"
        | "calendar"
        | "get"
        | "set"
        | "isBefore"
        | "isAfter"
        | "isSame"
        | "isSameOrBefore"
        | "isSameOrAfter"
        | "isBetween"
        | "isValid"
        | "toArray"
        | "toObject"
        | "toDate"
        | "toISOString"
        | "toJSON"
        | "toString"
        | "unix"
        | "valueOf"
        | "isLeapYear"
        | "daysInMonth"
        | "weeksInYear"
        | "weeksInWeekYear"
        | "isoWeeksInYear"
        | "isoWeeksInISOWeekYear"
        | "utcOffset"
        | "utc"
        | "local"
        | "tz"
        | "isDST"
        | "isLocal"
        | "isUtcOffset"
        | "isUtc"
        | "isUTC"
        | "zoneAbbr"
        | "zoneName"
        | "locale"
        | "hasAlignedHourOffset" => Known::Yes,
        "creationData" | "eraAbbr" | "eraName" | "eraNarrow" | "eraYear" | "inspect"
        | "invalidAt" | "isDSTShifted" | "lang" | "localeData" | "max" | "min" | "parseZone"
        | "parsingFlags" | "zone" => Known::Missing,
        unit if UNITS.contains(&unit) => Known::Yes,
        _ => Known::No,
    }
}

/// # Errors
/// If an argument is invalid.
pub(super) fn call(
    name: &str,
    this: &mut Moment,
    args: &[JValue],
    moments: &Moments,
) -> Result<Answer, String> {
    let arg = |place: usize| args.get(place).unwrap_or(&JValue::Undefined);
    let given = |place: usize| !matches!(arg(place), JValue::Undefined | JValue::Null);
    if UNITS.contains(&name) {
        let unit = Unit::parse(name)?;
        return match given(0) {
            true => this.set(unit, arg(0)).map(|()| Answer::This),
            false => Ok(Answer::Value(JValue::Number(this.get(unit)))),
        };
    }
    match name {
        "add" => this.add(Span::read(arg(0), arg(1))?),
        "subtract" => this.add(Span::read(arg(0), arg(1))?.negated()),
        "startOf" | "endOf" => {
            if let Some(unit) = unit(arg(0))? {
                if name == "startOf" { this.start_of(unit) } else { this.end_of(unit) }
            }
        }
        "set" => set(this, arg(0), arg(1))?,
        "utc" => this.show_in(Zone::UTC, is_true(arg(0))),
        "local" => this.show_in(Zone::Local, is_true(arg(0))),
        "utcOffset" if given(0) => {
            if let Some(zone) = fixed(arg(0))? {
                this.show_in(zone, is_true(arg(1)));
            }
        }
        "tz" if given(0) => this.show_in(named(arg(0))?, is_true(arg(1))),
        "locale" if given(0) => match arg(0).as_str() {
            Some("en") => {}
            _ => return Err("expected the locale `en`".to_owned()),
        },
        "clone" => return Ok(Answer::New(this.clone())),
        "get" => {
            let unit = unit(arg(0))?.ok_or("expected a unit")?;
            return Ok(Answer::Value(JValue::Number(this.get(unit))));
        }
        _ => return ask(name, this, args, moments).map(Answer::Value),
    }
    Ok(Answer::This)
}

/// The methods that only read.
fn ask(name: &str, this: &Moment, args: &[JValue], moments: &Moments) -> Result<JValue, String> {
    let arg = |place: usize| args.get(place).unwrap_or(&JValue::Undefined);
    let text = |text: Option<String>| text.map_or(JValue::Null, JValue::string);
    Ok(match name {
        "format" => {
            let form = arg(0).as_str().filter(|form| !form.is_empty());
            let form = form.unwrap_or_else(|| this.usual_form());
            JValue::string(this.format(form)?)
        }
        "toISOString" if is_true(arg(0)) && this.at.is_some() => {
            JValue::string(this.format("YYYY-MM-DD[T]HH:mm:ss.SSSZ")?)
        }
        "toISOString" | "toJSON" | "toDate" => text(this.iso()),
        "toString" => JValue::string(this.format("ddd MMM DD YYYY HH:mm:ss [GMT]ZZ")?),
        "isValid" => JValue::Bool(this.at.is_some()),
        "diff" => {
            let unit = unit(arg(1))?.unwrap_or(Unit::Milli);
            JValue::Number(this.diff(&moments.of(arg(0))?, unit, is_true(arg(2))))
        }
        "fromNow" => JValue::string(this.relative(&Moment::now(), is_true(arg(0)))),
        "toNow" => JValue::string(Moment::now().relative(this, is_true(arg(0)))),
        "from" => JValue::string(this.relative(&moments.of(arg(0))?, is_true(arg(1)))),
        "to" => JValue::string(moments.of(arg(0))?.relative(this, is_true(arg(1)))),
        "calendar" => {
            let forms = [arg(0), arg(1)].into_iter().find_map(|arg| match arg {
                JValue::Object(forms) if moments.shown(forms).is_none() => Some(&**forms),
                _ => None,
            });
            let same = |arg: &JValue| matches!((arg, forms), (JValue::Object(arg), Some(forms)) if std::ptr::eq(&**arg, forms));
            let now = if same(arg(0)) { &JValue::Undefined } else { arg(0) };
            JValue::string(this.calendar(&moments.of(now)?, forms)?)
        }
        _ if name.starts_with("is") => return compare(name, this, args, moments),
        _ => return Ok(facts(name, this)),
    })
}

fn compare(
    name: &str,
    this: &Moment,
    args: &[JValue],
    moments: &Moments,
) -> Result<JValue, String> {
    let arg = |place: usize| args.get(place).unwrap_or(&JValue::Undefined);
    let with = |compare: &dyn Fn(&Moment, Unit) -> bool| -> Result<bool, String> {
        let unit = unit(arg(1))?.unwrap_or(Unit::Milli);
        Ok(compare(&moments.of(arg(0))?, unit))
    };
    Ok(JValue::Bool(match name {
        "isBefore" => with(&|other, unit| this.is_before(other, unit))?,
        "isAfter" => with(&|other, unit| this.is_after(other, unit))?,
        "isSame" => with(&|other, unit| this.is_same(other, unit))?,
        "isSameOrBefore" => {
            with(&|other, unit| this.is_same(other, unit) || this.is_before(other, unit))?
        }
        "isSameOrAfter" => {
            with(&|other, unit| this.is_same(other, unit) || this.is_after(other, unit))?
        }
        "isBetween" => {
            let unit = unit(arg(2))?.unwrap_or(Unit::Milli);
            let bounds = arg(3).as_str().unwrap_or("()");
            this.is_between(&moments.of(arg(0))?, &moments.of(arg(1))?, unit, bounds)
        }
        _ => return Ok(facts(name, this)),
    }))
}

/// The methods without arguments.
fn facts(name: &str, this: &Moment) -> JValue {
    let count =
        |number: Option<i64>| JValue::Number(number.map_or(f64::NAN, |number| number as f64));
    let fields = this.civil().map(fields_of);
    let year = |of: &dyn Fn(i64) -> Option<i64>| fields.and_then(|[year, ..]| of(year));
    match name {
        "valueOf" => count(this.at),
        "unix" => count(this.at.map(|millis| millis.div_euclid(1000))),
        "utcOffset" => count(this.offset_minutes()),
        "daysInMonth" => count(fields.map(|[year, month, ..]| days_in_month(year, month))),
        "weeksInYear" => count(year(&|year| LOCAL.count(year))),
        "weeksInWeekYear" => count(this.civil().and_then(|c| LOCAL.count(LOCAL.of(c)?.0))),
        "isoWeeksInYear" => count(year(&|year| ISO.count(year))),
        "isoWeeksInISOWeekYear" => count(this.civil().and_then(|c| ISO.count(ISO.of(c)?.0))),
        "isLeapYear" => JValue::Bool(fields.is_some_and(|[year, ..]| is_leap(year))),
        "isLocal" => JValue::Bool(this.at.is_some() && this.zone == Zone::Local),
        "isUtcOffset" => JValue::Bool(this.at.is_some() && this.zone != Zone::Local),
        "isUtc" | "isUTC" => JValue::Bool(this.is_utc()),
        "isDST" => JValue::Bool(this.is_summer_time()),
        "zoneAbbr" => JValue::string(this.abbreviation()),
        "zoneName" => JValue::string(this.zone_name()),
        "locale" => JValue::string("en"),
        "tz" => match &this.zone {
            Zone::Named(zone) => zone.iana_name().map_or(JValue::Undefined, JValue::string),
            _ => JValue::Undefined,
        },
        "toArray" => JValue::Array(JArray::new(parts(fields).map(|(_, part)| part).into())),
        "toObject" => {
            let parts = parts(fields).map(|(name, part)| (name.to_owned(), part));
            JValue::object(parts.into_iter().collect())
        }
        // The offset is a multiple of 15 minutes, as all current ones are.
        "hasAlignedHourOffset" => {
            JValue::Bool(this.offset_minutes().is_some_and(|minutes| minutes % 60 == 0))
        }
        _ => JValue::Undefined,
    }
}

fn parts(fields: Option<[i64; 7]>) -> [(&'static str, JValue); 7] {
    const NAMES: [&str; 7] =
        ["years", "months", "date", "hours", "minutes", "seconds", "milliseconds"];
    let part = |place: usize| {
        let number = fields.and_then(|fields| fields.get(place).copied());
        number.map_or(f64::NAN, |number| (number - i64::from(place == 1)) as f64)
    };
    let mut place = 0;
    NAMES.map(|name| {
        place += 1;
        (name, JValue::Number(part(place - 1)))
    })
}

fn is_true(value: &JValue) -> bool {
    match value {
        JValue::Bool(value) => *value,
        JValue::Number(number) => *number != 0.0,
        JValue::String(text) => !text.is_empty(),
        _ => false,
    }
}

fn unit(value: &JValue) -> Result<Option<Unit>, String> {
    value.as_str().map(Unit::parse).transpose()
}

fn set(this: &mut Moment, name: &JValue, value: &JValue) -> Result<(), String> {
    if let JValue::Object(parts) = name {
        let parts = parts.iter().map(|(name, value)| Ok((Unit::parse(name)?, value)));
        let mut parts = parts.collect::<Result<Vec<_>, String>>()?;
        // The day is set after the month.
        parts.sort_by_key(|(unit, _)| match unit {
            Unit::Year => 0,
            Unit::Quarter => 1,
            Unit::Month => 2,
            _ => 3,
        });
        return parts.into_iter().try_for_each(|(unit, value)| this.set(unit, value));
    }
    this.set(unit(name)?.ok_or("expected a unit")?, value)
}

/// The zone at an offset from UTC in minutes, or in hours if it is small.
fn fixed(value: &JValue) -> Result<Option<Zone>, String> {
    let minutes = match (value.as_str(), number(value)) {
        (Some(text), _) => match offset_of(text) {
            Some(minutes) => minutes as f64,
            None => return Ok(None),
        },
        (None, Some(hours)) if hours.abs() < 16.0 => hours * 60.0,
        (None, Some(minutes)) => minutes,
        (None, None) => {
            return Err("expected an offset as a number of minutes or a text".to_owned());
        }
    };
    let offset = Offset::from_seconds((minutes * 60.0) as i32);
    let offset = offset.map_err(|_| "expected an offset of at most a day")?;
    Ok(Some(Zone::Fixed(offset)))
}

fn named(value: &JValue) -> Result<Zone, String> {
    let name = value.as_str().ok_or("expected a time zone as a text")?;
    let zone = TimeZone::get(name).map_err(|_| {
        let name = super::super::syntax::shorten(name);
        format!("unknown time zone `{name}`, expected a name such as `Europe/Berlin`")
    })?;
    Ok(Zone::Named(zone))
}

impl Moment {
    /// Converts to another zone; `keep` keeps the civil time instead of the moment.
    fn show_in(&mut self, zone: Zone, keep: bool) {
        match self.civil().filter(|_| keep) {
            Some(civil) => *self = Moment::at_civil(civil, zone),
            None => self.zone = zone,
        }
    }

    fn is_summer_time(&self) -> bool {
        let mut other = self.clone();
        let Some(offset) = self.offset_minutes() else { return false };
        [0, 5].into_iter().any(|month| {
            let set = other.set(Unit::Month, &JValue::Number(f64::from(month)));
            set.is_ok() && other.offset_minutes().is_some_and(|then| offset > then)
        })
    }
}
