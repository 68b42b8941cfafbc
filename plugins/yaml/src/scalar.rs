//! What plain text means: the types of the default schema of Node-RED's library.

use ferrowire::Value;

use crate::timestamp;

/// The value of plain text that is no string, such as `null`, `0x1f` or `2001-12-14`.
pub(crate) fn implicit(text: &str) -> Option<Value> {
    null(text)
        .then_some(Value::Null)
        .or_else(|| boolean(text).map(Value::from))
        .or_else(|| integer(text).or_else(|| float(text)).map(Value::from))
        .or_else(|| timestamp::parse(text).map(Value::from))
}

/// Whether plain text is the key that merges another mapping.
pub(crate) fn is_merge(text: &str) -> bool {
    text == "<<"
}

pub(crate) fn null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

pub(crate) fn integer(text: &str) -> Option<f64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let sign = if text.starts_with('-') && digits != "0" { -1.0 } else { 1.0 };
    let (digits, radix) = match digits.as_bytes() {
        [b'0', b'b', ..] => (digits.get(2..)?, 2),
        [b'0', b'o', ..] => (digits.get(2..)?, 8),
        [b'0', b'x', ..] => (digits.get(2..)?, 16),
        _ => (digits, 10),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let value = match radix {
        10 => digits.parse().ok()?,
        _ => {
            let digits = digits.chars().filter_map(|c| c.to_digit(radix));
            digits.fold(0.0, |sum: f64, digit| sum * f64::from(radix) + f64::from(digit))
        }
    };
    Some(sign * value).filter(|value| value.is_finite())
}

pub(crate) fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    match unsigned {
        ".inf" | ".Inf" | ".INF" if text.starts_with('-') => return Some(f64::NEG_INFINITY),
        ".inf" | ".Inf" | ".INF" => return Some(f64::INFINITY),
        _ => {}
    }
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Some(f64::NAN);
    }
    // As in Node-RED's library, a sign comes before a digit only.
    let begins = unsigned.starts_with(|c: char| c.is_ascii_digit())
        || text.starts_with('.') && text.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    if !begins || !unsigned.chars().all(is_part) {
        return None;
    }
    text.parse().ok().filter(|value: &f64| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_has_the_types_of_node_red() {
        for (text, number) in [
            ("0", 0.0),
            ("-17", -17.0),
            ("+3", 3.0),
            ("007", 7.0),
            ("0x1F", 31.0),
            ("-0b101", -5.0),
            ("0o17", 15.0),
            ("1.5", 1.5),
            ("1.", 1.0),
            (".5e1", 5.0),
            ("1e3", 1000.0),
            ("-.inf", f64::NEG_INFINITY),
        ] {
            assert_eq!(implicit(text), Some(Value::from(number)), "{text}");
        }
        for text in
            ["1_000", "-", "0x", "0b2", "-.5", "1e", "e1", ".", "inf", "nan", "1e999", "yes"]
        {
            assert_eq!(implicit(text), None, "{text}");
        }
        for text in ["", "~", "Null", "TRUE", ".nan", "2001-12-14"] {
            assert!(implicit(text).is_some(), "{text}");
        }
    }
}
