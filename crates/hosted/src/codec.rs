//! Frames and values as they cross the socket to the child.
//!
//! A frame is the length of its body, then the body: the length of the JSON, the JSON, and the
//! attachments. Both lengths are little-endian and have 32 bits. What JSON lacks is an object of one
//! key: `{"$b":[at,length]}` is a buffer in the attachments, `$d` a date in milliseconds, `$u`
//! `undefined`, `$n` a number that is not finite, or -0, `$i` a `BigInt`, `$h` the name of what only
//! exists in the child, such as a function, and `$o` an object of one key that begins with a dollar
//! sign.

use bytes::Bytes;
use ferrowire_core::{BigInt, Date, Map, Value, number_to_string};
use memchr::memmem;

/// The largest frame in bytes, in either direction.
pub(crate) const MAX_FRAME: usize = 64 << 20;

/// How deep a record may be nested. The child's JSON may have 127 levels, and some values take two.
const MAX_DEPTH: usize = 120;

/// The bytes of both lengths.
const HEAD: usize = 8;

/// Why a value cannot be sent to the child.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unsendable {
    #[error("the message has {0} bytes, and may have {MAX_FRAME} to reach a node from npm")]
    TooLarge(usize),
    #[error("the message is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
}

/// The body of a frame is not what this module describes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("the lengths in a frame do not fit")]
    Lengths,
    #[error("invalid JSON in a frame")]
    Json(#[from] serde_json::Error),
}

/// The frame of a record.
///
/// # Errors
/// If it is too large or nested too deep.
pub(crate) fn frame(record: &Value) -> Result<Bytes, Unsendable> {
    let mut packer = Packer { out: vec![0; HEAD], attached: Vec::new(), size: 0 };
    packer.value(record, 0)?;
    packer.finish()
}

struct Packer {
    out: Vec<u8>,
    attached: Vec<Bytes>,
    /// The bytes of the attachments.
    size: usize,
}

impl Packer {
    fn finish(mut self) -> Result<Bytes, Unsendable> {
        let (json, total) = (self.out.len() - HEAD, self.out.len() - 4 + self.size);
        let too_large = Unsendable::TooLarge(total);
        let body = u32::try_from(total).ok().filter(|_| total <= MAX_FRAME).ok_or(too_large)?;
        let json = u32::try_from(json).map_err(|_| too_large)?;
        self.out[..4].copy_from_slice(&body.to_le_bytes());
        self.out[4..HEAD].copy_from_slice(&json.to_le_bytes());
        self.attached.iter().for_each(|bytes| self.out.extend_from_slice(bytes));
        Ok(self.out.into())
    }

