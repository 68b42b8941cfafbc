//! The typed values of an `env` list, and the form of a reference in a property.

use std::time::{SystemTime, UNIX_EPOCH};

use ferrowire_core::{Map, Message, NodeContext, Value, number_to_string};
use ferrowire_expression::Jsonata;

use crate::flow_file::text;

/// Why a variable has no value.
pub(crate) struct Unevaluated(pub(crate) String);

/// Whether the entry refers to other variables, or may.
pub(crate) fn is_env(entry: &Map) -> bool {
    match text(entry, "type") {
        "env" | "jsonata" => true,
        // The configuration node that a variable of the flow around names.
        "conf-type" => reference_of(text(entry, "value")).is_some(),
        _ => false,
    }
}

/// The name in `${NAME}` or `$(NAME)`, when `text` is nothing else.
pub(crate) fn reference_of(text: &str) -> Option<&str> {
    let rest = text.strip_prefix('$')?;
    let curly = rest.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let name = curly.or_else(|| rest.strip_prefix('(')?.strip_suffix(')'))?;
    (!name.is_empty() && !name.contains(char::is_whitespace)).then_some(name)
}

/// The value of an entry `{name, value, type}` that refers to no other variable.
pub(crate) fn evaluate(entry: &Map) -> Result<Option<Value>, Unevaluated> {
    let Some(value) = entry.get("value") else { return Ok(None) };
    let as_text = || to_text(value);
    let evaluated = match text(entry, "type") {
        "str" | "cred" | "conf-type" => as_text().into(),
        "num" => to_number(value).into(),
        "bool" => Value::Bool(value.as_bool().unwrap_or(value.as_str() == Some("true"))),
        "json" => json(&as_text())?,
        "bin" => bytes(&json(&as_text())?)?,
        "date" if as_text().is_empty() => now().into(),
        other @ ("msg" | "flow" | "global" | "re" | "date") => {
            let text = format!("values of type `{other}` are not supported here, use another type");
            return Err(Unevaluated(text));
        }
        // As it is, as Node-RED takes values of types that it does not know.
        _ => value.clone(),
    };
    Ok(Some(evaluated))
}

/// The value of an expression, which may name the variables that `cx` knows.
pub(crate) fn expression(entry: &Map, cx: &NodeContext) -> Result<Option<Value>, Unevaluated> {
    let Some(source) = entry.get("value").map(to_text) else { return Ok(None) };
    let compiled = Jsonata::compile(&source).map_err(|error| Unevaluated(error.to_string()))?;
    compiled.evaluate(&Message::new(), cx).map_err(|error| Unevaluated(error.chain()))
}

fn to_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.as_str().to_owned(),
        Value::Number(number) => number_to_string(*number),
        other => other.to_json(),
    }
}

fn json(text: &str) -> Result<Value, Unevaluated> {
    Value::from_json(text.as_bytes()).map_err(|error| Unevaluated(format!("invalid JSON: {error}")))
}

fn bytes(value: &Value) -> Result<Value, Unevaluated> {
    match value {
        Value::String(text) => Ok(text.as_bytes().to_vec().into()),
        Value::Array(items) => {
            // As `Buffer.from` does: modulo 256, and 0 for what is no number.
            let byte = |item: &Value| to_number(item).rem_euclid(256.0) as u8;
            Ok(items.iter().map(byte).collect::<Vec<u8>>().into())
        }
        _ => Err(Unevaluated("a buffer is an array of bytes or a string".to_owned())),
    }
}

fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as f64
}

/// JavaScript's `Number(value)`.
fn to_number(value: &Value) -> f64 {
    match value {
        Value::Number(number) => *number,
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::Null => 0.0,
        Value::String(text) => text_to_number(text.trim()),
        _ => f64::NAN,
    }
}

fn text_to_number(text: &str) -> f64 {
    let radix = |prefix: &str, radix| {
        let digits = text.strip_prefix(prefix).or(text.strip_prefix(&prefix.to_uppercase()))?;
        let digits = digits.chars().map(|digit| digit.to_digit(radix));
        let mut number = None;
        for digit in digits {
            number = Some(number.unwrap_or(0.0) * f64::from(radix) + f64::from(digit?));
        }
        number
    };
    match text {
        "" => 0.0,
        "Infinity" | "+Infinity" => f64::INFINITY,
        "-Infinity" => f64::NEG_INFINITY,
        _ => {
            let decimal = || {
                // Rust also reads `inf` and `nan`, JavaScript does not.
                let plain = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
                plain.then(|| text.parse().ok()).flatten()
            };
            let other = radix("0x", 16).or_else(|| radix("0o", 8)).or_else(|| radix("0b", 2));
            other.or_else(decimal).unwrap_or(f64::NAN)
        }
    }
}
