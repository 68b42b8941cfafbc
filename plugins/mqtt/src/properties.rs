//! The properties of MQTT 5 as properties of messages.

use bytes::Bytes;
use ferrowire::expression::javascript;
use ferrowire::{Map, Value};
use mqtt5_protocol::{Properties, PropertyId, PropertyValue};

/// Sets a property. One of a type that does not belong to it is left out; none here is.
fn set(properties: &mut Properties, id: PropertyId, value: PropertyValue) {
    let _is_added = properties.add(id, value);
}

/// `parseInt(value)`, if it is not negative.
pub(crate) fn integer(value: &Value) -> Option<u64> {
    let text = javascript::text(Some(value));
    let text = text.trim_start();
    let digits = text.strip_prefix('+').unwrap_or(text);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits.get(..end)?.parse().ok()
}

/// A number in the limits of MQTT's four-byte integers.
pub(crate) fn integer_in(map: &Map, name: &str) -> Option<u32> {
    u32::try_from(integer(map.get(name)?)?).ok()
}

/// A number in the limits of MQTT's two-byte integers, but 0.
pub(crate) fn short_in(map: &Map, name: &str) -> Option<u16> {
    u16::try_from(integer(map.get(name)?)?).ok().filter(|number| *number > 0)
}

/// A text that is not empty.
pub(crate) fn text_in<'a>(map: &'a Map, name: &str) -> Option<&'a str> {
    map.get(name)?.as_str().filter(|text| !text.is_empty())
}

/// `true` or `false`, also as a text.
pub(crate) fn boolean_in(map: &Map, name: &str) -> Option<bool> {
    match map.get(name)? {
        Value::Bool(value) => Some(*value),
        Value::String(text) if text.as_str() == "true" => Some(true),
        Value::String(text) if text.as_str() == "false" => Some(false),
        _ => None,
    }
}

/// The bytes of a buffer, a text or a list of numbers.
fn bytes_in(map: &Map, name: &str) -> Option<Bytes> {
    match map.get(name)? {
        Value::Buffer(bytes) => Some(bytes.clone()),
        Value::String(text) if !text.is_empty() => Some(text.to_bytes()),
        Value::Array(items) => {
            Some(items.iter().map(|item| javascript::number(Some(item)) as u8).collect())
        }
        _ => None,
    }
}

/// The pairs of an object. Values that are not texts are their JSON; `null` is left out.
pub(crate) fn pairs(value: &Value) -> Vec<(String, String)> {
    let pair = |(key, value): (&ferrowire::Key, &Value)| {
        let text = match value {
            Value::String(text) => text.as_str().to_owned(),
            Value::Null | Value::Undefined => return None,
            value => value.stringify().ok()??,
        };
        Some((key.as_str().to_owned(), text))
    };
    value.as_object().into_iter().flat_map(Map::iter).filter_map(pair).collect()
}

/// The pairs of a text with an object as JSON, or of an object.
pub(crate) fn pairs_of_json(value: Option<&Value>) -> Vec<(String, String)> {
    match value {
        Some(Value::String(text)) if text.trim_start_matches(' ').starts_with('{') => {
            Value::from_json_text(text).map(|value| pairs(&value)).unwrap_or_default()
        }
        Some(value @ Value::Object(_)) => pairs(value),
        _ => Vec::new(),
    }
}

/// Adds pairs as user properties.
pub(crate) fn add_pairs(properties: &mut Properties, pairs: Vec<(String, String)>) {
    for (key, value) in pairs {
        set(properties, PropertyId::UserProperty, PropertyValue::Utf8StringPair(key, value));
    }
}

