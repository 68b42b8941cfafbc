//! Values for the editor's debug and context sidebars: shortened, and with a `format`.
//!
//! An array or an object becomes a *string* with JSON; `format` tells the editor how to read it.

use ferrowire_core::{Map, Value, number_to_string};
use ferrowire_expression::javascript;

/// Node-RED's `debugMaxLength`: longer texts, arrays and buffers are cut off.
pub const MAX_LENGTH: usize = 1000;

/// Deeper levels are not shown. JSON is parsed to 127 levels; only values that a flow nests itself
/// are deeper.
const MAX_DEPTH: usize = 250;

/// A value in the format of the editor.
#[derive(Clone, Debug, PartialEq)]
pub struct Encoded {
    /// The type of the value, such as `string[5]`, `number` or `Object`.
    pub format: String,
    /// Its text, or the JSON of an array or object, also as a text. Only a `BigInt` is an object.
    pub msg: Value,
}

/// Encodes `value`, cutting off what is longer than `limit`. `None` is JavaScript's `undefined`.
pub fn encode(value: Option<&Value>, limit: usize) -> Encoded {
    let (format, msg) = match value {
        None | Some(Value::Undefined) => ("undefined".to_owned(), "(undefined)".to_owned()),
        Some(Value::BigInt(number)) => {
            let properties = [
                ("__enc__", true.into()),
                ("type", "bigint".into()),
                ("data", number.as_str().into()),
            ];
            return Encoded {
                format: "bigint".to_owned(),
                msg: Map::from_iter::<[(_, Value); 3]>(properties).into(),
            };
        }
        Some(Value::Null) => ("null".to_owned(), "(undefined)".to_owned()),
        Some(Value::Bool(value)) => ("boolean".to_owned(), value.to_string()),
        Some(Value::Number(number)) => ("number".to_owned(), number_to_string(*number)),
        Some(Value::Date(_)) => ("Date".to_owned(), javascript::text(value)),
        Some(Value::String(text)) => (format!("string[{}]", length(text)), shortened(text, limit)),
        Some(Value::Buffer(bytes)) => (format!("buffer[{}]", bytes.len()), hex(bytes, limit)),
        Some(Value::Array(items)) => (format!("array[{}]", items.len()), json(value, limit)),
        Some(Value::Object(map)) if is_error(map) => ("error".to_owned(), json(value, limit)),
        Some(Value::Object(_)) => ("Object".to_owned(), json(value, limit)),
    };
    Encoded { format, msg: msg.into() }
}

/// Encodes an error object of JavaScript: `text` is its name and message, `details` has its
/// `stack`, and perhaps its `code` and `cause`.
pub(crate) fn encode_error(text: &str, details: &Map) -> Encoded {
    let (name, message) = text.split_once(": ").unwrap_or((text, ""));
    // Node-RED adds the line to the message of these, which makes the name a part of it.
    let message = if name == "ReferenceError" { text } else { message };
    let data = [("name", name.into()), ("message", message.into())].into_iter();
    let more = ["code", "cause", "stack"].into_iter();
    let more = more.filter_map(|key| Some((key, details.get(key)?.clone())));
    let data: Map = data.chain(more).collect();
    let mut writer = Writer { out: String::new(), limit: MAX_LENGTH, depth: 0 };
    writer.error(&data);
    Encoded { format: "error".to_owned(), msg: writer.out.into() }
}

/// Whether this is the form in which a function node sends an error object.
fn is_error(map: &Map) -> bool {
    let text = |key: &str| map.get(key).is_some_and(|value| value.as_str().is_some());
    text("name") && text("message") && text("stack")
}

/// The length of a text in UTF-16 units, as in JavaScript.
fn length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// At most `limit` UTF-16 units of `text`; a surrogate pair is not cut.
fn shortened(text: &str, limit: usize) -> String {
    // A text has no more units than bytes, so most texts need no counting.
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut units = 0;
    for (at, c) in text.char_indices() {
        units += c.len_utf16();
        if units > limit {
            let head = text.get(..at).unwrap_or_default();
            return format!("{head}...");
        }
    }
    text.to_owned()
}

