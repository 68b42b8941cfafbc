//! The bodies of requests and responses, and the small responses that everyone needs.

use bytes::Bytes;
pub use ferrowire_core::port::{Body, Response};
use http_body_util::{BodyExt, Empty, Full};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue};

/// A request as it came in.
pub type Request = hyper::Request<hyper::body::Incoming>;
/// A response without a body.
pub fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Box::pin(Empty::new().map_err(|never| match never {})));
    *response.status_mut() = status;
    response
}

/// A response whose body is `content`, of the given media type.
pub fn full(content_type: &'static str, content: impl Into<Bytes>) -> Response {
    let body: Body = Box::pin(Full::new(content.into()).map_err(|never| match never {}));
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// A response with one line of text.
pub fn text(status: StatusCode, line: impl Into<String>) -> Response {
    let mut line = line.into();
    line.push('\n');
    let mut response = full("text/plain; charset=utf-8", line);
    *response.status_mut() = status;
    response
}
