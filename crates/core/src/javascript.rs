//! JavaScript's conversions of values to numbers, and the modules that functions have. `None` stands for `undefined`, like
//! [`Value::Undefined`].

use crate::Value;

/// The modules of Node.js that `function` nodes have without Node.js, also as `node:NAME`.
pub const MODULES: [&str; 15] = [
    "assert",
    "assert/strict",
    "buffer",
    "crypto",
    "events",
    "os",
    "path",
    "path/posix",
    "querystring",
    "string_decoder",
    "timers",
    "timers/promises",
    "url",
    "util",
    "util/types",
];

/// Whether `function` nodes have a module without Node.js.
pub fn has_module(name: &str) -> bool {
    MODULES.contains(&name.strip_prefix("node:").unwrap_or(name))
}

/// `Number(value)`.
pub fn number(value: Option<&Value>) -> f64 {
    match value {
        None | Some(Value::Undefined) => f64::NAN,
        Some(Value::Null) => 0.0,
        Some(Value::Bool(value)) => f64::from(u8::from(*value)),
        Some(Value::Number(number)) => *number,
        Some(Value::BigInt(number)) => number.to_number(),
        Some(Value::String(text)) => number_from_text(text),
        Some(Value::Date(date)) => date.millis(),
        Some(Value::Buffer(bytes)) => number_from_text(&String::from_utf8_lossy(bytes)),
        Some(Value::Array(items)) => match &items[..] {
            [] => 0.0,
            [item] => number_of_item(item),
            _ => f64::NAN,
        },
        Some(Value::Object(_)) => f64::NAN,
    }
}

/// The number for an array's only element, which JavaScript first converts to a string.
fn number_of_item(item: &Value) -> f64 {
    match item {
        Value::Null | Value::Undefined => 0.0,
        Value::Bool(_) | Value::Date(_) => f64::NAN,
        item => number(Some(item)),
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
            // Rust would also accept `inf` and `nan`.
            digits if digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
                text.parse().unwrap_or(f64::NAN)
            }
            _ => f64::NAN,
        },
    }
}

/// `parseFloat(value)`: the number at the start of the text.
pub fn parse_float(value: Option<&Value>) -> f64 {
    match value {
        Some(Value::Number(number)) => *number,
        Some(Value::BigInt(number)) => number.to_number(),
        Some(Value::String(text)) => leading_number(text),
        Some(Value::Buffer(bytes)) => leading_number(&String::from_utf8_lossy(bytes)),
        Some(Value::Array(items)) => parse_float(items.first()),
        _ => f64::NAN,
    }
}

fn leading_number(text: &str) -> f64 {
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
