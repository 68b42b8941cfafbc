//! What the legacy mode takes for a number.

use ferrowire::Value;
use ferrowire::javascript::parse_float;

use super::trimmed;

/// The number in `text`, if it looks like one: without a plus sign, and without leading zeros.
pub(crate) fn number(text: &str) -> Option<f64> {
    let text = trimmed(text);
    looks_like_one(text.as_bytes()).then(|| parse_float(Some(&Value::from(text))))
}

/// `-1.5E-+3`: all is optional but the digits at the end.
fn looks_like_one(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"-").unwrap_or(text);
    match text {
        [b'e' | b'E', ..] => return false,
        [b'0', second, ..] if second.is_ascii_digit() => return false,
        _ => {}
    }
    let Some(marker) = text.iter().position(|byte| matches!(byte, b'e' | b'E')) else {
        return is_mantissa(text) && text.last().is_some_and(u8::is_ascii_digit);
    };
    let (mantissa, exponent) = text.split_at(marker);
    let exponent = exponent.get(1..).unwrap_or_default();
    let exponent = exponent.strip_prefix(b"-").unwrap_or(exponent);
    let exponent = exponent.strip_prefix(b"+").unwrap_or(exponent);
    is_mantissa(mantissa) && !exponent.is_empty() && exponent.iter().all(u8::is_ascii_digit)
}

/// Digits with a point among them at most.
fn is_mantissa(text: &[u8]) -> bool {
    let others = text.iter().filter(|byte| !byte.is_ascii_digit());
    others.clone().count() <= 1 && others.into_iter().all(|byte| *byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_node_red() {
        for (text, expected) in [
            ("123", 123.0),
            (" -1.5 ", -1.5),
            (".5", 0.5),
            ("0", 0.0),
            ("0.25", 0.25),
            ("1e3", 1000.0),
            ("1.E-2", 0.01),
        ] {
            assert_eq!(number(text), Some(expected), "{text}");
        }
        for text in ["", "-", "0123", "+123", "e123", "E1", "5.", "1.2.3", "1e", "0x10", "1 2"] {
            assert_eq!(number(text), None, "{text}");
        }
        assert!(number(".e5").is_some_and(f64::is_nan));
    }
}
