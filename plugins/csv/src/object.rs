//! Any value as the object that it is in JavaScript.

use std::borrow::Cow;

use ferrowire::expression::javascript;
use ferrowire::{Key, NodeError, Value};

use crate::error::thrown;

/// `typeof value === "object"`.
pub(crate) fn is_object(value: &Value) -> bool {
    javascript::type_of(Some(value)) == "object"
}

/// `Object.keys(value)`.
///
/// # Errors
/// If the value is missing or `null`.
pub(crate) fn keys(value: Option<&Value>) -> Result<Vec<Key>, NodeError> {
    let indices = |count: usize| (0..count).map(|at| Key::from(at.to_string())).collect();
    Ok(match value {
        None | Some(Value::Null | Value::Undefined) => {
            return Err(thrown("TypeError", "Cannot convert undefined or null to object"));
        }
        Some(Value::Object(map)) => map.keys().cloned().collect(),
        Some(Value::Array(items)) => indices(items.len()),
        Some(Value::Buffer(bytes)) => indices(bytes.len()),
        Some(_) => Vec::new(),
    })
}

/// `row[key]`.
///
/// # Errors
/// If the row is missing or `null`.
pub(crate) fn property<'a>(row: &'a Value, key: &str) -> Result<Option<Cow<'a, Value>>, NodeError> {
    let place = || key.parse::<usize>().ok();
    Ok(match row {
        Value::Null | Value::Undefined => {
            return Err(NodeError::new(format!(
                "cannot read the column `{key}` of a row that is null"
            )));
        }
        Value::Object(map) => map.get(key).map(Cow::Borrowed),
        Value::Array(items) => place().and_then(|at| items.get(at)).map(Cow::Borrowed),
        Value::Buffer(bytes) => {
            place().and_then(|at| bytes.get(at)).map(|byte| Cow::Owned(u32::from(*byte).into()))
        }
        _ => None,
    })
}

/// The text of a cell, as Node-RED's `ensureString` makes it.
///
/// # Errors
/// If the value has no JSON text.
pub(crate) fn cell_text(value: &Value) -> Result<Cow<'_, str>, NodeError> {
    Ok(match value {
        Value::Undefined => "".into(),
        Value::Buffer(bytes) => String::from_utf8_lossy(bytes),
        value if is_object(value) => value.stringify()?.unwrap_or_default().into(),
        value => javascript::text_ref(Some(value)),
    })
}
