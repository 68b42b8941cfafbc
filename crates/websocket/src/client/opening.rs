//! What a client sends after each connect, before anything else.

use ferrowire_core::{NodeConfig, Value};

use crate::frame::Payload;

/// Reads `open`, in which `openType` is:
///
/// - `str`: one text;
/// - `json`: a list of messages, or one;
/// - `bin`: the bytes of one binary message, as a list;
/// - empty: a list in JSON is a list of messages, anything else one text.
///
/// In a list, a string is the text to send, and anything else is sent as JSON.
pub(crate) fn messages(config: &mut NodeConfig<'_>) -> Vec<Payload> {
    let kind = config.text("openType");
    let given = match config.raw("open").cloned() {
        None => return Vec::new(),
        Some(Value::String(text)) if text.is_empty() => return Vec::new(),
        Some(given) => given,
    };
    let parsed = match &given {
        Value::String(text) => Value::from_json_text(text).ok(),
        other => Some(other.clone()),
    };
    let read = match (kind.as_str(), parsed) {
        ("str", _) | ("", None) => one(&given).map(|message| vec![message]),
        ("" | "json", Some(Value::Array(list))) => list.iter().map(one).collect(),
        ("", Some(_)) => one(&given).map(|message| vec![message]),
        ("json", Some(value)) => one(&value).map(|message| vec![message]),
        ("bin", Some(Value::Array(bytes))) => binary(&bytes).map(|message| vec![message]),
        ("json", None) => Err("expected JSON: a list of messages, or one".to_owned()),
        ("bin", _) => Err("expected a list of bytes in JSON".to_owned()),
        (other, _) => {
            Err(format!("expected `str`, `json` or `bin` in `openType`, found `{other}`"))
        }
    };
    read.unwrap_or_else(|text| {
        config.problem("open", text);
        Vec::new()
    })
}

fn one(value: &Value) -> Result<Payload, String> {
    match value {
        Value::String(text) => Ok(Payload::Text(text.clone())),
        other => Ok(Payload::Text(other.to_json().into())),
    }
}

fn binary(list: &[Value]) -> Result<Payload, String> {
    let byte = |value: &Value| {
        let number = value.as_f64().filter(|number| (0.0..=255.0).contains(number))?;
        Some(number as u8)
    };
    let bytes: Option<Vec<u8>> = list.iter().map(byte).collect();
    let bytes = bytes.ok_or("expected bytes, numbers from 0 to 255")?;
    Ok(Payload::Binary(bytes.into()))
}
