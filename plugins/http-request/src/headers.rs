//! `Headers`: the headers of a request, with names in the flow's spelling.

use ferrowire::expression::javascript;
use ferrowire::{Message, Value};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use crate::failure::Failure;
use crate::options::Part;

/// Names and values, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headers(Vec<(String, String)>);

impl Headers {
    /// The headers of `msg.headers` and of the node, which take precedence.
    pub(crate) fn of(msg: &Message, parts: &[(Part, Part)]) -> Self {
        let mut headers = Headers::default();
        let of_message = msg.get("headers").and_then(Value::as_object);
        for (name, value) in of_message.into_iter().flat_map(|all| all.iter()) {
            headers.set(name, Some(value));
        }
        for (name, value) in parts {
            let name = evaluate(name, msg);
            let name = javascript::text(name.as_ref().filter(|name| name.is_truthy()));
            if name != "undefined" {
                headers.set(&name, evaluate(value, msg).as_ref());
            }
        }
        headers
    }

    /// Replaces all headers of this name; an empty value removes them.
    pub(crate) fn set(&mut self, name: &str, value: Option<&Value>) {
        self.remove(name);
        match value {
            Some(Value::Array(values)) => {
                for value in values.iter() {
                    self.0.push((name.to_owned(), javascript::text(Some(value))));
                }
            }
            Some(value) if value.is_truthy() => {
                self.0.push((name.to_owned(), javascript::text(Some(value))));
            }
            _ => {}
        }
    }

    pub(crate) fn set_text(&mut self, name: &str, value: impl Into<String>) {
        self.remove(name);
        self.0.push((name.to_owned(), value.into()));
    }

    /// The first value of a header.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Removes all headers of this name and returns the first value.
    pub(crate) fn remove(&mut self, name: &str) -> Option<String> {
        let value = self.get(name).map(str::to_owned);
        self.0.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        value
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The headers to send.
    ///
    /// # Errors
    /// If a name or value is invalid.
    pub(crate) fn to_map(&self) -> Result<HeaderMap, Failure> {
        let mut map = HeaderMap::new();
        for (name, value) in &self.0 {
            let parsed: HeaderName = name.parse().map_err(|_| {
                Failure::new("ERR_INVALID_HTTP_TOKEN", format!("invalid header name `{name}`"))
            })?;
            let bytes: Option<Vec<u8>> =
                value.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
            let value = bytes.and_then(|bytes| HeaderValue::from_bytes(&bytes).ok());
            let value = value.ok_or_else(|| {
                let text = format!("invalid value of the header `{name}`");
                Failure::new("ERR_INVALID_CHAR", text)
            })?;
            map.append(parsed, value);
        }
        Ok(map)
    }
}

fn evaluate(part: &Part, msg: &Message) -> Option<Value> {
    match part {
        Part::Text(text) => Some(text.as_str().into()),
        Part::Property(path) => path.get(msg).cloned(),
    }
}
