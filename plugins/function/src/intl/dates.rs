//! `Intl.DateTimeFormat`: dates in the words of a locale.

use ferrowire_zone as zone;
use jiff::{Timestamp, tz::Offset, tz::TimeZone};

use super::data::{Locale, common, pattern};
use super::zones::ZoneNames;
use super::{Part, digits};

/// What is to be shown, as the code's options say it.
#[derive(Clone, Debug, Default)]
pub(super) struct Fields {
    weekday: usize,
    year: usize,
    month: usize,
    day: usize,
    hour: usize,
    minute: usize,
    second: usize,
    fraction: usize,
    zone: usize,
    date_style: usize,
    time_style: usize,
    cycle: usize,
    /// The code asked for this cycle, which need not be the locale's.
    cycle_given: bool,
}

impl Fields {
    /// From one digit for each: 0 where nothing is asked for, and else the place in the list of
    /// what can be asked for.
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut digits = text.bytes().map(|byte| usize::from(byte.wrapping_sub(b'0')));
        let mut next = || digits.next().filter(|digit| *digit < 10);
        Some(Fields {
            weekday: next()?,
            year: next()?,
            month: next()?,
            day: next()?,
            hour: next()?,
            minute: next()?,
            second: next()?,
            fraction: next()?,
            zone: next()?,
            date_style: next()?,
            time_style: next()?,
            cycle: next()?,
            cycle_given: next()? == 1,
        })
    }
}

/// A part of a pattern.
#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    Field(Field),
}

#[derive(Clone, Debug)]
enum Field {
    Year {
        short: bool,
    },
    Month {
        width: usize,
    },
    Day {
        width: usize,
    },
    Hour {
        width: usize,
    },
    Minute {
        width: usize,
    },
    Second {
        width: usize,
    },
    Fraction,
    Zone,
    /// A month, a day of the week or a part of the day, by its words.
    Words(char, Vec<&'static str>),
}

/// How one set of options shows a date.
#[derive(Debug)]
pub(super) struct DateFormat {
    pieces: Vec<Piece>,
    fields: Fields,
    zone: TimeZone,
    zone_names: Option<ZoneNames>,
    digits: Vec<&'static str>,
}

impl DateFormat {
    pub(super) fn new(locale: &Locale, zone: TimeZone, fields: Fields) -> Option<Self> {
        let mut format = DateFormat {
            pieces: Vec::new(),
            zone_names: None,
            digits: locale.cells("digits").collect(),
            zone,
            fields,
        };
        let text = format.pattern(locale)?;
        format.pieces = pieces(locale, &text)?;
        if format.pieces.iter().any(|piece| matches!(piece, Piece::Field(Field::Zone))) {
            // Of the styles, `full` has the long names.
            let width = match (format.fields.zone, format.fields.time_style) {
                (0, 1) => 2,
                (0, _) => 1,
                (width, _) => width,
            };
            format.zone_names = Some(ZoneNames::new(locale, &format.zone, width));
        }
        Some(format)
    }

    /// The locale's pattern for what is to be shown.
    fn pattern(&self, locale: &Locale) -> Option<String> {
        let fields = &self.fields;
        if fields.date_style > 0 || fields.time_style > 0 {
            return self.style(locale);
        }
        let date = ((fields.weekday * 3 + fields.year) * 6 + fields.month) * 3 + fields.day;
        let date = pattern(locale.cell("dates", date)).unwrap_or_default();
        let twelve = fields.cycle == 1 || fields.cycle == 2;
        let zone = usize::from(fields.zone > 0);
        let clock = (fields.hour * 3 + fields.minute) * 3 + fields.second;
        let clock_at = (usize::from(!twelve) * 2 + zone) * 27 + clock;
        let mut time = pattern(locale.cell("times", clock_at)).unwrap_or_default().to_owned();
        if fields.fraction > 0 {
            let mark = locale.cell("fraction", 0);
            let fraction = format!("{mark}{{f}}");
            match ["{ss}", "{s}"].into_iter().find(|second| time.contains(second)) {
                Some(second) => time = time.replace(second, &format!("{second}{fraction}")),
                None => time.push_str("{f}"),
            }
        }
        if zone > 0 && clock == 0 {
            time.push_str("{z}");
        }
        if let Some(together) = self.day_and_time(locale) {
            return Some(together.to_owned());
        }
        Some(match (date.is_empty(), time.is_empty()) {
            (_, true) => date.to_owned(),
            (true, false) => time,
            (false, false) => {
                let kind = match (fields.month, fields.weekday > 0) {
                    (3, true) => 3,
                    (3, false) => 2,
                    (4, _) => 1,
                    _ => 0,
                };
                glued(locale.cell("glue", kind), date, &time)
            }
        })
    }

