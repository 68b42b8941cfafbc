//! `Reply`: a response described by a message, with Express's semantics.

use bytes::Bytes;
use ferrowire::expression::javascript;
use ferrowire::port::{Response, full};
use ferrowire::{HasBigInt, Map, Message, NodeError, Value, number_to_string};

use http::StatusCode;
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};

use crate::cookie;

/// The response without the parts that depend on the request.
#[derive(Debug)]
pub(crate) struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Nothing,
    Text(Bytes),
    Binary(Bytes),
    Json(String),
}

/// Flows must not set the framing of a response.
const FRAMING: [HeaderName; 6] =
    [CONNECTION, CONTENT_LENGTH, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

impl Reply {
    /// The response in a message; `status` and `headers` of the node take precedence.
    ///
    /// # Errors
    /// If a part of it is invalid.
    pub(crate) fn of(msg: &Message, status: Option<u16>, headers: &Map) -> Result<Self, NodeError> {
        let mut all = HeaderMap::new();
        let of_message = msg.get("headers").and_then(Value::as_object);
        let of_message = of_message.into_iter().flat_map(Map::iter);
        let is_set = |name: &str| headers.keys().any(|set| set.eq_ignore_ascii_case(name));
        for (name, value) in of_message.filter(|(name, _)| !is_set(name)).chain(headers.iter()) {
            put(&mut all, name, value)?;
        }
        if let Some(cookies) = msg.get("cookies").and_then(Value::as_object) {
            for (name, value) in cookies.iter().filter(|(_, value)| !value.is_undefined()) {
                let line = cookie::line(name, value)?;
                let line = HeaderValue::from_str(&line)
                    .map_err(|_| format!("invalid value of the cookie `{name}`"))?;
                all.append(SET_COOKIE, line);
            }
        }
        let status = status.unwrap_or_else(|| wanted_status(msg));
        let status =
            StatusCode::from_u16(status).map_err(|_| format!("invalid status code `{status}`"))?;
        Ok(Reply { status, headers: all, content: Content::of(msg.payload())? })
    }

    /// The response; `callback` is the callback function of a JSONP request.
    pub(crate) fn into_response(self, callback: Option<&str>) -> Response {
        let typed = self.headers.get(CONTENT_TYPE).is_some();
        let (content, kind) = match self.content {
            Content::Nothing => (Bytes::new(), None),
            Content::Text(bytes) => (bytes, Some("text/html; charset=utf-8")),
            Content::Binary(bytes) => (bytes, Some("application/octet-stream")),
            Content::Json(json) => match callback.map(callable).filter(|name| !name.is_empty()) {
                Some(name) => {
                    // The comment and `typeof` are browser security measures, as in Express.
                    let call = format!("/**/ typeof {name} === 'function' && {name}({json});");
                    (call.into(), Some("text/javascript; charset=utf-8"))
                }
                None => (json.into(), Some("application/json; charset=utf-8")),
            },
        };
        let mut response = full("text/html; charset=utf-8", content);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.clear();
        if let Some(kind) = kind.filter(|_| !typed) {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        }
        headers.extend(self.headers);
        response
    }
}

fn wanted_status(msg: &Message) -> u16 {
    let number = javascript::parse_float(msg.get("statusCode")).trunc();
    if number.is_nan() || number == 0.0 { 200 } else { number as u16 }
}

impl Content {
    fn of(payload: Option<&Value>) -> Result<Self, HasBigInt> {
        Ok(match payload {
            None => Content::Nothing,
            Some(Value::String(text)) => Content::Text(text.to_bytes()),
            Some(Value::Number(number)) => Content::Text(number_to_string(*number).into()),
            Some(Value::Buffer(bytes)) => Content::Binary(bytes.clone()),
            Some(value) => Content::Json(value.stringify()?.unwrap_or_default()),
        })
    }
}

fn put(all: &mut HeaderMap, name: &str, value: &Value) -> Result<(), NodeError> {
    let parsed: HeaderName = name.parse().map_err(|_| format!("invalid header name `{name}`"))?;
    if FRAMING.contains(&parsed) {
        return Ok(());
    }
    match value {
        Value::Null | Value::Undefined => {}
        Value::Array(values) => {
            for value in values.iter() {
                all.append(parsed.clone(), header_value(name, value)?);
            }
        }
        value => {
            all.insert(parsed, header_value(name, value)?);
        }
    }
    Ok(())
}

fn header_value(name: &str, value: &Value) -> Result<HeaderValue, NodeError> {
    let mut text = javascript::text(Some(value));
    let lower = text.to_ascii_lowercase();
    if name.eq_ignore_ascii_case("content-type")
        && lower.starts_with("text/")
        && !lower.contains("charset")
    {
        text.push_str("; charset=utf-8");
    }
    // Latin-1 characters are sent as single bytes.
    let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    bytes
        .and_then(|bytes| HeaderValue::from_bytes(&bytes).ok())
        .ok_or_else(|| format!("invalid value `{text}` of the header `{name}`").into())
}

/// Keeps the characters of `name` that are allowed in a callback: letters, digits and `[]$_.`.
fn callable(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric() || "[]$_.".contains(*c)).collect()
}
