//! `BigInt`: an integer of any size.

use std::cmp::Ordering;
use std::fmt;

use crate::Text;

/// A JavaScript `BigInt`, stored as its decimal digits: flows pass it on far more often than they
/// calculate with it.
#[derive(Clone, PartialEq, Eq)]
pub struct BigInt(Text);

impl BigInt {
    /// Parses decimal digits with an optional leading `-`; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        Some(match digits.trim_start_matches('0') {
            "" => BigInt(Text::from_static("0")),
            plain if plain.len() == digits.len() => BigInt(text.into()),
            plain => BigInt(format!("{sign}{plain}").into()),
        })
    }

    /// `BigInt(number)`, or `None` when the number has a fraction or is not finite.
    pub fn from_number(number: f64) -> Option<Self> {
        let whole = number.is_finite() && number.fract() == 0.0;
        // Without a fraction the digits are exact, however large the number is.
        whole.then(|| BigInt::parse(&format!("{number:.0}"))).flatten()
    }

    /// The decimal digits, with a leading `-` for a negative number.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the number is 0.
    pub fn is_zero(&self) -> bool {
        self.0 == "0"
    }

    /// `Number(value)`: the nearest number, infinite beyond the largest one.
    pub fn to_number(&self) -> f64 {
        self.0.parse().unwrap_or(f64::NAN)
    }

    /// Compares with a number exactly; `None` for NaN.
    pub fn compare_number(&self, number: f64) -> Option<Ordering> {
        if number.is_nan() {
            return None;
        }
        let Some(floor) = BigInt::from_number(number.floor()) else {
            return Some(if number > 0.0 { Ordering::Less } else { Ordering::Greater });
        };
        let fraction = number > number.floor();
        Some(self.cmp(&floor).then(if fraction { Ordering::Less } else { Ordering::Equal }))
    }

    /// The digits without the sign, and whether the number is negative.
    fn parts(&self) -> (&str, bool) {
        self.0.strip_prefix('-').map_or((self.as_str(), false), |digits| (digits, true))
    }
}

impl Ord for BigInt {
    fn cmp(&self, other: &Self) -> Ordering {
        let ((a, a_below), (b, b_below)) = (self.parts(), other.parts());
        let size = a.len().cmp(&b.len()).then_with(|| a.cmp(b));
        match (a_below, b_below) {
            (false, false) => size,
            (true, true) => size.reverse(),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for BigInt {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl From<i64> for BigInt {
    fn from(number: i64) -> Self {
        BigInt(number.to_string().into())
    }
}

impl fmt::Display for BigInt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for BigInt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn digits_are_checked_and_spelled_in_one_way() {
        for (text, spelled) in
            [("10", "10"), ("-10", "-10"), ("007", "7"), ("-007", "-7"), ("-0", "0"), ("00", "0")]
        {
            assert_eq!(BigInt::parse(text).unwrap().as_str(), spelled);
        }
        for text in ["", "-", "+1", "1.0", "1n", " 1", "--1", "0x1"] {
            assert_eq!(BigInt::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_number_beyond_the_exact_ones_is_compared_exactly() {
        let number = BigInt::parse("9007199254740993").unwrap();
        assert_eq!(number.to_number(), 9_007_199_254_740_992.0);
        assert_eq!(number.compare_number(9_007_199_254_740_992.0), Some(Ordering::Greater));
        let order = |number: f64| BigInt::from(2).compare_number(number);
        assert_eq!((order(2.0), order(2.5)), (Some(Ordering::Equal), Some(Ordering::Less)));
        assert_eq!(
            (order(f64::INFINITY), order(f64::NEG_INFINITY), order(f64::NAN)),
            (Some(Ordering::Less), Some(Ordering::Greater), None)
        );
        assert_eq!(BigInt::from(-2).compare_number(-2.5), Some(Ordering::Greater));
        assert_eq!(BigInt::from_number(1e21).unwrap().as_str(), "1000000000000000000000");
        assert_eq!(BigInt::from_number(-0.0).unwrap().as_str(), "0");
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_numbers(a in any::<i64>(), b in any::<i64>()) {
            prop_assert_eq!(BigInt::from(a).cmp(&BigInt::from(b)), a.cmp(&b));
            let number = b as f64;
            let exact = i128::from(a).cmp(&(number as i128));
            prop_assert_eq!(BigInt::from(a).compare_number(number), Some(exact));
        }
    }
}
