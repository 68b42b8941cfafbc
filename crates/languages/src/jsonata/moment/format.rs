//! Formats moments.

use super::names::{MONTHS, WEEKDAYS, ordinal, short};
use super::week::{ISO, LOCAL};
use super::{Moment, Zone, fields_of, near};

/// The maximum length of a format in bytes.
const LONGEST: usize = 4096;

pub(super) const INVALID: &str = "Invalid date";

/// A part of a format.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token<'a> {
    /// Letters that may be a group; other characters are literal.
    Letters(&'a str),
    /// Text in brackets or after a backslash.
    Literal(&'a str),
}

/// Splits a format into tokens.
///
/// # Errors
/// If it is too long.
pub(super) fn tokens(format: &str) -> Result<Vec<Token<'_>>, String> {
    if format.len() > LONGEST {
        return Err(format!("expected a format of at most {LONGEST} bytes"));
    }
    let mut found = Vec::new();
    let mut rest = format;
    while !rest.is_empty() {
        let (token, len) = first(rest);
        rest = rest.get(len..).unwrap_or_default();
        // As in Node-RED, which ignores line ends in formats.
        if !matches!(token, Token::Letters("\n" | "\r" | "\u{2028}" | "\u{2029}")) {
            found.push(token);
        }
    }
    Ok(found)
}

/// The first token of a format, and its length.
fn first(rest: &str) -> (Token<'_>, usize) {
    if let Some(inner) = bracketed(rest) {
        return (Token::Literal(inner), inner.len() + 2);
    }
    if let Some(behind) = rest.strip_prefix('\\').filter(|behind| !behind.is_empty()) {
        let len = letters(behind);
        return (Token::Literal(behind.get(..len).unwrap_or_default()), len + 1);
    }
    let len = letters(rest);
    (Token::Letters(rest.get(..len).unwrap_or_default()), len)
}

/// The text between a leading bracket and the last one that closes it.
fn bracketed(rest: &str) -> Option<&str> {
    let inner = rest.strip_prefix('[')?;
    let inner = inner.split('[').next().unwrap_or_default();
    inner.rsplit_once(']').map(|(inner, _)| inner)
}

/// Every group of letters with a meaning; of those with the same prefix the longest first.
const GROUPS: &[&str] = &[
    "Hmmss", "hmmss", "Hmm", "hmm", "LTS", "LT", "LLLL", "LLL", "LL", "L", "llll", "lll", "ll",
    "l", "MMMM", "MMM", "MM", "Mo", "M", "DDDD", "DDDo", "DDD", "DD", "Do", "D", "dddd", "ddd",
    "dd", "do", "d", "wo", "ww", "w", "Wo", "WW", "W", "Qo", "Q", "NNNNN", "NNNN", "NNN", "NN",
    "N", "YYYYYY", "YYYYY", "YYYY", "YY", "Y", "yyyy", "yyy", "yy", "yo", "y", "ggggg", "gggg",
    "gg", "GGGGG", "GGGG", "GG", "e", "E", "a", "A", "hh", "h", "HH", "H", "kk", "k", "mm", "m",
    "ss", "s", "x", "X", "zz", "z", "ZZ", "Z",
];

/// The length of the leading group of letters or character.
fn letters(rest: &str) -> usize {
    let seconds = rest.bytes().take(9).take_while(|byte| *byte == b'S').count();
    if seconds > 0 {
        return seconds;
    }
    let group = GROUPS.iter().find(|group| rest.starts_with(**group));
    group.map_or_else(|| rest.chars().next().map_or(0, char::len_utf8), |group| group.len())
}

/// Whether the letters of a format have a meaning.
pub(super) fn is_group(letters: &str) -> bool {
    letters.starts_with('S') || GROUPS.contains(&letters)
}

/// The format that a group abbreviates.
pub(super) fn long_form(letters: &str) -> Option<&'static str> {
    Some(match letters {
        "LTS" => "h:mm:ss A",
        "LT" => "h:mm A",
        "L" => "MM/DD/YYYY",
        "LL" => "MMMM D, YYYY",
        "LLL" => "MMMM D, YYYY h:mm A",
        "LLLL" => "dddd, MMMM D, YYYY h:mm A",
        "l" => "M/D/YYYY",
        "ll" => "MMM D, YYYY",
        "lll" => "MMM D, YYYY h:mm A",
        "llll" => "ddd, MMM D, YYYY h:mm A",
        _ => return None,
    })
}

impl Moment {
    /// # Errors
    /// If the format is too long.
    pub(super) fn format(&self, format: &str) -> Result<String, String> {
        let mut text = String::new();
        for token in tokens(format)? {
            match token {
                Token::Literal(literal) => text.push_str(literal),
                Token::Letters(letters) => match long_form(letters) {
                    Some(form) => text.push_str(&self.format(form)?),
                    None => self.put(letters, &mut text),
                },
            }
        }
        Ok(if self.civil().is_none() { INVALID.to_owned() } else { text })
    }

