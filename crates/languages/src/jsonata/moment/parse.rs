//! Parses a text by a format.

use super::format::{Token, is_group, long_form, tokens};
use super::names::{MONTHS, WEEKDAYS, place};
use super::pattern::Pattern;
use super::read::{completed, in_range};
use super::week::{ISO, LOCAL};
use super::{Moment, Zone, civil_of, is_leap};

/// The fields parsed so far; the month counts from 0.
#[derive(Debug, Default)]
pub(super) struct Reading {
    fields: [Option<i64>; 7],
    day_of_year: Option<i64>,
    weeks: WeekDate,
    /// Minutes ahead of UTC.
    offset: Option<i64>,
    at: Option<f64>,
    afternoon: Option<bool>,
    hour_of_12: bool,
    /// The number of groups in the format that matched nothing.
    unused: usize,
    /// The number of bytes in the text that no group matched.
    left: usize,
    any: bool,
    wrong: bool,
    strict: bool,
}

#[derive(Debug, Default)]
struct WeekDate {
    iso_year: Option<i64>,
    iso_week: Option<i64>,
    iso_weekday: Option<i64>,
    year: Option<i64>,
    week: Option<i64>,
    weekday: Option<i64>,
    local_weekday: Option<i64>,
}

impl Reading {
    /// # Errors
    /// If the format is too long.
    pub(super) fn of(text: &str, form: &str, strict: bool) -> Result<Self, String> {
        let mut reading = Reading { strict, ..Reading::default() };
        let mut rest = text;
        let mut taken = 0;
        for token in tokens(form)? {
            match token {
                Token::Letters(letters) if long_form(letters).is_some() => {
                    for token in tokens(long_form(letters).unwrap_or_default())? {
                        taken += reading.take(token, &mut rest);
                    }
                }
                token => taken += reading.take(token, &mut rest),
            }
        }
        reading.left = text.len() - taken;
        Ok(reading)
    }

    /// Matches the next token of the format at the start of `rest`, or after text that does not
    /// match; returns the number of matched bytes.
    fn take(&mut self, token: Token<'_>, rest: &mut &str) -> usize {
        let (text, known) = match token {
            Token::Literal(text) => (text, false),
            Token::Letters(text) => (text, is_group(text)),
        };
        let found = match shape(text, self.strict).filter(|_| known) {
            Some(pattern) => pattern.find(rest),
            None => rest.find(text).map(|start| (start, start + text.len())),
        };
        let Some((start, end)) = found.filter(|(start, end)| end > start) else {
            self.unused += usize::from(known || self.strict);
            return 0;
        };
        let part = rest.get(start..end).unwrap_or_default();
        *rest = rest.get(end..).unwrap_or_default();
        if known {
            self.any = true;
            self.put(text, part);
        }
        end - start
    }

    fn put(&mut self, letters: &str, part: &str) {
        // Far out of every range, but without overflow.
        const MOST: i64 = 1 << 40;
        let number = part.parse::<i64>().ok().map(|number| number.clamp(-MOST, MOST));
        let two_digits = number.map(two_digit_year);
        match letters {
            "YYYY" if part.len() == 2 => self.set(0, two_digits),
            "Y" | "YYYY" | "YYYYY" | "YYYYYY" | "y" | "yy" | "yyy" | "yyyy" | "yo" => {
                self.set(0, number);
            }
            "YY" => self.set(0, two_digits),
            "M" | "MM" => self.set(1, number.map(|month| month - 1)),
            "MMM" | "MMMM" => {
                let month = place(&MONTHS, part).filter(|_| !self.strict || exact(letters, part));
                self.wrong |= month.is_none();
                self.set(1, month.map(|month| month as i64));
            }
            "Q" => self.set(1, number.map(|quarter| (quarter - 1) * 3)),
            "D" | "DD" => self.set(2, number),
            "Do" => {
                let digits = part.trim_end_matches(|c: char| c.is_ascii_alphabetic());
                self.set(2, digits.parse().ok());
            }
            "DDD" | "DDDD" => self.day_of_year = number,
            "H" | "HH" => self.set(3, number),
            "k" | "kk" => self.set(3, number.map(|hour| if hour == 24 { 0 } else { hour })),
            "h" | "hh" => {
                self.set(3, number);
                self.hour_of_12 = true;
            }
            "hmm" | "Hmm" | "hmmss" | "Hmmss" => self.put_clock(letters, part),
            "a" | "A" => self.afternoon = Some(part.starts_with(['p', 'P'])),
            "m" | "mm" => self.set(4, number),
            "s" | "ss" => self.set(5, number),
            "X" => self.at = part.parse().ok().map(|seconds: f64| seconds * 1000.0),
            "x" => self.at = part.parse().ok(),
            "Z" | "ZZ" => self.offset = offset_of(part),
            _ if letters.starts_with('S') => {
                let fraction = format!("0.{part}").parse().unwrap_or(0.0) * 1000.0;
                self.set(6, Some(fraction as i64));
            }
            _ => self.put_week(letters, part, number),
        }
    }

