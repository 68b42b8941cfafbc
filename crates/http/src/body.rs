//! The bodies of requests and responses, and the small responses that everyone needs.

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Empty, Full};
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderValue};

/// The body of a response: whole or streamed.
pub type Body = UnsyncBoxBody<Bytes, std::io::Error>;
/// A request as it came in.
pub type Request = hyper::Request<hyper::body::Incoming>;
/// A response on its way out.
pub type Response = hyper::Response<Body>;

/// A response without a body.
pub fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}

/// A response whose body is `content`, of the given media type.
pub fn full(content_type: &'static str, content: impl Into<Bytes>) -> Response {
    let body = Full::new(content.into()).map_err(|never| match never {}).boxed_unsync();
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
