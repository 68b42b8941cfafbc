//! `Value`: the value of a message property.

use std::sync::Arc;

use bytes::Bytes;
use smol_str::SmolStr;

use crate::{BigInt, Date, Map, Text, json, print};

/// A JavaScript value in a message. Cloning is cheap: strings, buffers, arrays and objects are
/// reference-counted and copied only when a clone is changed.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `undefined`: a property without a value, or a hole in an array. Look-ups return `None` for
    /// it, as for missing properties.
    Undefined,
    /// `true` or `false`.
    Bool(bool),
    /// A JavaScript number.
    Number(f64),
    /// A JavaScript `BigInt`. Has no JSON representation.
    BigInt(BigInt),
    /// A string.
    String(Text),
    /// A JavaScript `Date`.
    Date(Date),
    /// A Node.js `Buffer`.
    Buffer(Bytes),
    /// An array.
    Array(Arc<Vec<Value>>),
    /// An object.
    Object(Arc<Map>),
}

impl Value {
    /// The type name that Node-RED shows for this value.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Undefined => "undefined",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::BigInt(_) => "bigint",
            Value::String(_) => "string",
            Value::Date(_) => "date",
            Value::Buffer(_) => "buffer",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        }
    }

    /// Whether this is `undefined`.
    #[inline]
    pub fn is_undefined(&self) -> bool {
        matches!(self, Value::Undefined)
    }

    /// The value, or `None` if it is `undefined`.
    #[inline]
    pub fn defined(&self) -> Option<&Value> {
        (!self.is_undefined()).then_some(self)
    }

    /// Like [`defined`](Self::defined), but takes the value.
    pub fn into_defined(self) -> Option<Value> {
        (!self.is_undefined()).then_some(self)
    }

    /// The date, if this is one.
    pub fn as_date(&self) -> Option<Date> {
        match self {
            Value::Date(date) => Some(*date),
            _ => None,
        }
    }

    /// The string, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number, if this is one.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The boolean, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The elements, if this is an array.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The properties, if this is an object.
    pub fn as_object(&self) -> Option<&Map> {
        match self {
            Value::Object(map) => Some(map),
            _ => None,
        }
    }

    /// The elements, mutable; copied first if a clone shares them.
    pub fn as_array_mut(&mut self) -> Option<&mut Vec<Value>> {
        match self {
            Value::Array(items) => Some(Arc::make_mut(items)),
            _ => None,
        }
    }

    /// The properties, mutable; copied first if a clone shares them.
    pub fn as_object_mut(&mut self) -> Option<&mut Map> {
        match self {
            Value::Object(map) => Some(Arc::make_mut(map)),
            _ => None,
        }
    }

    /// The property `key` of an object; `None` for other values and if it is `undefined`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_object()?.get(key)
    }

    /// Whether the value has at least `count` parts: itself, and all that is in its arrays and objects.
    /// Looks at no more than `count` of them.
    pub fn has_parts(&self, count: usize) -> bool {
        fn has(value: &Value, left: &mut usize) -> bool {
            *left = left.saturating_sub(1);
            *left == 0
                || match value {
                    Value::Array(items) => items.iter().any(|item| has(item, left)),
                    Value::Object(map) => map.iter().any(|(_, item)| has(item, left)),
                    _ => false,
                }
        }
        has(self, &mut { count })
    }

    /// Whether JavaScript treats the value as true in a condition.
    pub fn is_truthy(&self) -> bool {
        match self {
            Value::Null | Value::Undefined => false,
            Value::Bool(value) => *value,
            Value::Number(number) => *number != 0.0 && !number.is_nan(),
            Value::BigInt(number) => !number.is_zero(),
            Value::String(text) => !text.is_empty(),
            Value::Date(_) | Value::Buffer(_) | Value::Array(_) | Value::Object(_) => true,
        }
    }

    /// Parses JSON as `JSON.parse` does: of duplicate names the last value wins; numbers are
    /// doubles, including infinity. A lone surrogate in a `\u` escape becomes U+FFFD, as when
    /// JavaScript writes UTF-8.
    ///
    /// # Errors
    /// With line and column of the first syntax error, or at more than 127 levels of nesting.
    pub fn from_json(text: &[u8]) -> Result<Value, serde_json::Error> {
        json::parse(text)
    }

    /// Parses JSON in a string, as [`from_json`](Self::from_json) does.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json).
    pub fn from_json_text(text: &str) -> Result<Value, serde_json::Error> {
        json::parse_text(text)
    }

    /// The value as JSON, as `JSON.stringify` prints it: an `undefined` property is left out, an
    /// `undefined` element is `null`, a date is its ISO 8601 text, and an invalid date is `null`.
    ///
    /// The result is always valid JSON, unlike that of `JSON.stringify`: `undefined` itself is
    /// `null`, a `BigInt` is printed as digits, and a value whose text would be longer than
    /// [`MAX_JSON`] is `null`. Use [`stringify`](Self::stringify) for text
    /// that a flow requests.
    pub fn to_json(&self) -> String {
        print::to_json(self)
    }

    /// `JSON.stringify(value)`; `None` for `undefined`.
    ///
    /// # Errors
    /// If the value is or contains a `BigInt`, or its text is longer than [`MAX_JSON`].
    pub fn stringify(&self) -> Result<Option<String>, Unprintable> {
        self.defined().map(print::stringify).transpose()
    }
}

