//! Dates: `2001-12-14`, `2001-12-14t21:59:43.10-05:00`, and forms between these.

use ferrowire::Date;

const MINUTE: f64 = 60_000.0;

/// The date that `text` is, also with a month or a day that does not exist, which is counted on.
pub(crate) fn parse(text: &str) -> Option<Date> {
    let mut reader = Reader(text.as_bytes());
    let year = reader.number(4, 4)?;
    reader.skip(b"-")?;
    let month = reader.number(1, 2)?;
    reader.skip(b"-")?;
    let day = reader.number(1, 2)?;
    let days = days(year, month, day) * 24.0 * 60.0 * MINUTE;
    if reader.0.is_empty() {
        // A date alone has two digits for everything.
        return (text.len() == 10).then(|| Date::from_millis(days));
    }
    reader.separator()?;
    let hour = reader.number(1, 2)?;
    reader.skip(b":")?;
    let minute = reader.number(2, 2)?;
    reader.skip(b":")?;
    let second = reader.number(2, 2)?;
    let millis = reader.fraction();
    let zone = reader.zone()?;
    reader.0.is_empty().then(|| {
        let time = (hour * 60.0 + minute) * MINUTE + second * 1000.0 + millis;
        Date::from_millis(days + time - zone)
    })
}

/// The days since 1970. As in JavaScript, the years 0 to 99 are those of the 20th century.
fn days(year: f64, month: f64, day: f64) -> f64 {
    let year = if year < 100.0 { year + 1900.0 } else { year };
    let months = year * 12.0 + month - 1.0;
    // Years that begin in March, so that a leap day is the last day.
    let year = ((months - 2.0) / 12.0).floor();
    let month = months - 2.0 - year * 12.0;
    let leap_days = (year / 4.0).floor() - (year / 100.0).floor() + (year / 400.0).floor();
    let of_year = ((153.0 * month + 2.0) / 5.0).floor();
    year * 365.0 + leap_days + of_year + day - 1.0 - 719_468.0
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn skip(&mut self, expected: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }

    /// A number of so many digits.
    fn number(&mut self, least: usize, most: usize) -> Option<f64> {
        let digits = self.0.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
        let (number, rest) = self.0.split_at_checked(digits).filter(|_| digits >= least)?;
        self.0 = rest;
        Some(number.iter().fold(0.0, |sum, digit| sum * 10.0 + f64::from(digit - b'0')))
    }

    fn blanks(&mut self) -> usize {
        let count = self.0.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        self.0 = self.0.get(count..).unwrap_or_default();
        count
    }

    /// What is between date and time.
    fn separator(&mut self) -> Option<()> {
        if self.blanks() > 0 {
            return Some(());
        }
        self.skip(b"T").or_else(|| self.skip(b"t"))
    }

    /// The milliseconds of a fraction of a second.
    fn fraction(&mut self) -> f64 {
        if self.skip(b".").is_none() {
            return 0.0;
        }
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (fraction, rest) = self.0.split_at_checked(digits).unwrap_or_default();
        self.0 = rest;
        let digit = |at: usize| fraction.get(at).map_or(0.0, |digit| f64::from(digit - b'0'));
        digit(0) * 100.0 + digit(1) * 10.0 + digit(2)
    }

    /// The offset from UTC in milliseconds.
    fn zone(&mut self) -> Option<f64> {
        let blanks = self.blanks();
        if self.0.is_empty() {
            return (blanks == 0).then_some(0.0);
        }
        if self.skip(b"Z").is_some() {
            return Some(0.0);
        }
        let sign = if self.0.starts_with(b"-") { -1.0 } else { 1.0 };
        self.skip(b"-").or_else(|| self.skip(b"+"))?;
        let hours = self.number(1, 2)?;
        let minutes = match self.skip(b":") {
            Some(()) => self.number(2, 2)?,
            None => 0.0,
        };
        Some(sign * (hours * 60.0 + minutes) * MINUTE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_javascript() {
        for (text, iso) in [
            ("2001-12-14", "2001-12-14T00:00:00.000Z"),
            ("2001-12-14t21:59:43.10-05:00", "2001-12-15T02:59:43.100Z"),
            ("2001-12-14 21:59:43.1234567 +1", "2001-12-14T20:59:43.123Z"),
            ("2001-1-2T3:04:05Z", "2001-01-02T03:04:05.000Z"),
            ("2000-02-29", "2000-02-29T00:00:00.000Z"),
            ("2001-02-29", "2001-03-01T00:00:00.000Z"),
            ("2001-13-99", "2002-04-09T00:00:00.000Z"),
            ("0070-01-01", "1970-01-01T00:00:00.000Z"),
            ("1969-12-31 23:59:59.9", "1969-12-31T23:59:59.900Z"),
            ("2001-00-00", "2000-11-30T00:00:00.000Z"),
        ] {
            assert_eq!(parse(text).and_then(Date::to_iso).as_deref(), Some(iso), "{text}");
        }
        for text in
            ["2001-1-2", "2001-12-14T", "2001-12-14 1:2:3", "2001-12-14T01:02:03 x", "20011214"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
