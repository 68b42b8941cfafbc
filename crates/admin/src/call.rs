//! `Call`: an authorized request with its parameters and its body.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use ferrowire_core::{Map, Value};
use hyper::StatusCode;
use hyper::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, HeaderName};
use hyper::http::request::Parts;

use crate::{Admin, Reply, User};

/// A request as handlers get it.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) admin: Arc<Admin>,
    pub(crate) parts: Parts,
    /// The address of the client.
    pub(crate) client: IpAddr,
    pub(crate) user: Option<User>,
    /// The variable parts of the path.
    pub(crate) params: Vec<String>,
    pub(crate) content: Content,
}

/// The body of a request.
#[derive(Debug)]
pub(crate) enum Content {
    /// None, or one whose content type is not read.
    None,
    Json(Value),
    Form(Vec<(String, String)>),
}

impl Content {
    /// Reads a body by its content type. As in Node-RED, JSON must be an object or an array.
    pub(crate) fn read(parts: &Parts, body: &Bytes) -> Result<Self, Reply> {
        let kind = parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Ok(Content::Form(form_urlencoded::parse(body).into_owned().collect()));
        }
        if !kind.eq_ignore_ascii_case("application/json") {
            return Ok(Content::None);
        }
        if body.is_empty() {
            return Ok(Content::Json(Map::new().into()));
        }
        let refuse =
            |why: &str| Reply::error_page(StatusCode::BAD_REQUEST, &format!("SyntaxError: {why}"));
        match Value::from_json(body) {
            Ok(value @ (Value::Object(_) | Value::Array(_))) => Ok(Content::Json(value)),
            Ok(_) => Err(refuse("expected a JSON object or array")),
            Err(error) => Err(refuse(&error.to_string())),
        }
    }
}

impl Call {
    /// A variable part of the path.
    pub(crate) fn param(&self, at: usize) -> &str {
        self.params.get(at).map_or("", String::as_str)
    }

    pub(crate) fn header(&self, name: HeaderName) -> &str {
        self.parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// A parameter of the query; `Some("")` if it has no value.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let query = self.parts.uri.query()?;
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// Whether the client asks for JSON rather than HTML.
    pub(crate) fn accepts_json(&self) -> bool {
        self.header(ACCEPT).contains("application/json")
    }

    /// The language that `Accept-Language` prefers.
    pub(crate) fn language(&self) -> String {
        let first = self.header(ACCEPT_LANGUAGE).split(',').next().unwrap_or_default();
        language(first.split(';').next().unwrap_or_default())
    }

    /// The language that the query asks for.
    pub(crate) fn queried_language(&self) -> String {
        language(&self.query("lng").unwrap_or_default())
    }

    /// The body as JSON; an empty object when there is none.
    pub(crate) fn json(&self) -> Value {
        match &self.content {
            Content::Json(value) => value.clone(),
            Content::Form(pairs) => pairs
                .iter()
                .map(|(key, value)| (key.as_str(), value.as_str()))
                .collect::<Map>()
                .into(),
            Content::None => Map::new().into(),
        }
    }
}

/// A language tag such as `fr` or `pt-BR`; English if it is invalid.
fn language(tag: &str) -> String {
    let is_tag = |c: char| c.is_ascii_alphanumeric() || matches!(c, '=' | '*' | '-');
    let tag = tag.trim();
    if tag.is_empty() || !tag.chars().all(is_tag) { "en-US".to_owned() } else { tag.to_owned() }
}