    fn value(&mut self, value: &Value, depth: usize) -> Result<(), Unsendable> {
        if depth > MAX_DEPTH {
            return Err(Unsendable::TooDeep);
        }
        if self.out.len() + self.size > MAX_FRAME {
            return Err(Unsendable::TooLarge(self.out.len() + self.size));
        }
        match value {
            Value::Null => self.raw("null"),
            Value::Undefined => self.raw(r#"{"$u":1}"#),
            Value::Bool(truth) => self.raw(if *truth { "true" } else { "false" }),
            Value::Number(number) => self.number(*number),
            Value::BigInt(digits) => self.form("$i", |packer| packer.text(digits.as_str())),
            Value::String(text) => self.text(text),
            Value::Date(date) => self.form("$d", |packer| packer.millis(*date)),
            Value::Buffer(bytes) => self.buffer(bytes),
            Value::Array(items) => return self.array(items, depth),
            Value::Object(map) => return self.object(map, depth),
        }
        Ok(())
    }

    fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn form(&mut self, key: &str, content: impl FnOnce(&mut Self)) {
        self.raw("{\"");
        self.raw(key);
        self.raw("\":");
        content(self);
        self.raw("}");
    }

    fn text(&mut self, text: &str) {
        // Writing to a vector does not fail.
        let _written = serde_json::to_writer(&mut self.out, text);
    }

    fn number(&mut self, number: f64) {
        let is_json = number.is_finite() && !(number == 0.0 && number.is_sign_negative());
        match is_json {
            true => self.raw(&number_to_string(number)),
            false if number == 0.0 => self.raw(r#"{"$n":"-0"}"#),
            false => self.form("$n", |packer| packer.text(&number_to_string(number))),
        }
    }

    fn millis(&mut self, date: Date) {
        match date.millis() {
            millis if millis.is_finite() => self.raw(&number_to_string(millis)),
            _ => self.raw("null"),
        }
    }

    fn buffer(&mut self, bytes: &Bytes) {
        let at = self.size;
        self.size += bytes.len();
        self.attached.push(bytes.clone());
        self.raw(&format!(r#"{{"$b":[{at},{}]}}"#, bytes.len()));
    }

    fn array(&mut self, items: &[Value], depth: usize) -> Result<(), Unsendable> {
        self.raw("[");
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.raw(",");
            }
            self.value(item, depth + 1)?;
        }
        self.raw("]");
        Ok(())
    }

    fn object(&mut self, map: &Map, depth: usize) -> Result<(), Unsendable> {
        let wraps = match only(map) {
            Some(("$h", Value::String(_))) => false,
            Some((key, _)) => key.starts_with('$'),
            None => false,
        };
        if wraps {
            self.raw(r#"{"$o":"#);
        }
        self.raw("{");
        for (at, (key, value)) in map.iter().enumerate() {
            if at > 0 {
                self.raw(",");
            }
            self.text(key);
            self.raw(":");
            self.value(value, depth + 1)?;
        }
        self.raw(if wraps { "}}" } else { "}" });
        Ok(())
    }
}

/// The only property of an object, if it has one.
fn only(map: &Map) -> Option<(&str, &Value)> {
    let (key, value) = map.iter().next().filter(|_| map.len() == 1)?;
    Some((key, value))
}

/// The record in the body of a frame.
///
/// # Errors
/// If the body is malformed.
pub(crate) fn record(body: &Bytes) -> Result<Value, Malformed> {
    let (length, rest) = body.split_first_chunk().ok_or(Malformed::Lengths)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| Malformed::Lengths)?;
    let json = rest.get(..length).ok_or(Malformed::Lengths)?;
    let mut record = Value::from_json(json)?;
    if memmem::find(json, br#"{"$"#).is_some() {
        unpack(&mut record, &body.slice(4 + length..));
    }
    Ok(record)
}

/// Replaces the forms by what they stand for. The depth of parsed JSON is bounded.
fn unpack(value: &mut Value, attachments: &Bytes) {
    match value {
        Value::Array(_) => {
            let items = value.as_array_mut().into_iter().flatten();
            items.for_each(|item| unpack(item, attachments));
        }
        Value::Object(map) => match only(map).and_then(|(key, it)| form(key, it, attachments)) {
            Some(meant) => *value = meant,
            None => unpack_properties(value, attachments),
        },
        _ => {}
    }
}

fn unpack_properties(object: &mut Value, attachments: &Bytes) {
    let properties = object.as_object_mut().into_iter().flat_map(Map::values_mut);
    properties.for_each(|property| unpack(property, attachments));
}

/// What a form stands for; `None` if it is none.
fn form(key: &str, value: &Value, attachments: &Bytes) -> Option<Value> {
    match key {
        "$b" => {
            let [at, length] = value.as_array()? else { return None };
            slice(attachments, at.as_f64()?, length.as_f64()?).map(Value::Buffer)
        }
        "$d" => Some(Value::Date(Date::from_millis(value.as_f64().unwrap_or(f64::NAN)))),
        "$u" => Some(Value::Undefined),
        "$n" => Some(Value::Number(number(value.as_str()?))),
        "$i" => BigInt::parse(value.as_str()?).map(Value::BigInt),
        "$o" => {
            let mut object = value.clone();
            unpack_properties(&mut object, attachments);
            Some(object)
        }
        _ => None,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number out of range is not found in the attachments"
)]
fn slice(attachments: &Bytes, at: f64, length: f64) -> Option<Bytes> {
    let at = at as usize;
    let end = at.checked_add(length as usize)?;
    (end <= attachments.len()).then(|| attachments.slice(at..end))
}

fn number(text: &str) -> f64 {
    match text {
        "Infinity" => f64::INFINITY,
        "-Infinity" => f64::NEG_INFINITY,
        "-0" => -0.0,
        _ => f64::NAN,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn crossed(value: &Value) -> Value {
        record(&frame(value).unwrap().slice(4..)).unwrap()
    }

    fn leaf() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            Just(Value::Undefined),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_filter("equal to itself", |it| !it.is_nan()).prop_map(Value::from),
            ".*".prop_map(|text| Value::from(text.as_str())),
            proptest::collection::vec(any::<u8>(), 0..40).prop_map(|it| Value::Buffer(it.into())),
            (-8e15..8e15).prop_map(|it: f64| Value::Date(Date::from_millis(it.trunc()))),
            any::<i64>().prop_map(|it| Value::BigInt(it.into())),
        ]
    }

    fn value() -> impl Strategy<Value = Value> {
        let key = prop_oneof!["[a-c]", "\\$[bdunioh]", "\\$[bdunioh]", ".*"];
        leaf().prop_recursive(4, 40, 5, move |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                proptest::collection::vec((key.clone(), inner), 0..3)
                    .prop_map(|list| Value::from(list.into_iter().collect::<Map>())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_value_that_crosses_is_the_same(value in value()) {
            prop_assert_eq!(crossed(&value), value);
        }

        #[test]
        fn no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _either = record(&body.into());
        }
    }

    #[test]
    fn numbers_that_json_lacks_cross() {
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0] {
            let Value::Number(same) = crossed(&number.into()) else { panic!() };
            assert_eq!(same.to_bits() >> 63, number.to_bits() >> 63);
            assert_eq!(same.is_nan(), number.is_nan());
        }
    }

    #[test]
    fn a_buffer_beyond_the_attachments_is_no_buffer() {
        let json = br#"{"a":{"$b":[1,3]}}"#;
        let mut body = u32::try_from(json.len()).unwrap().to_le_bytes().to_vec();
        body.extend(json);
        body.extend(b"xy");
        let read = record(&body.into()).unwrap();
        assert_eq!(read.to_json(), r#"{"a":{"$b":[1,3]}}"#);
    }

    #[test]
    fn what_is_too_deep_or_too_large_is_refused() {
        let mut deep = Value::Null;
        for _ in 0..=MAX_DEPTH + 1 {
            deep = Value::from(vec![deep]);
        }
        assert_eq!(frame(&deep), Err(Unsendable::TooDeep));
        let large = Value::Buffer(vec![0; MAX_FRAME].into());
        assert!(matches!(frame(&large), Err(Unsendable::TooLarge(_))));
    }
}