/// Why a value has no JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unprintable {
    /// It contains a `BigInt`.
    #[error("cannot print a BigInt as JSON; convert it to a number or a string first")]
    BigInt,
    /// The text would be longer than [`MAX_JSON`]. Values that share parts may be small and have a
    /// long text.
    #[error("cannot print the value as JSON: its text is longer than {} MiB", MAX_JSON >> 20)]
    TooLong,
}

/// The maximum length of a JSON text that is printed, in bytes.
pub const MAX_JSON: usize = 256 << 20;

macro_rules! value_from {
    ($($from:ty => |$name:ident| $to:expr;)+) => {
        $(impl From<$from> for Value {
            fn from($name: $from) -> Self {
                $to
            }
        })+
    };
}

value_from! {
    bool => |value| Value::Bool(value);
    f64 => |number| Value::Number(number);
    f32 => |number| Value::Number(f64::from(number));
    i32 => |number| Value::Number(f64::from(number));
    u32 => |number| Value::Number(f64::from(number));
    u64 => |number| Value::Number(number as f64);
    i64 => |number| Value::Number(number as f64);
    usize => |number| Value::Number(number as f64);
    BigInt => |number| Value::BigInt(number);
    Date => |date| Value::Date(date);
    &str => |text| Value::String(text.into());
    String => |text| Value::String(text.into());
    SmolStr => |text| Value::String(text.into());
    Text => |text| Value::String(text);
    Bytes => |bytes| Value::Buffer(bytes);
    Vec<u8> => |bytes| Value::Buffer(bytes.into());
    Vec<Value> => |items| Value::Array(Arc::new(items));
    Map => |map| Value::Object(Arc::new(map));
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

impl From<serde_json::Value> for Value {
    fn from(value: serde_json::Value) -> Self {
        json::from_serde(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_no_larger_than_a_shared_text_with_a_tag() {
        assert_eq!(size_of::<Value>(), 40);
        assert_eq!(size_of::<Option<Value>>(), 40);
    }

    #[test]
    fn an_undefined_property_is_there_and_has_no_value() {
        let map = Map::from_iter([("a", Value::Undefined), ("b", Value::Null)]);
        assert!(map.contains_key("a") && map.get("a").is_none() && map.len() == 2);
        assert_ne!(map, Map::from_iter([("b", Value::Null), ("c", Value::Undefined)]));
        assert_eq!(map, Map::from_iter([("b", Value::Null), ("a", Value::Undefined)]));
        let msg = crate::Message::from(map.clone());
        assert_eq!((msg.get("a"), Value::from(map).get("b")), (None, Some(&Value::Null)));
    }

    #[test]
    fn truth_and_type_are_those_of_javascript() {
        for (value, name, truth) in [
            (Value::Undefined, "undefined", false),
            (Date::INVALID.into(), "date", true),
            (BigInt::from(0).into(), "bigint", false),
            (BigInt::from(-1).into(), "bigint", true),
        ] {
            assert_eq!((value.type_name(), value.is_truthy()), (name, truth));
        }
    }

    #[test]
    fn changing_a_clone_leaves_the_original() {
        let original: Value = serde_json::json!({"list": [1, 2]}).into();
        let mut clone = original.clone();
        let list = clone.as_object_mut().and_then(|map| map.get_mut("list")).unwrap();
        list.as_array_mut().unwrap().push(Value::Null);
        assert_eq!(original.to_json(), r#"{"list":[1,2]}"#);
        assert_eq!(clone.to_json(), r#"{"list":[1,2,null]}"#);
    }
}