    /// A day of the week and the time have a form of their own.
    fn day_and_time(&self, locale: &Locale) -> Option<&'static str> {
        let fields = &self.fields;
        let others = fields.year + fields.month + fields.day + fields.fraction + fields.zone;
        let rest = match (fields.minute, fields.second) {
            (0, 0) => 0,
            (_, 0) => 1,
            (1.., _) => 2,
            _ => return None,
        };
        let twelve = fields.cycle == 1 || fields.cycle == 2;
        let cycle = usize::from(!twelve);
        let (weekday, hour) = (fields.weekday.checked_sub(1)?, fields.hour.checked_sub(1)?);
        (others == 0)
            .then(|| pattern(locale.cell("days", ((weekday * 2 + cycle) * 2 + hour) * 3 + rest)))?
    }

    fn style(&self, locale: &Locale) -> Option<String> {
        let fields = &self.fields;
        let date = match fields.date_style {
            0 => None,
            style => Some(pattern(locale.cell("datestyles", style - 1))?),
        };
        let cycles = match (fields.cycle_given, fields.cycle) {
            (false, _) => 0,
            (true, 1 | 2) => 1,
            (true, _) => 2,
        };
        let time = match fields.time_style {
            0 => None,
            style => Some(pattern(locale.cell("timestyles", cycles * 4 + style - 1))?),
        };
        Some(match (date, time) {
            (Some(date), Some(time)) => {
                glued(locale.cell("styleglue", fields.date_style - 1), date, time)
            }
            (Some(only), None) | (None, Some(only)) => only.to_owned(),
            (None, None) => String::new(),
        })
    }

    /// `millis` as parts; `None` for a date that the calendar does not have.
    pub(super) fn parts(&self, millis: f64) -> Option<Vec<Part>> {
        let at = Timestamp::from_millisecond(millis as i64).ok()?;
        let offset = self.zone.to_offset(at);
        let mut parts: Vec<Part> = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => parts.push(("literal", text.clone())),
                Piece::Field(field) => parts.push(self.part(field, at, offset)),
            }
        }
        Some(parts)
    }

    fn part(&self, field: &Field, at: Timestamp, offset: Offset) -> Part {
        let date = offset.to_datetime(at);
        let number = |number: i64, width: usize| digits(&format!("{number:0width$}"), &self.digits);
        let hour = i64::from(date.hour());
        match field {
            Field::Year { short } => {
                let year = i64::from(date.year());
                // Years before the first one count backwards from it.
                let year = if year < 1 { 1 - year } else { year };
                ("year", if *short { number(year % 100, 2) } else { number(year, 1) })
            }
            Field::Month { width } => ("month", number(date.month().into(), *width)),
            Field::Day { width } => ("day", number(date.day().into(), *width)),
            Field::Hour { width } => {
                let hour = match self.fields.cycle {
                    1 => hour % 12,
                    2 => (hour + 11) % 12 + 1,
                    4 => (hour + 23) % 24 + 1,
                    _ => hour,
                };
                ("hour", number(hour, *width))
            }
            Field::Minute { width } => ("minute", number(date.minute().into(), *width)),
            Field::Second { width } => ("second", number(date.second().into(), *width)),
            Field::Fraction => {
                let width = self.fields.fraction.min(3);
                let fraction = i64::from(date.millisecond()) / 10_i64.pow(3 - width as u32);
                ("fractionalSecond", number(fraction, width))
            }
            Field::Zone => {
                let name = self.zone_names.as_ref().map(|names| names.name(at, offset));
                ("timeZoneName", name.unwrap_or_default())
            }
            Field::Words(kind, words) => {
                let (kind, place) = match kind {
                    'm' => ("month", date.month() as usize - 1),
                    'w' => ("weekday", date.weekday().to_sunday_zero_offset() as usize),
                    _ => ("dayPeriod", date.hour() as usize),
                };
                (kind, words.get(place).copied().unwrap_or_default().to_owned())
            }
        }
    }
}

