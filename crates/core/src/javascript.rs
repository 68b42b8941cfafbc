//! What JavaScript makes of values: their text, their number, and how two of them compare.
//! `None` stands for `undefined` throughout.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use crate::{Value, number_to_string};

/// `String(value)`, without a copy when the value is a string.
pub fn text_ref(value: Option<&Value>) -> Cow<'_, str> {
    match value {
        Some(Value::String(text)) => Cow::Borrowed(text),
        other => Cow::Owned(text(other)),
    }
}

/// `String(value)`.
pub fn text(value: Option<&Value>) -> String {
    match value {
        None => "undefined".to_owned(),
        Some(Value::Null) => "null".to_owned(),
        Some(Value::Bool(value)) => value.to_string(),
        Some(Value::Number(number)) => number_to_string(*number),
        Some(Value::String(text)) => text.as_str().to_owned(),
        Some(Value::Buffer(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        Some(Value::Array(items)) => {
            let item = |item: &Value| match item {
                Value::Null => String::new(),
                other => text(Some(other)),
            };
            items.iter().map(item).collect::<Vec<_>>().join(",")
        }
        Some(Value::Object(_)) => "[object Object]".to_owned(),
    }
}

/// `Number(value)`.
pub fn number(value: Option<&Value>) -> f64 {
    match value {
        None => f64::NAN,
        Some(Value::Null) => 0.0,
        Some(Value::Bool(value)) => f64::from(u8::from(*value)),
        Some(Value::Number(number)) => *number,
        Some(Value::String(text)) => number_from_text(text),
        Some(value) => number_from_text(&text(Some(value))),
    }
}

fn number_from_text(text: &str) -> f64 {
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let radix = |digits: &str, radix: u32| {
        let value =
            |sum: f64, c: char| Some(sum * f64::from(radix) + f64::from(c.to_digit(radix)?));
        digits.chars().try_fold(0.0, value).filter(|_| !digits.is_empty()).unwrap_or(f64::NAN)
    };
    let prefix = text.get(..2).unwrap_or_default().to_ascii_lowercase();
    match (prefix.as_str(), text.get(2..).unwrap_or_default()) {
        ("0x", digits) => radix(digits, 16),
        ("0o", digits) => radix(digits, 8),
        ("0b", digits) => radix(digits, 2),
        _ if text.is_empty() => 0.0,
        _ => match text.strip_prefix(['+', '-']).unwrap_or(text) {
            "Infinity" => text.parse().unwrap_or(f64::NAN),
            // Rust would also take `inf` and `nan`.
            digits if digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
                text.parse().unwrap_or(f64::NAN)
            }
            _ => f64::NAN,
        },
    }
}

/// `parseFloat(value)`: the number that the text begins with.
pub fn parse_float(value: Option<&Value>) -> f64 {
    if let Some(Value::Number(number)) = value {
        return *number;
    }
    let text = text(value);
    let text = text.trim_start();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.starts_with("Infinity") {
        return if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    let end = length_of_number(text.as_bytes());
    text.get(..end).and_then(|number| number.parse().ok()).unwrap_or(f64::NAN)
}

fn length_of_number(text: &[u8]) -> usize {
    let digits = |from: usize| text.iter().skip(from).take_while(|b| b.is_ascii_digit()).count();
    let mut at = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    at += digits(at);
    if text.get(at) == Some(&b'.') {
        at += 1 + digits(at + 1);
    }
    if matches!(text.get(at), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(text.get(at + 1), Some(b'+' | b'-')));
        let exponent = digits(at + 1 + sign);
        if exponent > 0 {
            at += 1 + sign + exponent;
        }
    }
    at
}

/// `typeof value`.
pub fn type_of(value: Option<&Value>) -> &'static str {
    match value {
        None => "undefined",
        Some(Value::Bool(_)) => "boolean",
        Some(Value::Number(_)) => "number",
        Some(Value::String(_)) => "string",
        Some(_) => "object",
    }
}

fn is_object(value: &Value) -> bool {
    matches!(value, Value::Buffer(_) | Value::Array(_) | Value::Object(_))
}