/// At most `limit` hexadecimal digits.
fn hex(bytes: &[u8], limit: usize) -> String {
    let mut text = data_encoding::HEXLOWER.encode(&bytes[..bytes.len().min(limit.div_ceil(2))]);
    text.truncate(limit);
    text
}

fn json(value: Option<&Value>, limit: usize) -> String {
    let mut writer = Writer { out: String::with_capacity(256), limit, depth: 0 };
    if let Some(value) = value {
        writer.value(value);
    }
    writer.out
}

/// Writes JSON with shortened values.
struct Writer {
    out: String,
    limit: usize,
    depth: usize,
}

impl Writer {
    fn value(&mut self, value: &Value) {
        match value {
            Value::Number(number) if !number.is_finite() => {
                let text = number_to_string(*number);
                self.out.push_str(r#"{"__enc__":true,"type":"number","data":""#);
                self.out.push_str(&text);
                self.out.push_str("\"}");
            }
            Value::Undefined => self.out.push_str(r#"{"__enc__":true,"type":"undefined"}"#),
            Value::BigInt(number) => {
                self.out.push_str(r#"{"__enc__":true,"type":"bigint","data":""#);
                self.out.push_str(number.as_str());
                self.out.push_str("\"}");
            }
            Value::String(text) => self.string(text),
            Value::Buffer(bytes) => self.buffer(bytes),
            Value::Array(_) | Value::Object(_) if self.depth >= MAX_DEPTH => {
                self.out.push_str("\"[too deep]\"");
            }
            Value::Array(items) => self.nested(|writer| writer.array(items)),
            Value::Object(map) if is_error(map) => self.nested(|writer| writer.error(map)),
            Value::Object(map) => self.nested(|writer| writer.object(map)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Date(_) => {
                self.out.push_str(&value.to_json());
            }
        }
    }

    fn nested(&mut self, write: impl FnOnce(&mut Self)) {
        self.depth += 1;
        write(self);
        self.depth -= 1;
    }

    fn string(&mut self, text: &str) {
        let short = shortened(text, self.limit);
        self.out.push_str(&Value::from(short).to_json());
    }

    fn buffer(&mut self, bytes: &[u8]) {
        let shown = &bytes[..bytes.len().min(self.limit)];
        self.out.push_str(r#"{"type":"Buffer","data":["#);
        self.list(shown, |writer, byte| writer.out.push_str(&byte.to_string()));
        self.out.push_str(&format!(r#"],"__enc__":true,"length":{}}}"#, bytes.len()));
    }

    fn array(&mut self, items: &[Value]) {
        if items.len() <= self.limit {
            self.out.push('[');
            self.list(items, |writer, item| writer.value(item));
            self.out.push(']');
            return;
        }
        self.out.push_str(r#"{"__enc__":true,"type":"array","data":["#);
        self.list(&items[..self.limit], |writer, item| writer.value(item));
        self.out.push_str(&format!(r#"],"length":{}}}"#, items.len()));
    }

    fn error(&mut self, map: &Map) {
        self.out.push_str(r#"{"__enc__":true,"type":"error","data":"#);
        self.object(map);
        self.out.push('}');
    }

    fn object(&mut self, map: &Map) {
        // A buffer that was converted to JSON and back is shown as a buffer.
        let buffer = map.get("type").and_then(Value::as_str) == Some("Buffer");
        let bytes = map.get("data").and_then(Value::as_array).filter(|_| buffer);
        self.out.push('{');
        let mut first = true;
        for (key, value) in map.iter() {
            if bytes.is_some() && matches!(key.as_str(), "__enc__" | "length") {
                continue;
            }
            if !std::mem::take(&mut first) {
                self.out.push(',');
            }
            self.out.push_str(&Value::from(key.as_str()).to_json());
            self.out.push(':');
            match (key.as_str(), bytes) {
                ("_req" | "_res", _) => {
                    self.out.push_str(r#"{"__enc__":true,"type":"internal"}"#);
                }
                ("data", Some(bytes)) => self.bytes(bytes),
                _ => self.value(value),
            }
        }
        if let Some(bytes) = bytes {
            self.out.push_str(&format!(r#","__enc__":true,"length":{}"#, bytes.len()));
        }
        self.out.push('}');
    }

    fn bytes(&mut self, bytes: &[Value]) {
        self.out.push('[');
        self.list(&bytes[..bytes.len().min(self.limit)], |writer, byte| writer.value(byte));
        self.out.push(']');
    }

    fn list<T>(&mut self, items: &[T], write: impl Fn(&mut Self, &T)) {
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.out.push(',');
            }
            write(self, item);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ferrowire_core::{BigInt, Date};

    fn parsed(json: &str) -> Value {
        Value::from_json(json.as_bytes()).unwrap()
    }

    fn encoded(value: impl Into<Value>, limit: usize) -> (String, String) {
        let Encoded { format, msg } = encode(Some(&value.into()), limit);
        (format, javascript::text(Some(&msg)))
    }

    fn pair(format: &str, msg: &str) -> (String, String) {
        (format.to_owned(), msg.to_owned())
    }

    #[test]
    fn an_error_object_is_shown_with_its_name_and_stack() {
        let details = Map::from_iter([("stack", "Error: no\n    at f (function:1:2)")]);
        let Encoded { format, msg } = encode_error("Error: no: really", &details);
        assert_eq!(format, "error");
        let expected = r#"{"__enc__":true,"type":"error","data":{"name":"Error","message":"no: really","stack":"Error: no\n    at f (function:1:2)"}}"#;
        assert_eq!(msg, Value::from(expected));
        let value = r#"{"name":"Error","message":"no","stack":"Error: no"}"#;
        let expected = format!(r#"{{"__enc__":true,"type":"error","data":{value}}}"#);
        assert_eq!(encoded(parsed(value), MAX_LENGTH), pair("error", &expected));
        let Encoded { msg, .. } = encode_error("ReferenceError: x is not defined", &details);
        assert!(
            msg.as_str().unwrap().contains(r#""message":"ReferenceError: x is not defined""#),
            "{msg:?}"
        );
    }

    #[test]
    fn simple_values_are_texts_with_their_type() {
        for undefined in [encode(None, 10), encode(Some(&Value::Undefined), 10)] {
            assert_eq!(undefined.format, "undefined");
            assert_eq!(undefined.msg, Value::from("(undefined)"));
        }
        let Encoded { format, msg } = encode(Some(&BigInt::from(10).into()), 10);
        assert_eq!(format, "bigint");
        assert_eq!(msg.to_json(), r#"{"__enc__":true,"type":"bigint","data":"10"}"#);
        assert_eq!(encoded(Date::INVALID, 10), pair("Date", "Invalid Date"));
        let (format, text) = encoded(Date::from_millis(1.5e12), 10);
        assert!(format == "Date" && text.contains(" 2017 ") && text.contains(" GMT"), "{text}");
        assert_eq!(encoded(Value::Null, 10), pair("null", "(undefined)"));
        assert_eq!(encoded(true, 10), pair("boolean", "true"));
        assert_eq!(encoded(42.5, 10), pair("number", "42.5"));
        assert_eq!(encoded(-0.0, 10), pair("number", "0"));
        assert_eq!(encoded(f64::NAN, 10), pair("number", "NaN"));
        assert_eq!(encoded(f64::NEG_INFINITY, 10), pair("number", "-Infinity"));
        assert_eq!(encoded("text", 10), pair("string[4]", "text"));
    }

    #[test]
    fn long_texts_are_cut_off_at_utf16_units() {
        assert_eq!(encoded("abcdef", 5), pair("string[6]", "abcde..."));
        assert_eq!(encoded("abcde", 5), pair("string[5]", "abcde"));
        assert_eq!(encoded("ééééé", 5), pair("string[5]", "ééééé"));
        assert_eq!(encoded("a😀b", 2), pair("string[4]", "a..."));
    }

    #[test]
    fn buffers_are_cut_off_at_hexadecimal_digits() {
        assert_eq!(encoded(vec![0u8, 255], 1000), pair("buffer[2]", "00ff"));
        assert_eq!(encoded(vec![1u8, 2, 3], 5), pair("buffer[3]", "01020"));
        let (format, msg) = encoded(vec![1u8; 600], 1000);
        assert_eq!((format.as_str(), msg.len()), ("buffer[600]", 1000));
    }

    #[test]
    fn arrays_and_objects_become_json_text() {
        let value = parsed(r#"{"b": [1, "x", null], "a": {"_req": 1, "_res": {}}}"#);
        let text = r#"{"b":[1,"x",null],"a":{"_req":{"__enc__":true,"type":"internal"},"_res":{"__enc__":true,"type":"internal"}}}"#;
        assert_eq!(encoded(value, 1000), pair("Object", text));
        let numbers = vec![Value::from(f64::NAN), Value::from(f64::INFINITY)];
        let text = r#"[{"__enc__":true,"type":"number","data":"NaN"},{"__enc__":true,"type":"number","data":"Infinity"}]"#;
        assert_eq!(encoded(numbers, 1000), pair("array[2]", text));
    }

    #[test]
    fn what_json_lacks_is_shown_inside_of_arrays_and_objects() {
        let list = vec![Value::Undefined, BigInt::from(-10).into()];
        let entries = [("a", Value::Undefined), ("list", list.into())];
        let dates = [("d", Date::from_millis(0.0).into()), ("i", Date::INVALID.into())];
        let value: Map = entries.into_iter().chain(dates).collect();
        let undefined = r#"{"__enc__":true,"type":"undefined"}"#;
        let big_int = r#"{"__enc__":true,"type":"bigint","data":"-10"}"#;
        let text = format!(
            r#"{{"a":{undefined},"list":[{undefined},{big_int}],"d":"1970-01-01T00:00:00.000Z","i":null}}"#
        );
        assert_eq!(encoded(value, 1000), pair("Object", &text));
    }

    #[test]
    fn what_is_long_inside_is_cut_off_and_says_how_long_it_was() {
        let text = r#"{"__enc__":true,"type":"array","data":[1,2],"length":3}"#;
        assert_eq!(encoded(parsed("[1, 2, 3]"), 2), pair("array[3]", text));
        let inside = format!(r#"{{"a":{text},"s":"xy..."}}"#);
        assert_eq!(encoded(parsed(r#"{"a": [1, 2, 3], "s": "xyz"}"#), 2), pair("Object", &inside));
    }

    #[test]
    fn buffers_inside_are_lists_of_bytes() {
        let list = vec![Value::from(vec![1u8, 2, 3])];
        let text = r#"[{"type":"Buffer","data":[1,2],"__enc__":true,"length":3}]"#;
        assert_eq!(encoded(list, 2), pair("array[1]", text));
        let through_json = parsed(r#"[{"type": "Buffer", "data": [1, 2, 3]}]"#);
        let text = r#"[{"type":"Bu...","data":[1,2],"__enc__":true,"length":3}]"#;
        assert_eq!(encoded(through_json, 2), pair("array[1]", text));
        let other = parsed(r#"[{"type": "Buffer"}]"#);
        assert_eq!(encoded(other, 2), pair("array[1]", r#"[{"type":"Bu..."}]"#));
    }

    #[test]
    fn endless_nesting_is_cut_off() {
        let mut value = Value::from("x");
        for _ in 0..2000 {
            value = vec![value].into();
        }
        let (format, msg) = encoded(value, 1000);
        assert_eq!(format, "array[1]");
        assert!(msg.contains("[too deep]"), "{msg}");
        assert_eq!(msg.matches('[').count(), MAX_DEPTH + 1);
    }
}