    fn set(&mut self, place: usize, number: Option<i64>) {
        if let Some(field) = self.fields.get_mut(place) {
            *field = number;
        }
    }

    /// Hours, minutes and optional seconds without separators.
    fn put_clock(&mut self, letters: &str, part: &str) {
        let mut number: i64 = part.parse().unwrap_or_default();
        if letters.ends_with("ss") {
            self.set(5, Some(number % 100));
            number /= 100;
        }
        self.set(4, Some(number % 100));
        self.set(3, Some(number / 100));
        self.hour_of_12 |= letters.starts_with('h');
    }

    fn put_week(&mut self, letters: &str, part: &str, number: Option<i64>) {
        let weeks = &mut self.weeks;
        match letters {
            "gg" => weeks.year = number.map(two_digit_year),
            "gggg" | "ggggg" => weeks.year = number,
            "GG" => weeks.iso_year = number.map(two_digit_year),
            "GGGG" | "GGGGG" => weeks.iso_year = number,
            "w" | "ww" => weeks.week = number,
            "W" | "WW" => weeks.iso_week = number,
            "d" => weeks.weekday = number,
            "e" => weeks.local_weekday = number,
            "E" => weeks.iso_weekday = number,
            "dd" | "ddd" | "dddd" => {
                let two = |name: &&str| part.len() == 2 && name.starts_with(part);
                let found = place(&WEEKDAYS, part).or_else(|| WEEKDAYS.iter().position(two));
                self.wrong |= found.is_none();
                weeks.weekday = found.map(|day| day as i64);
            }
            _ => {}
        }
    }

    /// How badly the format matches.
    pub(super) fn score(&self) -> usize {
        self.left + 10 * self.unused
    }

    pub(super) fn moment(mut self) -> Moment {
        let misfit = self.strict && (self.left > 0 || self.unused > 0);
        if !self.any || self.wrong || misfit {
            return Moment::INVALID;
        }
        if let Some(at) = self.at {
            return Moment::local(at as i64);
        }
        self.date().unwrap_or(Moment::INVALID)
    }

