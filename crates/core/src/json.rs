//! Parses JSON with JavaScript's semantics; implements serde for values.

use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::map::Names;
use crate::{Key, Map, Unprintable, Value, parse};

/// Like [`parse_text`], from bytes.
pub(crate) fn parse(text: &[u8]) -> Result<Value, serde_json::Error> {
    match std::str::from_utf8(text) {
        Ok(text) => parse_text(text),
        Err(_) => serde_json::from_slice(text),
    }
}

/// Parses `text`; the errors are serde_json's.
pub(crate) fn parse_text(text: &str) -> Result<Value, serde_json::Error> {
    if let Some(value) = parse::parse(text) {
        return Ok(value);
    }
    // Finds most errors without building the value once more.
    serde_json::from_str::<IgnoredAny>(text)?;
    serde_json::from_str(text)
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Value::Null | Value::Undefined => serializer.serialize_unit(),
            Value::Bool(value) => serializer.serialize_bool(*value),
            Value::Number(number) => serializer.serialize_f64(*number),
            Value::BigInt(_) => Err(serde::ser::Error::custom(Unprintable::BigInt)),
            Value::Date(date) => match date.to_iso() {
                Some(iso) => serializer.serialize_str(&iso),
                None => serializer.serialize_unit(),
            },
            Value::String(text) => serializer.serialize_str(text),
            Value::Buffer(bytes) => {
                let mut map = serializer.serialize_map(Some(2))?;
                map.serialize_entry("type", "Buffer")?;
                map.serialize_entry("data", bytes.as_ref())?;
                map.end()
            }
            Value::Array(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                for item in items.iter() {
                    list.serialize_element(item)?;
                }
                list.end()
            }
            Value::Object(map) => map.serialize(serializer),
        }
    }
}

impl Serialize for Map {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let properties = || self.iter().filter(|(_, value)| !value.is_undefined());
        let mut object = serializer.serialize_map(Some(properties().count()))?;
        for (key, value) in properties() {
            object.serialize_entry(key.as_str(), value)?;
        }
        object.end()
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

impl<'de> Deserialize<'de> for Map {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MapVisitor)
    }
}

struct MapVisitor;

impl<'de> Visitor<'de> for MapVisitor {
    type Value = Map;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Map, A::Error> {
        let mut entries = Vec::with_capacity(access.size_hint().unwrap_or(4).min(64));
        let mut names = Names::default();
        while let Some((key, value)) = access.next_entry::<Key, Value>()? {
            names.add(&key, &entries);
            entries.push((key, value));
        }
        Ok(Map::from_parsed(entries, names))
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Value, E> {
        Ok(value.to_vec().into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(Arc::new(items)))
    }

    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Value, A::Error> {
        MapVisitor.visit_map(access).map(Value::from)
    }
}

pub(crate) fn from_serde(value: serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => value.into(),
        serde_json::Value::Number(number) => number.as_f64().unwrap_or(f64::NAN).into(),
        serde_json::Value::String(text) => text.into(),
        serde_json::Value::Array(items) => {
            items.into_iter().map(from_serde).collect::<Vec<_>>().into()
        }
        serde_json::Value::Object(map) => {
            map.into_iter().map(|(key, value)| (key, from_serde(value))).collect::<Map>().into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reprint(text: &str) -> String {
        parse(text.as_bytes()).unwrap().to_json()
    }

    #[test]
    fn numbers_print_as_javascript_prints_them() {
        assert_eq!(
            reprint("[1, 1.0, -0, 0.1, 1e21, 1e-7, 123456789012345680000, 5e-324]"),
            "[1,1,0,0.1,1e+21,1e-7,123456789012345680000,5e-324]"
        );
        assert_eq!(Value::Number(f64::NAN).to_json(), "null");
    }

    #[test]
    fn of_equal_names_the_last_value_counts_at_the_first_place() {
        assert_eq!(reprint(r#"{"a":1,"b":2,"a":3}"#), r#"{"a":3,"b":2}"#);
    }

    #[test]
    fn keys_keep_javascript_order() {
        assert_eq!(reprint(r#"{"b":1,"2":0,"a":2,"1":0}"#), r#"{"1":0,"2":0,"b":1,"a":2}"#);
    }

    #[test]
    fn a_buffer_prints_as_node_prints_it() {
        assert_eq!(Value::from(vec![1u8, 255]).to_json(), r#"{"type":"Buffer","data":[1,255]}"#);
    }

    #[test]
    fn control_characters_are_escaped_as_in_javascript() {
        assert_eq!(
            Value::from("\u{8}\u{1f}\"\\/\u{2028}").to_json(),
            "\"\\b\\u001f\\\"\\\\/\u{2028}\""
        );
    }

    #[test]
    fn nesting_beyond_the_limit_is_an_error() {
        let deep = "[".repeat(100_000);
        assert!(parse(deep.as_bytes()).is_err());
    }
}