/// The properties of a message that is published, but its topic alias.
pub(crate) fn of_message(map: &Map) -> Properties {
    let mut properties = Properties::default();
    for (name, id) in
        [("responseTopic", PropertyId::ResponseTopic), ("contentType", PropertyId::ContentType)]
    {
        if let Some(text) = text_in(map, name) {
            set(&mut properties, id, PropertyValue::Utf8String(text.to_owned()));
        }
    }
    if let Some(bytes) = bytes_in(map, "correlationData") {
        set(&mut properties, PropertyId::CorrelationData, PropertyValue::BinaryData(bytes));
    }
    if let Some(seconds) = integer_in(map, "messageExpiryInterval") {
        let value = PropertyValue::FourByteInteger(seconds);
        set(&mut properties, PropertyId::MessageExpiryInterval, value);
    }
    if let Some(is_text) = boolean_in(map, "payloadFormatIndicator") {
        let value = PropertyValue::Byte(u8::from(is_text));
        set(&mut properties, PropertyId::PayloadFormatIndicator, value);
    }
    if let Some(seconds) = integer_in(map, "willDelayInterval") {
        let value = PropertyValue::FourByteInteger(seconds);
        set(&mut properties, PropertyId::WillDelayInterval, value);
    }
    let given = map.get("userProperties").map(pairs);
    add_pairs(&mut properties, given.unwrap_or_default());
    properties
}

/// The text of a property.
pub(crate) fn text(properties: &Properties, id: PropertyId) -> Option<&str> {
    match properties.get(id)? {
        PropertyValue::Utf8String(text) => Some(text),
        _ => None,
    }
}

/// The number of a property.
pub(crate) fn number(properties: &Properties, id: PropertyId) -> Option<u32> {
    match properties.get(id)? {
        PropertyValue::Byte(number) => Some(u32::from(*number)),
        PropertyValue::TwoByteInteger(number) => Some(u32::from(*number)),
        PropertyValue::FourByteInteger(number) | PropertyValue::VariableByteInteger(number) => {
            Some(*number)
        }
        _ => None,
    }
}

/// The identifiers of the subscriptions that a message is for.
pub(crate) fn subscription_ids(properties: &Properties) -> Vec<u32> {
    let all = properties.get_all(PropertyId::SubscriptionIdentifier).unwrap_or_default();
    let number = |value: &PropertyValue| match value {
        PropertyValue::VariableByteInteger(number) => Some(*number),
        _ => None,
    };
    all.iter().filter_map(number).collect()
}

/// Sets what a received message has as properties of `msg`.
pub(crate) fn show(properties: &Properties, msg: &mut ferrowire::Message) {
    let texts = |msg: &mut ferrowire::Message, name: &'static str, id| {
        if let Some(text) = text(properties, id).filter(|text| !text.is_empty()) {
            msg.set(name, text);
        }
    };
    texts(msg, "responseTopic", PropertyId::ResponseTopic);
    if let Some(PropertyValue::BinaryData(bytes)) = properties.get(PropertyId::CorrelationData) {
        msg.set("correlationData", bytes.clone());
    }
    texts(msg, "contentType", PropertyId::ContentType);
    if let Some(seconds) = number(properties, PropertyId::MessageExpiryInterval) {
        msg.set("messageExpiryInterval", seconds);
    }
    if let Some(format) = number(properties, PropertyId::PayloadFormatIndicator) {
        msg.set("payloadFormatIndicator", format != 0);
    }
    texts(msg, "reasonString", PropertyId::ReasonString);
    if let Some(pairs) = user_properties(properties) {
        msg.set("userProperties", pairs);
    }
}

/// The user properties as an object; a name that occurs several times has a list as JSON, as in
/// Node-RED.
fn user_properties(properties: &Properties) -> Option<Map> {
    let all = properties.get_all(PropertyId::UserProperty)?;
    let mut lists: indexmap::IndexMap<&str, Vec<Value>> = indexmap::IndexMap::new();
    for value in all {
        if let PropertyValue::Utf8StringPair(key, value) = value {
            lists.entry(key).or_default().push(value.as_str().into());
        }
    }
    let value = |list: Vec<Value>| match <[Value; 1]>::try_from(list) {
        Ok([one]) => one,
        Err(list) => Value::from(list).to_json().into(),
    };
    Some(lists.into_iter().map(|(key, list)| (ferrowire::Key::from(key), value(list))).collect())
}