/// Whether two values are one and the same object, as far as that can be told: clones that share
/// their contents are.
fn is_same_object(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => Arc::ptr_eq(a, b),
        (Value::Object(a), Value::Object(b)) => Arc::ptr_eq(a, b),
        (Value::Buffer(a), Value::Buffer(b)) => a.as_ptr() == b.as_ptr() && a.len() == b.len(),
        _ => false,
    }
}

/// `a === b`.
pub fn strictly_equal(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) if is_object(a) || is_object(b) => is_same_object(a, b),
        (Some(a), Some(b)) => a == b,
        _ => false,
    }
}

/// `a == b`.
pub fn loosely_equal(a: Option<&Value>, b: Option<&Value>) -> bool {
    let is_nothing = |value: Option<&Value>| matches!(value, None | Some(Value::Null));
    let (Some(left), Some(right)) = (a, b) else { return is_nothing(a) && is_nothing(b) };
    match (left, right) {
        (Value::Null, _) | (_, Value::Null) => is_nothing(a) && is_nothing(b),
        (Value::String(left), Value::String(right)) => left == right,
        _ if is_object(left) && is_object(right) => is_same_object(left, right),
        (Value::String(_), other) | (other, Value::String(_)) if is_object(other) => {
            text_ref(a) == text_ref(b)
        }
        _ => number(a) == number(b),
    }
}

/// How `a < b` and `a > b` see two values; `None` when both are false, and so is `a <= b`.
pub fn compare(a: Option<&Value>, b: Option<&Value>) -> Option<Ordering> {
    let is_text = |value: Option<&Value>| {
        value.is_some_and(|value| is_object(value) || matches!(value, Value::String(_)))
    };
    if is_text(a) && is_text(b) {
        return Some(compare_texts(&text_ref(a), &text_ref(b)));
    }
    number(a).partial_cmp(&number(b))
}

/// The order of two texts, by UTF-16 code units.
pub fn compare_texts(a: &str, b: &str) -> Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn value(json: serde_json::Value) -> Option<Value> {
        Some(json.into())
    }

    #[test]
    fn texts_and_numbers_are_those_of_javascript() {
        for (json, string, float) in [
            (json!(null), "null", 0.0),
            (json!(true), "true", 1.0),
            (json!("0x1f"), "0x1f", 31.0),
            (json!(" 12 "), " 12 ", 12.0),
            (json!([5]), "5", 5.0),
            (json!([]), "", 0.0),
        ] {
            assert_eq!(text(value(json.clone()).as_ref()), string);
            assert_eq!(number(value(json).as_ref()), float);
        }
        for json in [json!("1px"), json!({}), json!("nan"), json!("--1"), json!([1, 2])] {
            assert!(number(value(json).as_ref()).is_nan());
        }
        assert!(number(None).is_nan());
        for (json, float) in [
            (json!("3.5px"), 3.5),
            (json!("-1e3x"), -1000.0),
            (json!(" .5."), 0.5),
            (json!("1e"), 1.0),
        ] {
            assert_eq!(parse_float(value(json).as_ref()), float);
        }
        assert!(parse_float(value(json!("x1")).as_ref()).is_nan());
    }

    #[test]
    fn equality_and_order_are_those_of_javascript() {
        let equal = |a, b| loosely_equal(value(a).as_ref(), value(b).as_ref());
        assert!(equal(json!("5"), json!(5)) && equal(json!(true), json!("1")));
        assert!(equal(json!([5]), json!("5")) && equal(json!([5]), json!(5)));
        assert!(!equal(json!(null), json!(0)) && !equal(json!("a"), json!("b")));
        assert!(!equal(json!({}), json!({})) && !equal(json!("x"), json!(0)));
        assert!(loosely_equal(None, Some(&Value::Null)) && !loosely_equal(None, Some(&0.into())));
        let shared = value(json!({"a": 1}));
        assert!(strictly_equal(shared.as_ref(), shared.clone().as_ref()));
        let order = |a, b| compare(value(a).as_ref(), value(b).as_ref());
        assert_eq!(order(json!("10"), json!("9")), Some(Ordering::Less));
        assert_eq!(order(json!("10"), json!(9)), Some(Ordering::Greater));
        assert_eq!(order(json!("x"), json!(9)), None);
    }
}
