//! Values as JSON text, and numbers as JavaScript prints them.
//!
//! Printing is most of the cost of a JSON flow, so this makes one pass into a per-thread buffer,
//! then one copy of the exact size. Rare cases (escapes, numbers with an exponent) are left to
//! serde_json and ryu-js.

use std::cell::RefCell;

use crate::plain::is_plain;
use crate::value::MAX_JSON;
use crate::{Map, Unprintable, Value};

/// A thread's buffer is kept if its content was not larger than this.
const KEEP: usize = 64 * 1024;

thread_local! {
    static BUFFER: RefCell<Printed> = const { RefCell::new(Printed::new(MAX_JSON)) };
}

/// Printed text.
pub(crate) struct Printed {
    text: String,
    /// The maximum length of the text.
    most: usize,
    /// Whether it contains a number that `JSON.stringify` refuses.
    has_big_int: bool,
}

impl Printed {
    const fn new(most: usize) -> Self {
        Printed { text: String::new(), most, has_big_int: false }
    }

    /// Whether the text is too long; what follows is not printed then.
    fn is_full(&self) -> bool {
        self.text.len() > self.most
    }
}

/// A value that can be printed as JSON.
pub(crate) trait Print {
    /// Appends it.
    fn print(&self, out: &mut Printed);
}

/// A value as JSON, with the digits of a `BigInt`; `null` if the text is too long.
pub(crate) fn to_json(value: &impl Print) -> String {
    print(value).map_or_else(|_| "null".to_owned(), |(text, _)| text)
}

/// A value as `JSON.stringify` prints it.
pub(crate) fn stringify(value: &impl Print) -> Result<String, Unprintable> {
    match print(value)? {
        (_, true) => Err(Unprintable::BigInt),
        (text, false) => Ok(text),
    }
}

fn print(value: &impl Print) -> Result<(String, bool), Unprintable> {
    BUFFER.with_borrow_mut(|buffer| print_into(buffer, value))
}

fn print_into(buffer: &mut Printed, value: &impl Print) -> Result<(String, bool), Unprintable> {
    buffer.text.clear();
    buffer.has_big_int = false;
    value.print(buffer);
    let is_full = buffer.is_full();
    let text = &mut buffer.text;
    let text = if text.len() > KEEP { std::mem::take(text) } else { text.clone() };
    if is_full { Err(Unprintable::TooLong) } else { Ok((text, buffer.has_big_int)) }
}

impl Print for Value {
    fn print(&self, out: &mut Printed) {
        let text = &mut out.text;
        match self {
            Value::Null | Value::Undefined => text.push_str("null"),
            Value::Bool(true) => text.push_str("true"),
            Value::Bool(false) => text.push_str("false"),
            Value::Number(number) if number.is_finite() => print_number(*number, text),
            Value::Number(_) => text.push_str("null"),
            Value::BigInt(number) => {
                out.has_big_int = true;
                text.push_str(number.as_str());
            }
            Value::String(string) => print_text(string, ["\""; 2], text),
            Value::Date(date) => match date.to_iso() {
                Some(iso) => print_text(&iso, ["\""; 2], text),
                None => text.push_str("null"),
            },
            Value::Buffer(bytes) => print_buffer(bytes, text),
            Value::Array(items) => print_list(items, out),
            Value::Object(map) => map.print(out),
        }
    }
}

impl Print for Map {
    fn print(&self, out: &mut Printed) {
        out.text.push('{');
        let mut before = "\"";
        for (key, value) in self.iter() {
            if value.is_undefined() {
                continue;
            }
            if out.is_full() {
                return;
            }
            print_text(key, [before, "\":"], &mut out.text);
            before = ",\"";
            value.print(out);
        }
        out.text.push('}');
    }
}

fn print_list(items: &[Value], out: &mut Printed) {
    out.text.push('[');
    for (at, item) in items.iter().enumerate() {
        if out.is_full() {
            return;
        }
        if at > 0 {
            out.text.push(',');
        }
        item.print(out);
    }
    out.text.push(']');
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

/// Appends a string with its surrounding punctuation, including the quotes.
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
    // Serializing a string cannot fail.
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
    out.push_str(around[1].trim_start_matches('"'));
}

/// Up to this, every integer is exact.
const LARGEST_EXACT: f64 = 9_007_199_254_740_992.0;

/// Appends a number as JavaScript's `String(number)` prints it.
pub(crate) fn print_number(number: f64, out: &mut String) {
    let (size, whole) = (number.abs(), number as i64);
    if size < LARGEST_EXACT && whole as f64 == number {
        out.push_str(itoa::Buffer::new().format(whole));
    } else if (0.001..LARGEST_EXACT).contains(&size) {
        // In this range JavaScript also prints the shortest digits without an exponent.
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
    use crate::{BigInt, Date};
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
    fn what_json_lacks_prints_as_javascript_prints_it() {
        let value = |list: Vec<Value>| -> Value {
            let date = Date::from_millis(1.0);
            let entries = [
                ("a", Value::Undefined),
                ("list", list.into()),
                ("b", Value::Undefined),
                ("date", date.into()),
                ("invalid", Date::INVALID.into()),
            ];
            Map::from_iter(entries).into()
        };
        let expected = r#"{"list":[null,true],"date":"1970-01-01T00:00:00.001Z","invalid":null}"#;
        let plain = value(vec![Value::Undefined, true.into()]);
        assert_eq!(plain.stringify(), Ok(Some(expected.to_owned())));
        assert_eq!(serde_json::to_string(&plain).unwrap(), expected);
        assert_eq!(Value::Undefined.stringify(), Ok(None));
        assert_eq!(Value::Undefined.to_json(), "null");
        let with_big_int = value(vec![BigInt::from(10).into()]);
        assert_eq!(with_big_int.stringify(), Err(Unprintable::BigInt));
        assert!(with_big_int.to_json().starts_with(r#"{"list":[10],"#));
        assert!(serde_json::to_string(&with_big_int).is_err());
        assert_eq!(Value::Null.stringify(), Ok(Some("null".to_owned())), "afterwards");
    }

    #[test]
    fn a_value_that_shares_parts_is_printed_to_a_limit() {
        let mut shared = Value::from("part");
        for _ in 0..100 {
            shared = vec![Map::from_iter([("a", shared.clone())]).into(), shared].into();
        }
        let mut buffer = Printed::new(10_000);
        assert_eq!(print_into(&mut buffer, &shared), Err(Unprintable::TooLong));
        assert!(buffer.text.capacity() < 30_000);
        let short = Value::from("x".repeat(9_990));
        assert!(print_into(&mut buffer, &short).is_ok(), "afterwards");
        let long = Value::from("x".repeat(10_000));
        assert_eq!(print_into(&mut buffer, &long), Err(Unprintable::TooLong));
    }

    #[test]
    fn a_long_text_does_not_stay_in_the_buffer() {
        let long = Value::from("x".repeat(KEEP + 1));
        assert_eq!(to_json(&long).len(), KEEP + 3);
        assert!(BUFFER.with_borrow(|buffer| buffer.text.capacity()) == 0);
        assert_eq!(to_json(&Value::Null), "null");
    }
}
