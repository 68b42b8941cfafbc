//! The typed values of an `env` list, and the syntax of references to variables.

use std::time::{SystemTime, UNIX_EPOCH};

use ferrowire_core::{Map, Message, NodeContext, Value, number_to_string};
use ferrowire_expression::Jsonata;
use ferrowire_expression::javascript;

use crate::flow_file::text;

/// Why a variable has no value.
pub(super) struct CannotEvaluate(pub(super) String);

/// Whether the entry may refer to other variables.
pub(super) fn is_env(entry: &Map) -> bool {
    match text(entry, "type") {
        "env" | "jsonata" => true,
        // The configuration node may be the value of a variable of the flow around.
        "conf-type" => reference_of(text(entry, "value")).is_some(),
        _ => false,
    }
}

/// The name in `${NAME}` or `$(NAME)`, if `text` consists of nothing else.
pub(super) fn reference_of(text: &str) -> Option<&str> {
    let rest = text.strip_prefix('$')?;
    let curly = rest.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let name = curly.or_else(|| rest.strip_prefix('(')?.strip_suffix(')'))?;
    (!name.is_empty() && !name.contains(char::is_whitespace)).then_some(name)
}

/// The value of an entry `{name, value, type}` that refers to no other variable.
pub(super) fn evaluate(entry: &Map) -> Result<Option<Value>, CannotEvaluate> {
    let Some(value) = entry.get("value") else { return Ok(None) };
    let as_text = || to_text(value);
    let evaluated = match text(entry, "type") {
        "str" | "cred" | "conf-type" => as_text().into(),
        "num" => javascript::number(Some(value)).into(),
        "bool" => Value::Bool(value.as_bool().unwrap_or(value.as_str() == Some("true"))),
        "json" => json(&as_text())?,
        "bin" => bytes(&json(&as_text())?)?,
        "date" if as_text().is_empty() => now().into(),
        other @ ("msg" | "flow" | "global" | "re" | "date") => {
            let text =
                format!("values of type `{other}` are not supported in `env`; use another type");
            return Err(CannotEvaluate(text));
        }
        // Node-RED takes values of unknown types as they are.
        _ => value.clone(),
    };
    Ok(Some(evaluated))
}

/// The value of a JSONata expression. It can read the variables of `cx`.
pub(super) fn expression(entry: &Map, cx: &NodeContext) -> Result<Option<Value>, CannotEvaluate> {
    let Some(source) = entry.get("value").map(to_text) else { return Ok(None) };
    let compiled = Jsonata::compile(&source).map_err(|error| CannotEvaluate(error.to_string()))?;
    compiled.evaluate(&Message::new(), cx).map_err(|error| CannotEvaluate(error.chain()))
}

fn to_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.as_str().to_owned(),
        Value::Number(number) => number_to_string(*number),
        other => other.to_json(),
    }
}

fn json(text: &str) -> Result<Value, CannotEvaluate> {
    Value::from_json(text.as_bytes())
        .map_err(|error| CannotEvaluate(format!("invalid JSON: {error}")))
}

fn bytes(value: &Value) -> Result<Value, CannotEvaluate> {
    match value {
        Value::String(text) => Ok(text.as_bytes().to_vec().into()),
        Value::Array(items) => {
            // As `Buffer.from` does: modulo 256, and 0 for what is not a number.
            let byte = |item: &Value| javascript::number(Some(item)).rem_euclid(256.0) as u8;
            Ok(items.iter().map(byte).collect::<Vec<u8>>().into())
        }
        _ => Err(CannotEvaluate("expected an array of bytes or a string".to_owned())),
    }
}

fn now() -> f64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_millis() as f64
}
