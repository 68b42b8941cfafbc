//! JavaScript's conversions and comparisons of values. `None` stands for `undefined` throughout,
//! like [`Value::Undefined`].

mod buffer;
mod uri;

pub use buffer::{bytes, bytes_of_base64};
pub use ferrowire_core::javascript::{number, parse_float};
pub use uri::{decode_uri_component, encode_uri, encode_uri_component};

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use ferrowire_core::language::languages;
use ferrowire_core::{BigInt, Date, Value, number_to_string};

/// `String(value)`, without a copy if the value is a string.
pub fn text_ref(value: Option<&Value>) -> Cow<'_, str> {
    match value {
        Some(Value::String(text)) => Cow::Borrowed(text),
        other => Cow::Owned(text(other)),
    }
}

/// `String(value)`.
pub fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Undefined) => "undefined".to_owned(),
        Some(Value::Null) => "null".to_owned(),
        Some(Value::Bool(value)) => value.to_string(),
        Some(Value::Number(number)) => number_to_string(*number),
        Some(Value::BigInt(number)) => number.to_string(),
        Some(Value::String(text)) => text.as_str().to_owned(),
        Some(Value::Date(date)) => date_text(*date),
        Some(Value::Buffer(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        Some(Value::Array(items)) => {
            let item = |item: &Value| match item {
                Value::Null | Value::Undefined => String::new(),
                other => text(Some(other)),
            };
            items.iter().map(item).collect::<Vec<_>>().join(",")
        }
        Some(Value::Object(_)) => "[object Object]".to_owned(),
    }
}

fn date_text(date: Date) -> String {
    match languages() {
        Ok(languages) => languages.date_text(date),
        Err(_) => date.to_iso().unwrap_or_else(|| "Invalid Date".to_owned()),
    }
}

/// `typeof value`.
pub fn type_of(value: Option<&Value>) -> &'static str {
    match value {
        None | Some(Value::Undefined) => "undefined",
        Some(Value::Bool(_)) => "boolean",
        Some(Value::Number(_)) => "number",
        Some(Value::BigInt(_)) => "bigint",
        Some(Value::String(_)) => "string",
        Some(_) => "object",
    }
}

fn is_object(value: &Value) -> bool {
    matches!(value, Value::Date(_) | Value::Buffer(_) | Value::Array(_) | Value::Object(_))
}

/// Whether two values are the same object, as far as that is known: clones that share their
/// contents are, and equal dates.
fn is_same_object(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => Arc::ptr_eq(a, b),
        (Value::Object(a), Value::Object(b)) => Arc::ptr_eq(a, b),
        (Value::Date(a), Value::Date(b)) => a == b,
        (Value::Buffer(a), Value::Buffer(b)) => a.as_ptr() == b.as_ptr() && a.len() == b.len(),
        _ => false,
    }
}

/// `a === b`.
pub fn strictly_equal(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a.and_then(Value::defined), b.and_then(Value::defined)) {
        (None, None) => true,
        (Some(a), Some(b)) if is_object(a) || is_object(b) => is_same_object(a, b),
        (Some(a), Some(b)) => a == b,
        _ => false,
    }
}

/// `a == b`.
pub fn loosely_equal(a: Option<&Value>, b: Option<&Value>) -> bool {
    let is_something = |value: &&Value| !matches!(value, Value::Null | Value::Undefined);
    let (left, right) = match (a.filter(is_something), b.filter(is_something)) {
        (Some(left), Some(right)) => (left, right),
        (left, right) => return left.is_none() && right.is_none(),
    };
    match (left, right) {
        (Value::String(left), Value::String(right)) => left == right,
        _ if is_object(left) && is_object(right) => is_same_object(left, right),
        (Value::String(_), other) | (other, Value::String(_)) if is_object(other) => {
            text_ref(a) == text_ref(b)
        }
        (Value::Date(_), Value::Bool(_) | Value::Number(_) | Value::BigInt(_)) => {
            loosely_equal(Some(&text(a).into()), b)
        }
        (_, Value::Date(_)) => loosely_equal(b, a),
        (Value::BigInt(left), Value::BigInt(right)) => left == right,
        (Value::BigInt(number), other) | (other, Value::BigInt(number)) => {
            compare_big_int(number, other) == Some(Ordering::Equal)
        }
        _ => number(a) == number(b),
    }
}