    /// The format of `format()` without arguments.
    pub(super) fn usual_form(&self) -> &'static str {
        match self.is_utc() {
            true => "YYYY-MM-DDTHH:mm:ss[Z]",
            false => "YYYY-MM-DDTHH:mm:ssZ",
        }
    }

    pub(super) fn is_utc(&self) -> bool {
        self.zone != Zone::Local && self.offset().is_some_and(|offset| offset.seconds() == 0)
    }

    fn put(&self, letters: &str, text: &mut String) {
        let Some(number) = self.number(letters) else {
            return match self.words(letters) {
                Some(words) => text.push_str(&words),
                None => text.push_str(letters),
            };
        };
        if letters.len() > 1 && letters.ends_with('o') {
            return text.push_str(&ordinal(number));
        }
        let width = match letters {
            "DDDD" => 3,
            "Y" | "YYYY" | "gggg" | "GGGG" | "yyyy" => 4,
            "YYYYY" | "ggggg" | "GGGGG" => 5,
            "x" | "X" | "y" | "yyy" | "DDD" => 1,
            "YY" | "gg" | "GG" | "yy" => 2,
            other => other.len().min(2),
        };
        text.push_str(&match letters {
            "YYYYYY" => format!("{}{:06}", sign(number), number.abs()),
            _ if number < 0 => format!("-{:0width$}", -number),
            _ => format!("{number:0width$}"),
        });
    }

    /// The number for a group.
    fn number(&self, letters: &str) -> Option<i64> {
        let civil = self.civil()?;
        let [year, month, day, hour, minute, second, milli] = fields_of(civil);
        let weekday = i64::from(civil.weekday().to_sunday_zero_offset());
        Some(match letters {
            "M" | "Mo" | "MM" => month,
            "Q" | "Qo" => (month + 2) / 3,
            "D" | "Do" | "DD" => day,
            "DDD" | "DDDo" | "DDDD" => civil.date().day_of_year().into(),
            "d" | "do" | "e" => weekday,
            "E" => (weekday + 6) % 7 + 1,
            "w" | "wo" | "ww" => LOCAL.of(civil)?.1,
            "W" | "Wo" | "WW" => ISO.of(civil)?.1,
            "YY" => year % 100,
            "Y" | "YYYY" | "YYYYY" | "YYYYYY" => year,
            "y" | "yo" | "yy" | "yyy" | "yyyy" if year > 0 => year,
            "y" | "yo" | "yy" | "yyy" | "yyyy" => 1 - year,
            "gg" => LOCAL.of(civil)?.0 % 100,
            "gggg" | "ggggg" => LOCAL.of(civil)?.0,
            "GG" => ISO.of(civil)?.0 % 100,
            "GGGG" | "GGGGG" => ISO.of(civil)?.0,
            "H" | "HH" => hour,
            "h" | "hh" => (hour + 11) % 12 + 1,
            "k" | "kk" => (hour + 23) % 24 + 1,
            "m" | "mm" => minute,
            "s" | "ss" => second,
            "S" => milli / 100,
            "SS" => milli / 10,
            "X" => self.at?.div_euclid(1000),
            "x" => self.at?,
            _ => return None,
        })
    }

    /// The words for a group.
    fn words(&self, letters: &str) -> Option<String> {
        let civil = self.civil()?;
        let [year, month, _, hour, minute, second, milli] = fields_of(civil);
        let month = MONTHS.get(month as usize - 1).copied().unwrap_or_default();
        let weekday = WEEKDAYS.get(civil.weekday().to_sunday_zero_offset() as usize)?;
        let hour_of_12 = (hour + 11) % 12 + 1;
        Some(match letters {
            "MMMM" => month.to_owned(),
            "MMM" => short(month, 3).to_owned(),
            "dddd" => (*weekday).to_owned(),
            "ddd" => short(weekday, 3).to_owned(),
            "dd" => short(weekday, 2).to_owned(),
            "a" => if hour < 12 { "am" } else { "pm" }.to_owned(),
            "A" => if hour < 12 { "AM" } else { "PM" }.to_owned(),
            "NNNN" => if year > 0 { "Anno Domini" } else { "Before Christ" }.to_owned(),
            "N" | "NN" | "NNN" | "NNNNN" => if year > 0 { "AD" } else { "BC" }.to_owned(),
            "hmm" => format!("{hour_of_12}{minute:02}"),
            "hmmss" => format!("{hour_of_12}{minute:02}{second:02}"),
            "Hmm" => format!("{hour}{minute:02}"),
            "Hmmss" => format!("{hour}{minute:02}{second:02}"),
            "z" => self.abbreviation(),
            "zz" => self.zone_name(),
            "Z" => self.offset_text(":"),
            "ZZ" => self.offset_text(""),
            fraction if fraction.starts_with("SSS") => {
                format!("{milli:03}{}", "0".repeat(fraction.len() - 3))
            }
            _ => return None,
        })
    }

    pub(super) fn offset_text(&self, between: &str) -> String {
        let minutes = self.offset_minutes().unwrap_or_default();
        let (sign, minutes) = (sign(minutes), minutes.abs());
        format!("{sign}{:02}{between}{:02}", minutes / 60, minutes % 60)
    }

    pub(super) fn abbreviation(&self) -> String {
        match (&self.zone, self.at) {
            (Zone::Local, _) => String::new(),
            (Zone::Fixed(_), _) | (_, None) => "UTC".to_owned(),
            (Zone::Named(zone), Some(at)) => {
                zone.to_offset_info(near(at)).abbreviation().to_owned()
            }
        }
    }

    pub(super) fn zone_name(&self) -> String {
        match &self.zone {
            Zone::Fixed(_) => "Coordinated Universal Time".to_owned(),
            _ => self.abbreviation(),
        }
    }

    /// `None` for an invalid date.
    pub(super) fn iso(&self) -> Option<String> {
        let utc = Moment { at: self.at, zone: Zone::UTC };
        let year = utc.civil()?.year();
        let form = if (0..=9999).contains(&year) { "YYYY" } else { "YYYYYY" };
        utc.format(&format!("{form}-MM-DD[T]HH:mm:ss.SSS[Z]")).ok()
    }
}

fn sign(number: i64) -> char {
    if number < 0 { '-' } else { '+' }
}
