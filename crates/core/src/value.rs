//! `Value`: what a property of a message can hold.

use std::sync::Arc;

use bytes::Bytes;
use smol_str::SmolStr;

use crate::{Map, Text, json, print};

/// A JavaScript value as it occurs in messages. Cloning is cheap: strings, buffers, arrays and
/// objects are reference-counted and copied only when a clone is changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// `null`.
    #[default]
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A JavaScript number.
    Number(f64),
    /// A string.
    String(Text),
    /// A Node.js `Buffer`.
    Buffer(Bytes),
    /// An array.
    Array(Arc<Vec<Value>>),
    /// An object.
    Object(Arc<Map>),
}

impl Value {
    /// The name that Node-RED shows for the type of this value.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Buffer(_) => "buffer",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        }
    }

    /// The string, when this is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number, when this is one.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// The boolean, when this is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The elements, when this is an array.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The properties, when this is an object.
    pub fn as_object(&self) -> Option<&Map> {
        match self {
            Value::Object(map) => Some(map),
            _ => None,
        }
    }

    /// The elements to be changed; copied first when another clone shares them.
    pub fn as_array_mut(&mut self) -> Option<&mut Vec<Value>> {
        match self {
            Value::Array(items) => Some(Arc::make_mut(items)),
            _ => None,
        }
    }

    /// The properties to be changed; copied first when another clone shares them.
    pub fn as_object_mut(&mut self) -> Option<&mut Map> {
        match self {
            Value::Object(map) => Some(Arc::make_mut(map)),
            _ => None,
        }
    }

    /// The property `key` of an object, or `None` for anything else.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_object()?.get(key)
    }

    /// Whether JavaScript takes the value as true in a condition.
    pub fn is_truthy(&self) -> bool {
        match self {
            Value::Null => false,
            Value::Bool(value) => *value,
            Value::Number(number) => *number != 0.0 && !number.is_nan(),
            Value::String(text) => !text.is_empty(),
            Value::Buffer(_) | Value::Array(_) | Value::Object(_) => true,
        }
    }

    /// Parses JSON as `JSON.parse` does: of equal names the last value counts, numbers are
    /// doubles, also infinite ones. A lone surrogate in a `\u` escape becomes U+FFFD, as it does
    /// where JavaScript writes UTF-8.
    ///
    /// # Errors
    /// With line and column of the first mistake, or at more than 127 nested levels.
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

    /// The value as JSON text, as `JSON.stringify` prints it.
    pub fn to_json(&self) -> String {
        print::to_json(self)
    }
}

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
    fn changing_a_clone_leaves_the_original() {
        let original: Value = serde_json::json!({"list": [1, 2]}).into();
        let mut clone = original.clone();
        let list = clone.as_object_mut().and_then(|map| map.get_mut("list")).unwrap();
        list.as_array_mut().unwrap().push(Value::Null);
        assert_eq!(original.to_json(), r#"{"list":[1,2]}"#);
        assert_eq!(clone.to_json(), r#"{"list":[1,2,null]}"#);
    }
}
