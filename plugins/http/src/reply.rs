//! `Reply`: a response described by a message, with Express's semantics.

use bytes::Bytes;
use ferrowire::expression::javascript;
use ferrowire::port::{Response, whole};
use ferrowire::{Map, Message, NodeError, Unprintable, Value, number_to_string};

use http::StatusCode;
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, SET_COOKIE,
    TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

use crate::cookie;
use crate::fresh;
use crate::open::Asked;

/// The response without the parts that depend on the request.
#[derive(Debug)]
pub(crate) struct Reply {
    head: Head,
    content: Content,
    /// Sent as it is, without a type or an `ETag` of its own: Express's `res.end`.
    bare: bool,
}

/// Status and headers.
#[derive(Debug, Default)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
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

impl Head {
    /// What functions have set by the methods of `msg.res`: `statusCode`, `headers`, and `cookies`
    /// as a list of names and values.
    ///
    /// # Errors
    /// If a part of it is invalid.
    pub(crate) fn of_res(msg: &Message) -> Result<Self, NodeError> {
        let res = msg.get("res");
        let part = |name: &str| res.and_then(|res| res.get(name));
        let mut head = Head::default();
        if let Some(code) = part("statusCode") {
            head.set_status(whole_number(Some(code)))?;
        }
        for (name, value) in
            part("headers").and_then(Value::as_object).into_iter().flat_map(Map::iter)
        {
            head.put(name, value)?;
        }
        let cookies = part("cookies").and_then(Value::as_array).unwrap_or_default();
        for cookie in cookies {
            let name = javascript::text(cookie.get("name"));
            head.put_cookie(&name, cookie.get("value").unwrap_or(&Value::Null))?;
        }
        Ok(head)
    }

    fn set_status(&mut self, code: u16) -> Result<(), NodeError> {
        self.status =
            StatusCode::from_u16(code).map_err(|_| format!("invalid status code `{code}`"))?;
        Ok(())
    }

    fn put(&mut self, name: &str, value: &Value) -> Result<(), NodeError> {
        let parsed: HeaderName =
            name.parse().map_err(|_| format!("invalid header name `{name}`"))?;
        if FRAMING.contains(&parsed) {
            return Ok(());
        }
        match value {
            Value::Null | Value::Undefined => {}
            Value::Array(values) => {
                self.headers.remove(&parsed);
                for value in values.iter() {
                    self.headers.append(parsed.clone(), header_value(name, value)?);
                }
            }
            value => {
                self.headers.insert(parsed, header_value(name, value)?);
            }
        }
        Ok(())
    }

    fn put_cookie(&mut self, name: &str, value: &Value) -> Result<(), NodeError> {
        let line = cookie::line(name, value)?;
        let line = HeaderValue::from_str(&line)
            .map_err(|_| format!("invalid value of the cookie `{name}`"))?;
        self.headers.append(SET_COOKIE, line);
        Ok(())
    }
}

impl Reply {
    /// The response in a message to an `http response`; `status` and `headers` of the node take
    /// precedence.
    ///
    /// # Errors
    /// If a part of it is invalid.
    pub(crate) fn of(msg: &Message, status: Option<u16>, headers: &Map) -> Result<Self, NodeError> {
        let mut head = Head::of_res(msg)?;
        let of_message = msg.get("headers").and_then(Value::as_object);
        let of_message = of_message.into_iter().flat_map(Map::iter);
        let is_set = |name: &str| headers.keys().any(|set| set.eq_ignore_ascii_case(name));
        for (name, value) in of_message.filter(|(name, _)| !is_set(name)).chain(headers.iter()) {
            head.put(name, value)?;
        }
        if let Some(cookies) = msg.get("cookies").and_then(Value::as_object) {
            for (name, value) in cookies.iter().filter(|(_, value)| !value.is_undefined()) {
                head.put_cookie(name, value)?;
            }
        }
        head.set_status(status.unwrap_or_else(|| wanted_status(msg)))?;
        Ok(Reply { head, content: Content::of(msg.payload())?, bare: false })
    }

    /// The response that a function sends with `msg.res.send` and the like.
    ///
    /// # Errors
    /// If a part of it is invalid.
    pub(crate) fn of_function(msg: &Message) -> Result<Self, NodeError> {
        let bare = msg.get("bare").is_some_and(Value::is_truthy);
        Ok(Reply { head: Head::of_res(msg)?, content: Content::of(msg.payload())?, bare })
    }

    /// The response to a request: 304 without content if the client has it already.
    pub(crate) fn into_response(self, asked: &Asked) -> Response {
        let Head { mut status, mut headers } = self.head;
        let is_given = !matches!(self.content, Content::Nothing);
        let (content, kind) = self.content.for_callback(asked.callback.as_deref());
        if let Some(kind) = kind.filter(|_| !self.bare) {
            headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static(kind));
        }
        if !self.bare {
            if is_given {
                headers.entry(ETAG).or_insert_with(|| fresh::tag(&content));
            }
            if fresh::is_fresh(&asked.head, status, &headers) {
                status = StatusCode::NOT_MODIFIED;
            }
        }
        let has_body = !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if !has_body {
            headers.remove(CONTENT_TYPE);
        }
        let mut response = Response::new(whole(if has_body { content } else { Bytes::new() }));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}

fn wanted_status(msg: &Message) -> u16 {
    match whole_number(msg.get("statusCode")) {
        0 => 200,
        code => code,
    }
}

/// The number at the beginning of a value, 0 if there is none.
fn whole_number(value: Option<&Value>) -> u16 {
    javascript::parse_float(value).trunc() as u16
}

impl Content {
    fn of(payload: Option<&Value>) -> Result<Self, Unprintable> {
        Ok(match payload {
            None => Content::Nothing,
            Some(Value::String(text)) => Content::Text(text.to_bytes()),
            Some(Value::Number(number)) => Content::Text(number_to_string(*number).into()),
            Some(Value::Buffer(bytes)) => Content::Binary(bytes.clone()),
            Some(value) => Content::Json(value.stringify()?.unwrap_or_default()),
        })
    }

    /// The bytes and their default type; JSON for a JSONP request is a call of its callback.
    fn for_callback(self, callback: Option<&str>) -> (Bytes, Option<&'static str>) {
        match self {
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
        }
    }
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
