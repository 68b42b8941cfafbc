//! The name of the root element, and what comes before it.

use ferrowire::expression::javascript;
use ferrowire::{Key, Map, NodeError, Value};

use crate::error::{of_kind, thrown};

const DEFAULT_ROOT: &str = "root";

/// The name of the root element, and its value.
pub(super) fn root<'a>(value: &'a Value, options: &Map) -> Result<(Key, &'a Value), NodeError> {
    let name = options.get("rootName").map(|name| javascript::text(Some(name)));
    let name = name.unwrap_or_else(|| DEFAULT_ROOT.to_owned());
    Ok(match only_property(value)? {
        Some(property) if name == DEFAULT_ROOT => property,
        _ => (name.into(), value),
    })
}

/// The property of a value that has only one, which becomes the root element.
fn only_property(value: &Value) -> Result<Option<(Key, &Value)>, NodeError> {
    match value {
        Value::Null => Err(of_kind("TypeError", "Cannot convert undefined or null to object")),
        Value::Object(map) if map.len() == 1 => {
            Ok(map.iter().next().map(|(name, value)| (name.clone(), value)))
        }
        Value::Array(items) if items.len() == 1 => {
            Ok(items.first().map(|item| (Key::new_static("0"), item)))
        }
        _ => Ok(None),
    }
}

/// The XML declaration and the document type, with what ends each.
pub(super) fn head(options: &Map, root: &str) -> Result<Vec<(String, &'static str)>, NodeError> {
    if options.get("headless").is_some_and(Value::is_truthy) {
        return Ok(Vec::new());
    }
    let declared = match options.get_own("xmldec") {
        None => Map::from_iter([
            ("version", Value::from("1.0")),
            ("encoding", "UTF-8".into()),
            ("standalone", true.into()),
        ]),
        Some(value) => value.as_object().cloned().unwrap_or_default(),
    };
    let mut head = vec![(declaration(&declared)?, "?>")];
    let kind = options.get("doctype").and_then(Value::as_object);
    let id = |name: &str| Some(javascript::text(Some(kind?.get(name)?)));
    let kind = match (id("pubID"), id("sysID")) {
        (Some(public), Some(system)) => format!(" PUBLIC \"{public}\" \"{system}\""),
        (None, Some(system)) => format!(" SYSTEM \"{system}\""),
        (Some(_), None) => String::new(),
        (None, None) => return Ok(head),
    };
    head.push((format!("<!DOCTYPE {root}{kind}"), ">"));
    Ok(head)
}

fn declaration(declared: &Map) -> Result<String, NodeError> {
    let text = |name: &str| {
        let value = declared.get(name).filter(|value| !matches!(value, Value::Null));
        value.map(|value| javascript::text(Some(value)))
    };
    let version = text("version").filter(|version| !version.is_empty());
    let version = version.unwrap_or_else(|| "1.0".to_owned());
    if !is_version(&version) {
        return Err(thrown(&format!("Invalid version number: {version}")));
    }
    let mut line = format!("<?xml version=\"{version}\"");
    if let Some(encoding) = text("encoding") {
        if !is_encoding(&encoding) {
            return Err(thrown(&format!("Invalid encoding: {encoding}")));
        }
        line.push_str(&format!(" encoding=\"{encoding}\""));
    }
    if let Some(standalone) = declared.get("standalone").filter(|v| !matches!(v, Value::Null)) {
        let standalone = if standalone.is_truthy() { "yes" } else { "no" };
        line.push_str(&format!(" standalone=\"{standalone}\""));
    }
    Ok(line)
}

fn is_version(text: &str) -> bool {
    let minor = text.strip_prefix("1.").unwrap_or_default();
    !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_encoding(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    text.starts_with(|c: char| c.is_ascii_alphabetic()) && text.chars().all(is_part)
}