/// The order of a BigInt and another value, converted to a number.
fn compare_big_int(big_int: &BigInt, other: &Value) -> Option<Ordering> {
    let exact = match other {
        Value::String(text) => BigInt::parse(text.trim()),
        _ => None,
    };
    match exact {
        Some(exact) => Some(big_int.cmp(&exact)),
        None => big_int.compare_number(number(Some(other))),
    }
}

/// The result of `a < b` and `a > b`; `None` if both are false and so is `a <= b`.
pub fn compare(a: Option<&Value>, b: Option<&Value>) -> Option<Ordering> {
    let is_text = |value: Option<&Value>| {
        value.is_some_and(|value| match value {
            // Dates are compared as numbers.
            Value::Date(_) => false,
            value => is_object(value) || matches!(value, Value::String(_)),
        })
    };
    if is_text(a) && is_text(b) {
        return Some(compare_texts(&text_ref(a), &text_ref(b)));
    }
    match (a, b) {
        (Some(Value::BigInt(a)), Some(Value::BigInt(b))) => Some(a.cmp(b)),
        (Some(Value::BigInt(a)), Some(b)) => compare_big_int(a, b),
        (Some(a), Some(Value::BigInt(b))) => compare_big_int(b, a).map(Ordering::reverse),
        _ => number(a).partial_cmp(&number(b)),
    }
}

/// The order of two texts, by UTF-16 code units.
pub fn compare_texts(a: &str, b: &str) -> Ordering {
    a.encode_utf16().cmp(b.encode_utf16())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferrowire_core::Date;
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
    fn undefined_dates_and_big_ints_compare_as_in_javascript() {
        let date = |millis| Value::from(Date::from_millis(millis));
        let big = |number: i64| Value::from(BigInt::from(number));
        let equal = |a: &Value, b: &Value| loosely_equal(Some(a), Some(b));
        assert!(
            equal(&Value::Undefined, &Value::Null) && loosely_equal(None, Some(&Value::Undefined))
        );
        assert!(!equal(&Value::Undefined, &0.into()) && !equal(&Value::Undefined, &"".into()));
        assert!(strictly_equal(None, Some(&Value::Undefined)));
        assert!(!strictly_equal(Some(&Value::Null), Some(&Value::Undefined)));
        assert!(equal(&date(5.0), &date(5.0)) && !equal(&date(5.0), &5.into()));
        assert!(equal(&text(Some(&date(5.0))).into(), &date(5.0)));
        let order = |a: &Value, b: &Value| compare(Some(a), Some(b));
        assert_eq!(order(&date(5.0), &date(6.0)), Some(Ordering::Less));
        assert_eq!(order(&date(5.0), &"4".into()), Some(Ordering::Greater));
        assert_eq!(order(&date(f64::NAN), &date(f64::NAN)), None);
        assert_eq!(order(&Value::Undefined, &0.into()), None);
        assert!(equal(&big(10), &10.into()) && equal(&"10".into(), &big(10)));
        assert!(equal(&big(1), &true.into()) && !equal(&big(10), &10.5.into()));
        assert!(!strictly_equal(Some(&big(10)), Some(&10.into())));
        assert_eq!(order(&10.5.into(), &big(10)), Some(Ordering::Greater));
        assert_eq!(order(&big(10), &"11".into()), Some(Ordering::Less));
        assert_eq!((type_of(Some(&big(1))), type_of(Some(&date(1.0)))), ("bigint", "object"));
        assert_eq!(number(Some(&date(7.0))), 7.0);
        assert_eq!(text(Some(&vec![Value::Undefined, big(1)].into())), ",1");
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
