//! Responses that the nodes of this crate make themselves.

use bytes::Bytes;
use ferrowire::port::{Body, Response};
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use http_body_util::{BodyExt, Full};

/// A response with `content`, of the given media type.
pub(crate) fn full(content_type: &'static str, content: impl Into<Bytes>) -> Response {
    let body: Body = Box::pin(Full::new(content.into()).map_err(|never| match never {}));
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A response with one line of text.
pub(crate) fn text(status: StatusCode, line: impl Into<String>) -> Response {
    let mut line = line.into();
    line.push('\n');
    let mut response = full("text/plain; charset=utf-8", line);
    *response.status_mut() = status;
    response
}
