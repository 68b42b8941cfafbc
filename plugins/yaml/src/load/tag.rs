//! Explicit tags.

use std::borrow::Cow;
use std::collections::HashSet;

use data_encoding::BASE64;
use ferrowire::{Map, Value};
use granit_parser::Tag;

use crate::{scalar, timestamp};

/// The tag without a meaning of its own, which makes plain text a string.
fn is_plain(tag: &Tag) -> bool {
    tag.handle().is_empty() && tag.suffix() == "!" || tag.handle() == "!" && tag.suffix().is_empty()
}

/// The name of a tag of YAML's own, such as `int`; empty for others.
fn name(tag: &Tag) -> Cow<'_, str> {
    tag.suffix_in_namespace("tag:yaml.org,2002:").unwrap_or_default()
}

/// Whether a key with this tag merges its value.
pub(super) fn is_merge(tag: &Tag) -> bool {
    name(tag) == "merge"
}

fn full_name(tag: &Tag) -> String {
    format!("{}{}", tag.handle(), tag.suffix())
}

/// The value of a scalar with a tag.
///
/// # Errors
/// If the tag is unknown, or does not fit.
pub(super) fn scalar(tag: &Tag, text: &str) -> Result<Value, String> {
    if is_plain(tag) {
        return Ok(text.into());
    }
    let value = match name(tag).as_ref() {
        "str" => Some(text.into()),
        "null" => scalar::null(text).then_some(Value::Null),
        "bool" => scalar::boolean(text).map(Value::from),
        "int" => scalar::integer(text).map(Value::from),
        "float" => scalar::float(text).map(Value::from),
        "timestamp" => timestamp::parse(text).map(Value::from),
        "merge" => scalar::is_merge(text).then(|| text.into()),
        "binary" => binary(text),
        // An empty node may be an empty collection.
        "seq" | "omap" | "pairs" if text.is_empty() => Some(Vec::<Value>::new().into()),
        "map" | "set" if text.is_empty() => Some(Map::new().into()),
        _ => return Err(unknown(tag)),
    };
    value.ok_or_else(|| unresolved(tag))
}

fn binary(text: &str) -> Option<Value> {
    let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    BASE64.decode(text.as_bytes()).ok().map(Value::from)
}

/// # Errors
/// If the tag is unknown, or does not fit.
pub(super) fn sequence(tag: &Tag, items: Vec<Value>) -> Result<Value, String> {
    let value = match name(tag).as_ref() {
        "seq" => Some(items),
        "omap" => is_ordered_map(&items).then_some(items),
        "pairs" => items.iter().map(|item| pair(item).map(|(k, v)| vec![k, v].into())).collect(),
        _ if is_plain(tag) => Some(items),
        _ => return Err(unknown(tag)),
    };
    value.map(Value::from).ok_or_else(|| unresolved(tag))
}

/// The name and the value of an object with one property.
fn pair(item: &Value) -> Option<(Value, Value)> {
    let map = item.as_object().filter(|map| map.len() == 1)?;
    map.iter().next().map(|(name, value)| (name.as_str().into(), value.clone()))
}

/// Objects with one property each, whose names are different.
fn is_ordered_map(items: &[Value]) -> bool {
    let mut names = HashSet::new();
    items.iter().all(|item| {
        let name = item.as_object().filter(|map| map.len() == 1).and_then(|map| map.keys().next());
        name.is_some_and(|name| names.insert(name))
    })
}

/// # Errors
/// If the tag is unknown, or does not fit.
pub(super) fn mapping(tag: &Tag, map: Map) -> Result<Value, String> {
    match name(tag).as_ref() {
        "map" => Ok(map.into()),
        "set" if map.iter().all(|(_, value)| matches!(value, Value::Null)) => Ok(map.into()),
        "set" => Err(unresolved(tag)),
        _ if is_plain(tag) => Ok(map.into()),
        _ => Err(unknown(tag)),
    }
}

fn unresolved(tag: &Tag) -> String {
    format!("cannot resolve a node with !<{}> explicit tag", full_name(tag))
}

/// A tag that is not one of this kind of value.
fn unknown(tag: &Tag) -> String {
    format!("unknown tag !<{}>", full_name(tag))
}
