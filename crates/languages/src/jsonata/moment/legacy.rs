//! Dates in RFC 2822, ASP.NET's and JavaScript's `Date` formats.

use regex::Captures;

use super::names::{MONTHS, WEEKDAYS, place};
use super::pattern::Pattern;
use super::read::in_range;
use super::{Moment, Zone, civil_of};

static MAIL: Pattern = Pattern::new(concat!(
    r"^(?:(?<weekday>Mon|Tue|Wed|Thu|Fri|Sat|Sun),?\s)?(?<day>[0-9]{1,2})\s(?<month>[A-Z][a-z]{2})\s",
    r"(?<year>[0-9]{2,4})\s(?<hour>[0-9]{2}):(?<minute>[0-9]{2})(?::(?<second>[0-9]{2}))?\s",
    r"(?<zone>UT|GMT|[ECMP][SD]T|[Zz]|[+-][0-9]{4})$"
));

/// `/Date(1700000000000)/`, ASP.NET's format.
pub(super) fn read_millis(text: &str) -> Option<Moment> {
    let text = text.strip_prefix('/').unwrap_or(text);
    let digits = text.strip_prefix("Date(")?;
    let end = digits.char_indices().skip(1).find(|(_, c)| !c.is_ascii_digit());
    let millis = digits.get(..end.map_or(digits.len(), |(at, _)| at))?.parse().ok()?;
    Some(Moment::local(millis))
}

/// RFC 2822.
pub(super) fn read_mail(text: &str) -> Option<Moment> {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let found = MAIL.captures(&text)?;
    let month = month_of(found.name("month")?.as_str())?;
    let year = match number(&found, "year")? {
        year if year <= 49 => 2000 + year,
        year if year <= 999 => 1900 + year,
        year => year,
    };
    let fields = [
        year,
        month,
        number(&found, "day")?,
        number(&found, "hour")?,
        number(&found, "minute")?,
        number(&found, "second").unwrap_or_default(),
        0,
    ];
    let civil = civil_of(fields)?;
    if let Some(weekday) = found.name("weekday") {
        let said = place(&WEEKDAYS, weekday.as_str())?;
        if said != civil.weekday().to_sunday_zero_offset() as usize {
            return Some(Moment::INVALID);
        }
    }
    let zone = zone_of(found.name("zone")?.as_str())?;
    at_offset(fields, Some(zone))
}

static LOOSE: Pattern = Pattern::new(concat!(
    r"(?i)^(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,?\s+)?",
    r"(?:(?<y1>[0-9]{4})[-/.](?<m1>[0-9]{1,2})[-/.](?<d1>[0-9]{1,2})",
    r"|(?<m2>[0-9]{1,2})[-/.](?<d2>[0-9]{1,2})[-/.](?<y2>[0-9]{2,4})",
    r"|(?<m3>[a-z]{3,9})\.?\s+(?<d3>[0-9]{1,2}),?\s+(?<y3>[0-9]{4})",
    r"|(?<d4>[0-9]{1,2})[\s-](?<m4>[a-z]{3,9})\.?,?[\s-](?<y4>[0-9]{4}))",
    r"(?:[T,\s]\s*(?<hour>[0-9]{1,2}):(?<minute>[0-9]{1,2})(?::(?<second>[0-9]{1,2})(?:[.:](?<milli>[0-9]{1,9}))?)?",
    r"(?:\s*(?<half>am|pm))?)?",
    r"(?:\s*(?<zone>utc|ut|gmt|z|[ecmp][sd]t|(?:gmt|utc)?[+-][0-9]{2}:?[0-9]{2}))?",
    r"(?:\s*\([^()]*\))?$"
));

/// The formats of JavaScript's `Date`: with slashes or names of months.
pub(super) fn read_loosely(text: &str) -> Option<Moment> {
    let found = LOOSE.captures(text.trim_start())?;
    let any = |names: [&str; 4]| names.iter().find_map(|name| found.name(name));
    let year_text = any(["y1", "y2", "y3", "y4"])?.as_str();
    let year = match year_text.parse::<i64>().ok()? {
        year if year_text.len() > 2 => year,
        year if year < 50 => 2000 + year,
        year => 1900 + year,
    };
    let month = any(["m1", "m2", "m3", "m4"])?.as_str();
    let month = month.parse().ok().or_else(|| month_of(month))?;
    let day = any(["d1", "d2", "d3", "d4"])?.as_str().parse().ok()?;
    let part = |name| number(&found, name).unwrap_or_default();
    let hour = match found.name("half").map(|half| half.as_str().to_lowercase()) {
        None => part("hour"),
        Some(half) => part("hour") % 12 + if half == "pm" { 12 } else { 0 },
    };
    let milli = found.name("milli").map_or(0.0, |digits| {
        format!("0.{}", digits.as_str()).parse::<f64>().unwrap_or_default() * 1000.0
    });
    let fields = [year, month, day, hour, part("minute"), part("second"), milli as i64];
    let zone = match found.name("zone") {
        Some(zone) => Some(zone_of(zone.as_str())?),
        None => None,
    };
    at_offset(fields, zone)
}

fn number(found: &Captures<'_>, name: &str) -> Option<i64> {
    found.name(name)?.as_str().parse().ok()
}

/// From 1.
fn month_of(name: &str) -> Option<i64> {
    let at = place(&MONTHS, name)?;
    let full = MONTHS.get(at)?.to_lowercase();
    full.starts_with(&name.to_lowercase()).then_some(at as i64 + 1)
}

/// Minutes ahead of UTC.
fn zone_of(text: &str) -> Option<i64> {
    let text = text.to_uppercase();
    let hours = match text.as_str() {
        "EDT" => -4,
        "EST" | "CDT" => -5,
        "CST" | "MDT" => -6,
        "MST" | "PDT" => -7,
        "PST" => -8,
        "UT" | "UTC" | "GMT" | "Z" => 0,
        other => {
            let digits = other.trim_start_matches("GMT").trim_start_matches("UTC");
            return super::parse::offset_of(digits);
        }
    };
    Some(hours * 60)
}

fn at_offset(fields: [i64; 7], minutes: Option<i64>) -> Option<Moment> {
    let civil = civil_of(fields).filter(|_| in_range(fields));
    let Some(civil) = civil else { return Some(Moment::INVALID) };
    let Some(minutes) = minutes else { return Some(Moment::at_civil(civil, Zone::Local)) };
    let at = Moment::at_civil(civil, Zone::UTC).at? - minutes * 60_000;
    Some(Moment::local(at))
}