fn glued(glue: &str, date: &str, time: &str) -> String {
    glue.replace("{1}", date).replace("{0}", time)
}

fn pieces(locale: &Locale, pattern: &str) -> Option<Vec<Piece>> {
    let mut found = Vec::new();
    let mut rest = pattern;
    while let Some((text, behind)) = rest.split_once('{') {
        if !text.is_empty() {
            found.push(Piece::Text(text.to_owned()));
        }
        let (name, behind) = behind.split_once('}')?;
        found.push(Piece::Field(field(locale, name)?));
        rest = behind;
    }
    if !rest.is_empty() {
        found.push(Piece::Text(rest.to_owned()));
    }
    Some(found)
}

fn field(locale: &Locale, name: &str) -> Option<Field> {
    let width = name.len();
    Some(match name {
        "y" => Field::Year { short: false },
        "yy" => Field::Year { short: true },
        "M" | "MM" => Field::Month { width },
        "d" | "dd" => Field::Day { width },
        "h" | "hh" => Field::Hour { width },
        "m" | "mm" => Field::Minute { width },
        "s" | "ss" => Field::Second { width },
        "f" => Field::Fraction,
        "z" => Field::Zone,
        _ => {
            let kind = name.chars().next()?;
            let number = name.get(1..)?;
            let mut words = locale.cells(&format!("a{number}"));
            words.next()?;
            Field::Words(kind, words.collect())
        }
    })
}

/// What the local time zone is called; some have no name.
pub(super) fn local_name() -> Option<String> {
    let local = zone::local();
    match local.rules() {
        rules if *rules == TimeZone::UTC => local.name().map(str::to_owned),
        rules => local.name().and_then(|_| written(rules)),
    }
}

/// The zone of a name; the local one if that is empty.
pub(super) fn zone(name: &str) -> Option<TimeZone> {
    if name.is_empty() {
        return Some(zone::local().rules().clone());
    }
    named_zone(name).map(|(zone, _)| zone)
}

/// The zone of a name, and the name as it is written.
pub(super) fn named_zone(name: &str) -> Option<(TimeZone, String)> {
    if let Some(digits) = name.strip_prefix(['+', '-']) {
        let (hours, minutes) = match digits.split_once(':') {
            Some(parts) => parts,
            None => (digits.get(..2)?, digits.get(2..)?),
        };
        let minutes = if minutes.is_empty() { "00" } else { minutes };
        let part = |text: &str, most: i32| {
            let number = Some(text).filter(|text| text.len() == 2)?.parse::<u8>().ok()?;
            Some(i32::from(number)).filter(|number| *number <= most)
        };
        let seconds = part(hours, 23)? * 3600 + part(minutes, 59)? * 60;
        let behind = name.starts_with('-') && seconds > 0;
        let offset = Offset::from_seconds(if behind { -seconds } else { seconds }).ok()?;
        let sign = if behind { '-' } else { '+' };
        return Some((TimeZone::fixed(offset), format!("{sign}{hours}:{minutes}")));
    }
    if name.eq_ignore_ascii_case("utc") || name.eq_ignore_ascii_case("gmt") {
        return Some((TimeZone::UTC, "UTC".to_owned()));
    }
    let zone = TimeZone::get(name).ok()?;
    let known = written(&zone)?;
    Some((zone, known))
}

/// The name of a zone as other programs write it: of all names for the same zone one.
fn written(zone: &TimeZone) -> Option<String> {
    let name = zone.iana_name()?;
    let primary = zone.primary_iana_name();
    let is_same =
        |other: &str| TimeZone::get(other).is_ok_and(|o| o.primary_iana_name() == primary);
    let known = common("zones").find(|known| known.eq_ignore_ascii_case(name));
    let known = known.or_else(|| common("zones").find(|known| is_same(known)));
    Some(known.unwrap_or(name).to_owned())
}