    fn date(&mut self) -> Option<Moment> {
        if self.strict && self.hour_of_12 && !matches!(self.fields[3], Some(1..=12)) {
            return None;
        }
        self.fields[3] = match (self.fields[3], self.afternoon) {
            (Some(hour), Some(true)) if hour < 12 => Some(hour + 12),
            (Some(12), Some(false)) => Some(0),
            (hour, _) => hour,
        };
        let by_weeks = self.fields[1].is_none() && self.fields[2].is_none();
        if by_weeks && self.weeks.any() {
            let (year, day) = self.weeks.resolve(self.fields[0])?;
            self.fields[0] = Some(year);
            self.day_of_year = Some(day);
        }
        let mut moved = None;
        if let Some(day) = self.day_of_year {
            let year = self.fields[0].or_else(|| Some(Moment::now().civil()?.year().into()))?;
            let last = if is_leap(year) { 366 } else { 365 };
            // A week may begin in the previous year, and end in the next one.
            if !self.weeks.any() && !(1..=last).contains(&day) {
                return None;
            }
            moved = Some((year, day));
        }
        let fields = match moved {
            Some((year, day)) => {
                let date = civil_of([year, 1, day, 0, 0, 0, 0])?;
                let month = i64::from(date.month()) - 1;
                let [_, _, _, clock @ ..] = self.fields;
                let [hour, minute, second, milli] = clock;
                let year = Some(date.year().into());
                let day = Some(date.day().into());
                completed([year, Some(month), day, hour, minute, second, milli])?
            }
            None => completed(self.fields)?,
        };
        let civil = civil_of(fields).filter(|_| in_range(fields))?;
        let weekday = civil_of([fields[0], fields[1], fields[2], 0, 0, 0, 0])?.weekday();
        let weekday = i64::from(weekday.to_sunday_zero_offset());
        if self.weeks.weekday.is_some_and(|said| said != weekday) {
            return None;
        }
        let mut moment = match self.offset {
            Some(_) => Moment::at_civil(civil, Zone::UTC),
            None => Moment::at_civil(civil, Zone::Local),
        };
        let behind = self.offset.unwrap_or_default() * 60_000;
        moment.set_millis(moment.at.map(|at| at - behind));
        moment.zone = Zone::Local;
        Some(moment)
    }
}

impl WeekDate {
    fn any(&self) -> bool {
        [self.iso_year, self.iso_week, self.iso_weekday, self.year, self.week]
            .iter()
            .chain(&[self.weekday, self.local_weekday])
            .any(Option::is_some)
    }

    /// The year and the day of the year; `year` is the explicit one.
    fn resolve(&self, year: Option<i64>) -> Option<(i64, i64)> {
        let now = Moment::now().civil()?;
        let iso = self.iso_year.or(self.iso_week).or(self.iso_weekday).is_some();
        let (weeks, year, week, weekday) = if iso {
            let year = self.iso_year.or(year).or_else(|| Some(ISO.of(now)?.0))?;
            let weekday = Some(self.iso_weekday.unwrap_or(1)).filter(|day| (1..=7).contains(day));
            (ISO, year, self.iso_week.unwrap_or(1), weekday? % 7)
        } else {
            let current = LOCAL.of(now)?;
            let year = self.year.or(year).unwrap_or(current.0);
            let weekday = self.weekday.or(self.local_weekday).unwrap_or(0);
            let weekday = Some(weekday).filter(|day| (0..=6).contains(day));
            (LOCAL, year, self.week.unwrap_or(current.1), weekday?)
        };
        if week < 1 || week > weeks.count(year)? {
            return None;
        }
        Some((year, weeks.day_of_year(year, week, weekday)?))
    }
}

fn two_digit_year(number: i64) -> i64 {
    number + if number > 68 { 1900 } else { 2000 }
}

/// Whether `part` is the complete name that the letters require.
fn exact(letters: &str, part: &str) -> bool {
    let full = MONTHS.iter().any(|name| name.eq_ignore_ascii_case(part));
    if letters.len() == 4 { full } else { part.len() == 3 }
}

/// Minutes ahead of UTC.
pub(super) fn offset_of(text: &str) -> Option<i64> {
    let Some(behind) = text.strip_prefix(['+', '-']) else {
        return (text.eq_ignore_ascii_case("z")).then_some(0);
    };
    let digits: String = behind.chars().filter(char::is_ascii_digit).collect();
    let hours: i64 = digits.get(..2)?.parse().ok()?;
    let minutes: i64 =
        digits.get(2..).filter(|rest| !rest.is_empty()).map_or(Ok(0), str::parse).ok()?;
    let minutes = hours * 60 + minutes;
    Some(if text.starts_with('-') { -minutes } else { minutes })
}

