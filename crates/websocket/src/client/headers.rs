//! The headers of a client's handshake that the node's list adds.

use ferrowire_core::{NodeConfig, Value};
use hyper::header::{HeaderName, HeaderValue};

/// The list of a node.
#[derive(Debug, Default)]
pub(crate) struct Headers(Vec<Header>);

#[derive(Debug)]
struct Header {
    name: HeaderName,
    value: Source,
}

#[derive(Debug)]
enum Source {
    Value(HeaderValue),
    Environment(String),
}

impl Headers {
    /// Reads the list of `{keyType, keyValue, valueType, valueValue}`. Entries without a name or a
    /// value are ignored, as in Node-RED.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let list: Vec<Value> = match config.raw("headers") {
            None => Vec::new(),
            Some(Value::Array(list)) => list.to_vec(),
            Some(_) => {
                config.problem("headers", "expected a list of headers");
                Vec::new()
            }
        };
        let headers = list
            .iter()
            .filter_map(|entry| read(entry).map_err(|text| config.problem("headers", text)).ok())
            .flatten();
        Headers(headers.collect())
    }

    /// The headers with the values that the environment has now. A variable that is not set adds
    /// none.
    ///
    /// # Errors
    /// If the value of a variable is no header value.
    pub(crate) fn resolve(
        &self,
        env: impl Fn(&str) -> Option<String>,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, String> {
        let mut headers = Vec::new();
        for Header { name, value } in &self.0 {
            let value = match value {
                Source::Value(value) => value.clone(),
                Source::Environment(variable) => match env(variable) {
                    None => continue,
                    Some(text) => HeaderValue::try_from(text).map_err(|_| {
                        format!("invalid header value in the environment variable `{variable}`")
                    })?,
                },
            };
            headers.push((name.clone(), value));
        }
        Ok(headers)
    }
}

fn read(entry: &Value) -> Result<Option<Header>, String> {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default();
    let name = if text("keyType") == "other" { text("keyValue") } else { text("keyType") };
    let value = match text("valueType") {
        "other" | "env" => text("valueValue"),
        fixed => fixed,
    };
    if name.is_empty() || value.is_empty() {
        return Ok(None);
    }
    let name = name.parse().map_err(|_| format!("invalid header name `{name}`"))?;
    let value = if text("valueType") == "env" {
        Source::Environment(value.to_owned())
    } else {
        let parsed = HeaderValue::from_str(value);
        Source::Value(parsed.map_err(|_| format!("invalid header value `{value}`"))?)
    };
    Ok(Some(Header { name, value }))
}
