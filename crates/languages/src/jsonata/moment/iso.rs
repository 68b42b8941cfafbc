//! Dates in ISO 8601.

use super::Moment;
use super::parse::Reading;
use super::pattern::Pattern;

/// With dashes and colons.
static EXTENDED: Pattern = Pattern::new(concat!(
    r"^\s*(?<date>(?:[+-][0-9]{6}|[0-9]{4})-(?:[0-9]{2}-[0-9]{2}|W[0-9]{2}-[0-9]|W[0-9]{2}|[0-9]{3}|[0-9]{2}))",
    r"(?:(?<sep>T| )(?<time>[0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?)?)",
    r"(?<zone>[+-][0-9]{2}(?::?[0-9]{2})?|\s*Z)?)?$"
));

/// Without dashes and colons.
static BASIC: Pattern = Pattern::new(concat!(
    r"^\s*(?<date>(?:[+-][0-9]{6}|[0-9]{4})(?:[0-9]{4}|W[0-9]{3}|W[0-9]{2}|[0-9]{3}|[0-9]{2}|))",
    r"(?:(?<sep>T| )(?<time>[0-9]{2}(?:[0-9]{2}(?:[0-9]{2}(?:[.,][0-9]+)?)?)?)",
    r"(?<zone>[+-][0-9]{2}(?::?[0-9]{2})?|\s*Z)?)?$"
));

/// `None` if the text is not ISO 8601; an invalid moment for a date that does not exist.
pub(super) fn read(text: &str, strict: bool) -> Option<Moment> {
    let found = EXTENDED.captures(text).or_else(|| BASIC.captures(text))?;
    let part = |name| found.name(name).map_or("", |part| part.as_str());
    let (date, day_known) = form_of_date(part("date"))?;
    let time = part("time");
    if !time.is_empty() && !day_known {
        return None;
    }
    let time = form_of_time(time);
    let zone = if part("zone").is_empty() { "" } else { "Z" };
    let form = [date, part("sep"), time, zone].concat();
    Reading::of(text, &form, strict).ok().map(Reading::moment)
}

/// Its format, and whether it includes the day.
fn form_of_date(date: &str) -> Option<(&'static str, bool)> {
    let signed = date.starts_with(['+', '-']);
    let body = date.get(if signed { 1 } else { 0 }..)?;
    let form = match (signed, body.contains('W'), body.contains('-'), body.len()) {
        (true, false, true, 12) => ("YYYYYY-MM-DD", true),
        (true, false, false, 10) => ("YYYYYYMMDD", true),
        (false, true, true, 10) => ("GGGG-[W]WW-E", true),
        (false, true, true, 8) => ("GGGG-[W]WW", false),
        (false, true, false, 8) => ("GGGG[W]WWE", true),
        (false, true, false, 7) => ("GGGG[W]WW", false),
        (false, false, true, 10) => ("YYYY-MM-DD", true),
        (false, false, true, 8) => ("YYYY-DDDD", true),
        (false, false, true, 7) => ("YYYY-MM", false),
        (false, false, false, 8) => ("YYYYMMDD", true),
        (false, false, false, 7) => ("YYYYDDDD", true),
        (false, false, false, 6) => ("YYYYMM", false),
        (false, false, false, 4) => ("YYYY", false),
        _ => return None,
    };
    Some(form)
}

fn form_of_time(time: &str) -> &'static str {
    let whole = time.split(['.', ',']).next().unwrap_or_default();
    let fraction = time.get(whole.len()..).and_then(|rest| rest.chars().next());
    match (whole.len(), whole.contains(':'), fraction) {
        (8, true, Some('.')) => "HH:mm:ss.SSSS",
        (8, true, Some(_)) => "HH:mm:ss,SSSS",
        (8, true, None) => "HH:mm:ss",
        (5, true, _) => "HH:mm",
        (6, false, Some('.')) => "HHmmss.SSSS",
        (6, false, Some(_)) => "HHmmss,SSSS",
        (6, false, None) => "HHmmss",
        (4, false, _) => "HHmm",
        (2, false, _) => "HH",
        _ => "",
    }
}