// The patterns of groups.
static ONE: Pattern = Pattern::new("[0-9]");
static TWO: Pattern = Pattern::new("[0-9]{2}");
static THREE: Pattern = Pattern::new("[0-9]{3}");
static FOUR: Pattern = Pattern::new("[0-9]{4}");
static SIX: Pattern = Pattern::new("[+-]?[0-9]{6}");
static TO_TWO: Pattern = Pattern::new("[0-9]{1,2}");
static TO_THREE: Pattern = Pattern::new("[0-9]{1,3}");
static TO_FOUR: Pattern = Pattern::new("[0-9]{1,4}");
static TO_SIX: Pattern = Pattern::new("[+-]?[0-9]{1,6}");
static CLOCK: Pattern = Pattern::new("[0-9]{3,4}");
static LONG_CLOCK: Pattern = Pattern::new("[0-9]{5,6}");
static DIGITS: Pattern = Pattern::new("[0-9]+");
static SIGNED: Pattern = Pattern::new("[+-]?[0-9]+");
static SECONDS: Pattern = Pattern::new(r"[+-]?[0-9]+(\.[0-9]{1,3})?");
static OFFSET: Pattern = Pattern::new("[Zz]|[+-][0-9]{2}(:?[0-9]{2})?");
static NOT_ZERO: Pattern = Pattern::new("^[1-9][0-9]?");
static NO_ZERO_AHEAD: Pattern = Pattern::new("^([1-9][0-9]|[0-9])");
static WORD: Pattern =
    Pattern::new(r"[0-9]{0,256}['A-Za-z\u{A0}-\u{5FF}\u{700}-\u{D7FF}\u{F900}-\u{FDCF}]{1,256}");
static HALF: Pattern = Pattern::new(r"[apAP]\.?[mM]?\.?");
static ORDINAL: Pattern = Pattern::new("[0-9]{1,2}(th|st|nd|rd)|[0-9]{1,2}");
static STRICT_ORDINAL: Pattern = Pattern::new("[0-9]{1,2}(th|st|nd|rd)");

/// The pattern of a group.
fn shape(letters: &str, strict: bool) -> Option<&'static Pattern> {
    let either = |loose, exact| if strict { exact } else { loose };
    Some(match letters {
        "M" | "D" | "w" | "W" | "h" | "k" => either(&TO_TWO, &NOT_ZERO),
        "H" | "m" | "s" => either(&TO_TWO, &NO_ZERO_AHEAD),
        "MM" | "DD" | "ww" | "WW" | "HH" | "hh" | "kk" | "mm" | "ss" | "YY" | "GG" | "gg" => {
            either(&TO_TWO, &TWO)
        }
        "YYYY" | "GGGG" | "gggg" => either(&TO_FOUR, &FOUR),
        "YYYYY" | "YYYYYY" | "GGGGG" | "ggggg" => either(&TO_SIX, &SIX),
        "Do" => either(&ORDINAL, &STRICT_ORDINAL),
        "S" => either(&TO_THREE, &ONE),
        "SS" => either(&TO_THREE, &TWO),
        "SSS" => either(&TO_THREE, &THREE),
        "d" | "e" | "E" => &TO_TWO,
        "DDD" => &TO_THREE,
        "DDDD" => &THREE,
        "Q" => &ONE,
        "hmm" | "Hmm" => &CLOCK,
        "hmmss" | "Hmmss" => &LONG_CLOCK,
        "Y" | "x" => &SIGNED,
        "y" | "yy" | "yyy" | "yyyy" | "yo" => &DIGITS,
        "X" => &SECONDS,
        "Z" | "ZZ" => &OFFSET,
        "MMM" | "MMMM" | "dd" | "ddd" | "dddd" => &WORD,
        "a" | "A" => &HALF,
        _ if letters.starts_with("SSS") => &DIGITS,
        _ => return None,
    })
}
