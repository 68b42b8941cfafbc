//! Values as JSON text, and numbers as JavaScript prints them.
//!
//! Printing is most of what a JSON flow costs, so this is direct: one pass into a buffer that
//! each thread keeps, then a copy of exactly the right size. What is rare (escapes, numbers with
//! an exponent) is left to serde_json and ryu-js.

use std::cell::RefCell;

use crate::plain::is_plain;
use crate::{Map, Value};

/// A thread's buffer is kept when it held no more than this.
const KEEP: usize = 64 * 1024;

thread_local! {
    static BUFFER: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Something that is printed as JSON.
pub(crate) trait Print {
    /// Appends it.
    fn print(&self, out: &mut String);
}

/// The text of a value, as `JSON.stringify` makes it.
pub(crate) fn to_json(value: &impl Print) -> String {
    BUFFER.with_borrow_mut(|buffer| {
        buffer.clear();
        value.print(buffer);
        if buffer.len() > KEEP { std::mem::take(buffer) } else { buffer.clone() }
    })
}

impl Print for Value {
    fn print(&self, out: &mut String) {
        match self {
            Value::Null => out.push_str("null"),
            Value::Bool(true) => out.push_str("true"),
            Value::Bool(false) => out.push_str("false"),
            Value::Number(number) if number.is_finite() => print_number(*number, out),
            Value::Number(_) => out.push_str("null"),
            Value::String(text) => print_text(text, ["\""; 2], out),
            Value::Buffer(bytes) => print_buffer(bytes, out),
            Value::Array(items) => print_list(items, out),
            Value::Object(map) => map.print(out),
        }
    }
}

impl Print for Map {
    fn print(&self, out: &mut String) {
        out.push('{');
        for (at, (key, value)) in self.iter().enumerate() {
            match at {
                0 => print_text(key, ["\"", "\":"], out),
                _ => print_text(key, [",\"", "\":"], out),
            }
            value.print(out);
        }
        out.push('}');
    }
}

fn print_list(items: &[Value], out: &mut String) {
    out.push('[');
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        item.print(out);
    }
    out.push(']');
}

fn print_buffer(bytes: &[u8], out: &mut String) {
    out.push_str(r#"{"type":"Buffer","data":["#);
    let mut digits = itoa::Buffer::new();
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        out.push_str(digits.format(*byte));
    }
    out.push_str("]}");
}

/// Appends a string between what stands there anyway, the quotes among it.
#[inline(always)]
fn print_text(text: &str, around: [&str; 2], out: &mut String) {
    if !is_plain(text.as_bytes()) {
        return print_escaped(text, around, out);
    }
    out.push_str(around[0]);
    out.push_str(text);
    out.push_str(around[1]);
}

#[cold]
fn print_escaped(text: &str, around: [&str; 2], out: &mut String) {
    out.push_str(around[0].trim_end_matches('"'));
    // A string cannot fail to be printed.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
    out.push_str(around[1].trim_start_matches('"'));
}

/// Up to this, every whole number is exact.
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;

/// Appends a number as JavaScript's `String(number)` prints it.
pub(crate) fn print_number(number: f64, out: &mut String) {
    let (size, whole) = (number.abs(), number as i64);
    if size < LARGEST_EXACT && whole as f64 == number {
        out.push_str(itoa::Buffer::new().format(whole));
    } else if (0.001..LARGEST_EXACT).contains(&size) {
        // In this range, shortest digits without an exponent are what JavaScript prints as well.
        out.push_str(zmij::Buffer::new().format_finite(number));
    } else {
        out.push_str(ryu_js::Buffer::new().format(number));
    }
}

/// A number as JavaScript's `String(number)` prints it.
pub fn number_to_string(number: f64) -> String {
    let mut text = String::new();
    print_number(number, &mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn expected(number: f64) -> String {
        ryu_js::Buffer::new().format(number).to_owned()
    }

    proptest! {
        #[test]
        fn numbers_print_as_javascript_prints_them_everywhere(
            any in any::<f64>(),
            usual in -1e17..1e17f64,
            small in -2.0..2.0f64,
            cents in -100_000_000i64..100_000_000,
            whole in any::<i64>(),
        ) {
            for number in [any, usual, small, cents as f64 / 100.0, whole as f64] {
                prop_assert_eq!(number_to_string(number), expected(number));
            }
        }

        #[test]
        fn texts_print_as_serde_json_prints_them(text in "(\\PC|[\"\\\\\u{0}-\u{20}a-z]){0,80}") {
            let mut out = String::new();
            print_text(&text, ["\""; 2], &mut out);
            prop_assert_eq!(out, serde_json::to_string(&text).unwrap());
        }
    }

    #[test]
    fn numbers_at_the_borders_print_as_javascript_prints_them() {
        let borders =
            [0.0, -0.0, 0.001, 0.000_999, 1e-7, 1e21, 1e20, 0.1, 1.5e15, f64::MAX, 5e-324];
        let near =
            [LARGEST_EXACT, LARGEST_EXACT - 1.0, LARGEST_EXACT + 2.0, 4_503_599_627_370_495.5];
        for number in borders.into_iter().chain(near).flat_map(|number| [number, -number]) {
            assert_eq!(number_to_string(number), expected(number));
        }
        assert_eq!(number_to_string(f64::NAN), "NaN");
        assert_eq!(number_to_string(f64::NEG_INFINITY), "-Infinity");
    }

    #[test]
    fn a_long_text_does_not_stay_in_the_buffer() {
        let long = Value::from("x".repeat(KEEP + 1));
        assert_eq!(to_json(&long).len(), KEEP + 3);
        assert!(BUFFER.with_borrow(String::capacity) == 0);
        assert_eq!(to_json(&Value::Null), "null");
    }
}
