//! `Reply`: a response that can be compared and changed, in the forms that Node-RED uses.

use bytes::Bytes;
use data_encoding::BASE64_NOPAD;
use ferrowire_core::Value;
use ferrowire_http::{Response, empty, full};
use hyper::header::{
    CONTENT_SECURITY_POLICY, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH, X_CONTENT_TYPE_OPTIONS,
};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use sha2::{Digest, Sha256};

const JSON: &str = "application/json; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// A response.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(crate) status: StatusCode,
    content_type: &'static str,
    pub(crate) body: Bytes,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Reply {
    /// A response with content.
    pub fn new(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Reply { status, content_type, body: body.into(), headers: Vec::new() }
    }

    /// JSON.
    pub fn json(value: impl Into<Value>) -> Self {
        Reply::new(StatusCode::OK, JSON, value.into().to_json())
    }

    /// JSON text.
    pub(crate) fn json_text(text: String) -> Self {
        Reply::new(StatusCode::OK, JSON, text)
    }

    /// HTML.
    pub(crate) fn html(text: String) -> Self {
        Reply::new(StatusCode::OK, HTML, text)
    }

    /// An error, in the form of Node-RED's API.
    pub fn error(status: StatusCode, code: &str, message: &str) -> Self {
        let body = serde_json::json!({"code": code, "message": message});
        Reply { status, ..Reply::json_text(body.to_string()) }
    }

    /// An error without a code of its own: 400.
    pub(crate) fn unexpected(message: &str) -> Self {
        Reply::error(StatusCode::BAD_REQUEST, "unexpected_error", message)
    }

    /// An error for something that does not exist: 404.
    pub(crate) fn missing(message: &str) -> Self {
        Reply::error(StatusCode::NOT_FOUND, "not_found", message)
    }

    /// The status's name as plain text.
    pub fn status(status: StatusCode) -> Self {
        Reply::new(status, TEXT, status.canonical_reason().unwrap_or_default())
    }

    /// Success without content: 204.
    pub(crate) fn no_content() -> Self {
        Reply::new(StatusCode::NO_CONTENT, "", Bytes::new())
    }

    /// An HTML page with an error.
    pub(crate) fn error_page(status: StatusCode, text: &str) -> Self {
        let text = escape(text);
        let page = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <title>Error</title>\n</head>\n<body>\n<pre>{text}</pre>\n</body>\n</html>\n"
        );
        Reply::new(status, HTML, page).with(CONTENT_SECURITY_POLICY, "default-src 'none'")
    }

    /// The page for a path that does not exist.
    pub(crate) fn nothing_here(method: &Method, path: &str) -> Self {
        Reply::error_page(StatusCode::NOT_FOUND, &format!("Cannot {method} {path}"))
    }

    /// Adds a header.
    pub fn with(mut self, name: HeaderName, value: &'static str) -> Self {
        self.headers.push((name, HeaderValue::from_static(value)));
        self
    }

    /// Adds a header with a computed value. A value that is invalid in HTTP is left out.
    pub(crate) fn with_text(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.extend(HeaderValue::from_str(value).ok().map(|value| (name, value)));
        self
    }

    fn has(&self, name: &HeaderName) -> bool {
        self.headers.iter().any(|(present, _)| present == name)
    }

    /// The response to `request`: 304 without content if the client has it already.
    pub fn into_response(mut self, request: &Parts) -> Response {
        let is_read = matches!(request.method, Method::GET | Method::HEAD);
        if is_read && self.status == StatusCode::OK {
            if !self.has(&ETAG) {
                let tag = BASE64_NOPAD.encode(&Sha256::digest(&self.body));
                let tag = format!("W/\"{:x}-{}\"", self.body.len(), tag.get(..27).unwrap_or(&tag));
                self = self.with_text(ETAG, &tag);
            }
            if self.is_known_to(request) {
                self.status = StatusCode::NOT_MODIFIED;
            }
        }
        let has_body = !matches!(self.status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let mut response = match has_body {
            true => full(self.content_type, self.body),
            false => empty(self.status),
        };
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.extend(self.headers.into_iter().map(|(name, value)| (Some(name), value)));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }

    fn is_known_to(&self, request: &Parts) -> bool {
        let Some(known) = request.headers.get(IF_NONE_MATCH).and_then(|tags| tags.to_str().ok())
        else {
            return false;
        };
        let tag = self.headers.iter().find(|(name, _)| name == ETAG);
        let Some(tag) = tag.and_then(|(_, tag)| tag.to_str().ok()) else { return false };
        let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
        known.split(',').any(|known| known.trim() == "*" || opaque(known) == opaque(tag))
    }
}

/// Escapes text for HTML.
pub(crate) fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
    html
}
