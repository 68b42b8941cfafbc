//! Creates moments from the arguments of `$moment(...)`.

use jsonata_core::value::{JMap, JValue};

use super::add::number;
use super::parse::Reading;
use super::unit::Unit;
use super::{Moment, Zone, civil_of, fields_of, iso, legacy};

/// The maximum length of a text in bytes.
const LONGEST: usize = 1024;

/// The moment for the arguments; an invalid moment for anything that is not a date.
///
/// # Errors
/// If an argument is not supported.
pub(super) fn read(args: &[JValue]) -> Result<Moment, String> {
    let [input, form, third, fourth] =
        [0, 1, 2, 3].map(|place| args.get(place).unwrap_or(&JValue::Undefined));
    if let Some(locale) = third.as_str().filter(|locale| *locale != "en") {
        return Err(format!("expected the locale `en`, found `{locale}`"));
    }
    let strict = [form, third, fourth].iter().any(|arg| matches!(arg, JValue::Bool(true)));
    match (input, form) {
        (JValue::Null, _) => Ok(Moment::INVALID),
        (_, JValue::String(form)) if !form.is_empty() => by_form(input, form, strict),
        (_, JValue::Array(forms)) => by_forms(input, forms, strict),
        (JValue::Undefined, _) => Ok(Moment::now()),
        (JValue::Number(millis), _) => by_millis(*millis),
        (JValue::String(text), _) => Ok(by_text(text, strict)),
        (JValue::Array(parts), _) => Ok(by_parts(parts)),
        (JValue::Object(parts), _) => by_names(parts),
        _ => Ok(Moment::INVALID),
    }
}

/// # Errors
/// If it is outside of the calendar.
pub(super) fn by_millis(millis: f64) -> Result<Moment, String> {
    /// The last millisecond of a JavaScript date.
    const LAST: f64 = 8.64e15;
    if millis.is_nan() || millis.abs() > LAST {
        return Ok(Moment::INVALID);
    }
    match Moment::local(millis.trunc() as i64) {
        Moment { at: None, .. } => Err(format!(
            "{millis} milliseconds are outside of the calendar, which ends with the year 9999"
        )),
        moment => Ok(moment),
    }
}

fn by_form(input: &JValue, form: &str, strict: bool) -> Result<Moment, String> {
    Ok(Reading::of(&text_of(input)?, form, strict)?.moment())
}

/// The best matching format wins.
fn by_forms(input: &JValue, forms: &[JValue], strict: bool) -> Result<Moment, String> {
    const MOST: usize = 100;
    if forms.len() > MOST {
        return Err(format!("expected at most {MOST} formats"));
    }
    let text = text_of(input)?;
    let mut best: Option<(bool, usize, Moment)> = None;
    for form in forms {
        let form = form.as_str().ok_or("expected a format as a text")?;
        let reading = Reading::of(&text, form, strict)?;
        let (score, moment) = (reading.score(), reading.moment());
        let valid = moment.at.is_some();
        let better = match &best {
            None => true,
            Some((true, least, _)) => score < *least,
            Some((false, least, _)) => valid || score < *least,
        };
        if better {
            let was_valid = best.as_ref().is_some_and(|(valid, ..)| *valid);
            best = Some((valid || was_valid, score, moment));
        }
    }
    Ok(best.map_or(Moment::INVALID, |(_, _, moment)| moment))
}

fn text_of(input: &JValue) -> Result<String, String> {
    let text = match input {
        JValue::String(text) => text.to_string(),
        JValue::Number(number) => ferrowire_core::number_to_string(*number),
        JValue::Bool(value) => value.to_string(),
        JValue::Undefined => "undefined".to_owned(),
        _ => return Err("expected a text or a number for the format".to_owned()),
    };
    if text.len() > LONGEST {
        return Err(format!("invalid date: more than {LONGEST} bytes"));
    }
    Ok(text)
}

/// A text without a format: one of the standards, or a format of JavaScript's `Date`.
fn by_text(text: &str, strict: bool) -> Moment {
    if text.len() > LONGEST {
        return Moment::INVALID;
    }
    legacy::read_millis(text)
        .or_else(|| iso::read(text, strict))
        .or_else(|| legacy::read_mail(text))
        .or_else(|| if strict { None } else { legacy::read_loosely(text) })
        .unwrap_or(Moment::INVALID)
}

/// An array of year, month from 0, day and so on.
fn by_parts(parts: &[JValue]) -> Moment {
    if parts.is_empty() {
        return Moment::now();
    }
    let mut found = [None; 7];
    for (place, part) in found.iter_mut().zip(parts) {
        match number(part) {
            Some(number) => *place = Some(number.trunc() as i64),
            None => return Moment::INVALID,
        }
    }
    by_fields(found)
}

fn by_names(parts: &JMap) -> Result<Moment, String> {
    if parts.is_empty() {
        return Ok(Moment::now());
    }
    let mut found = [None; 7];
    for (name, value) in parts.iter() {
        let place = match Unit::parse(name)? {
            Unit::Year => 0,
            Unit::Month => 1,
            Unit::Day | Unit::Date => 2,
            Unit::Hour => 3,
            Unit::Minute => 4,
            Unit::Second => 5,
            Unit::Milli => 6,
            _ => continue,
        };
        let value = number(value).ok_or("expected numbers as the parts of a date")?;
        if let Some(place) = found.get_mut(place) {
            *place = Some(value.trunc() as i64);
        }
    }
    Ok(by_fields(found))
}

/// A local date of which some parts may be unknown; the month counts from 0.
fn by_fields(found: [Option<i64>; 7]) -> Moment {
    let Some(fields) = completed(found) else { return Moment::INVALID };
    let moment = civil_of(fields).map(|civil| Moment::at_civil(civil, Zone::Local));
    moment.filter(|_| in_range(fields)).unwrap_or(Moment::INVALID)
}

/// Missing leading parts are today's, the others are minimal.
pub(super) fn completed(found: [Option<i64>; 7]) -> Option<[i64; 7]> {
    let mut fields = [0, 1, 1, 0, 0, 0, 0];
    let known = found.iter().take(3).position(Option::is_some).unwrap_or(3);
    let today = fields_of(Moment::now().civil()?);
    for (place, field) in fields.iter_mut().enumerate() {
        let month = i64::from(place == 1);
        let given = found.get(place).copied().flatten().map(|number| number.saturating_add(month));
        *field = match given {
            Some(number) => number,
            None if place < known => today.get(place).copied().unwrap_or_default(),
            None => *field,
        };
    }
    Some(fields)
}

/// Whether all parts are in range; 24:00 is the end of a day.
pub(super) fn in_range(fields: [i64; 7]) -> bool {
    let [year, month, day, hour, minute, second, milli] = fields;
    (1..=12).contains(&month)
        && (1..=super::days_in_month(year, month)).contains(&day)
        && ((0..24).contains(&hour) || (hour == 24 && minute == 0 && second == 0 && milli == 0))
        && (0..60).contains(&minute)
        && (0..60).contains(&second)
        && (0..1000).contains(&milli)
}
