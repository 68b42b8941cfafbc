//! Decimal numbers, rounded as the options of a format want it.

/// How many places a number may have on either side of its point.
const MOST_PLACES: i64 = 2_000;

/// A number without its sign: `0.d1d2d3… × 10^point`.
#[derive(Debug)]
pub(super) struct Decimal {
    digits: Vec<u8>,
    point: i64,
}

/// Where and how numbers are rounded.
#[derive(Debug)]
pub(super) struct Rounding {
    /// The digits are those of the whole number, not those behind the point.
    significant: bool,
    least: usize,
    most: usize,
    mode: Mode,
    /// A fraction of zeros only is left out.
    strip: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    HalfExpand,
    Ceil,
    Floor,
    Expand,
    Trunc,
    HalfCeil,
    HalfFloor,
    HalfTrunc,
    HalfEven,
}

impl Rounding {
    /// `mode` is the place in the list of modes.
    pub(super) fn new(
        significant: bool,
        least: usize,
        most: usize,
        mode: usize,
        strip: bool,
    ) -> Option<Self> {
        let mode = *[
            Mode::HalfExpand,
            Mode::Ceil,
            Mode::Floor,
            Mode::Expand,
            Mode::Trunc,
            Mode::HalfCeil,
            Mode::HalfFloor,
            Mode::HalfTrunc,
            Mode::HalfEven,
        ]
        .get(mode)?;
        Some(Rounding { significant, least, most, mode, strip })
    }
}

impl Decimal {
    /// Of digits with a point and an exponent, as JavaScript writes them.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (number, exponent) = match text.split_once(['e', 'E']) {
            Some((number, exponent)) => (number, exponent.parse::<i64>().ok()?),
            None => (text, 0),
        };
        let (integer, fraction) = number.split_once('.').unwrap_or((number, ""));
        let digits: Vec<u8> =
            integer.bytes().chain(fraction.bytes()).map(|b| b.wrapping_sub(b'0')).collect();
        if digits.is_empty() || digits.iter().any(|digit| *digit > 9) {
            return None;
        }
        let point = i64::try_from(integer.len()).ok()?.checked_add(exponent)?;
        let mut found = Decimal { digits, point };
        found.trim();
        let places = i64::try_from(found.digits.len()).ok()?.max(found.point.abs());
        (places <= MOST_PLACES).then_some(found)
    }

    fn trim(&mut self) {
        let zeros = self.digits.iter().take_while(|digit| **digit == 0).count();
        self.digits.drain(..zeros);
        self.point -= zeros as i64;
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
        if self.digits.is_empty() {
            self.point = 0;
        }
    }

    pub(super) fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// Multiplies by a power of ten.
    pub(super) fn shift(&mut self, places: i64) {
        if !self.is_zero() {
            self.point += places;
        }
    }

    pub(super) fn round(&mut self, rounding: &Rounding, negative: bool) {
        let kept = match rounding.significant {
            true => rounding.most as i64,
            false => self.point + rounding.most as i64,
        };
        if kept >= self.digits.len() as i64 {
            return;
        }
        let up = self.rounds_up(kept, rounding.mode, negative);
        let kept = usize::try_from(kept).unwrap_or(0);
        if kept == 0 {
            // What is left is nothing, or one at the last place that is shown.
            let place = if rounding.significant { self.point } else { -(rounding.most as i64) };
            self.digits.clear();
            if up {
                self.digits.push(1);
                self.point = place + 1;
            }
            return self.trim();
        }
        self.digits.truncate(kept);
        if up {
            self.increment();
        }
        self.trim();
    }

    fn rounds_up(&self, kept: i64, mode: Mode, negative: bool) -> bool {
        let at = |place: i64| usize::try_from(place).ok().and_then(|place| self.digits.get(place));
        let next = at(kept).copied().unwrap_or(0);
        let more = kept < 0 || usize::try_from(kept + 1).is_ok_and(|from| self.digits.len() > from);
        let past_half = kept >= 0 && (next > 5 || (next == 5 && more));
        let half = kept >= 0 && next == 5 && !more;
        match mode {
            Mode::Expand => true,
            Mode::Trunc => false,
            Mode::Ceil => !negative,
            Mode::Floor => negative,
            Mode::HalfExpand => past_half || half,
            Mode::HalfTrunc => past_half,
            Mode::HalfCeil => past_half || (half && !negative),
            Mode::HalfFloor => past_half || (half && negative),
            Mode::HalfEven => past_half || (half && at(kept - 1).is_some_and(|d| d % 2 == 1)),
        }
    }

    fn increment(&mut self) {
        for digit in self.digits.iter_mut().rev() {
            if *digit < 9 {
                *digit += 1;
                return;
            }
            *digit = 0;
        }
        self.digits.insert(0, 1);
        self.point += 1;
    }

    /// The digits in front of the point and behind it.
    pub(super) fn print(&self, least_integer: usize, rounding: &Rounding) -> (String, String) {
        let digit = |place: i64| {
            let digit = usize::try_from(place).ok().and_then(|place| self.digits.get(place));
            char::from(b'0' + digit.copied().unwrap_or(0))
        };
        let integer: String = (0..self.point.max(0)).map(digit).collect();
        let zeros = least_integer.max(1).saturating_sub(integer.len());
        let integer = format!("{}{integer}", "0".repeat(zeros));
        let length = self.digits.len() as i64;
        let shown = (length - self.point).max(0);
        let least = match rounding.significant {
            true if self.is_zero() => rounding.least as i64 - 1,
            true => rounding.least as i64 - self.point,
            false => rounding.least as i64,
        };
        let least = if rounding.strip && shown == 0 { 0 } else { least };
        let fraction = (self.point..self.point + shown.max(least)).map(digit).collect();
        (integer, fraction)
    }
}
