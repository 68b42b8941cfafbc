//! Complete bodies, and common responses.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderValue};
use http_body::{Frame, SizeHint};

use super::{Body, Response};

/// A complete body.
pub fn whole(content: impl Into<Bytes>) -> Body {
    Box::pin(Whole(Some(content.into()).filter(|content: &Bytes| !content.is_empty())))
}

/// A response without a body.
pub fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(whole(Bytes::new()));
    *response.status_mut() = status;
    response
}

/// A response with status 200 whose body is `content`, of the given media type.
pub fn full(content_type: &'static str, content: impl Into<Bytes>) -> Response {
    let mut response = Response::new(whole(content));
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

struct Whole(Option<Bytes>);

impl http_body::Body for Whole {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Poll::Ready(self.0.take().map(|content| Ok(Frame::data(content))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, Bytes::len) as u64)
    }
}
