//! The bodies of requests and responses.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};

pub use ferrowire_core::port::{Body, Response, empty, full, text};

use crate::pace::Pace;

/// A received request.
pub type Request = hyper::Request<RequestBody>;

/// The body of a received request. It ends with an error of the kind `TimedOut` if the client sends
/// too slowly, see [`Limits::transfer`](crate::Limits::transfer).
pub struct RequestBody {
    incoming: Incoming,
    pace: Pace,
}

impl RequestBody {
    pub(crate) fn new(incoming: Incoming, limit: Duration) -> Self {
        RequestBody { incoming, pace: Pace::new(limit) }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let RequestBody { incoming, pace } = self.get_mut();
        match Pin::new(incoming).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                pace.advance(frame.data_ref().map_or(0, Bytes::len));
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(io::Error::other(error)))),
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Pending => pace.poll_late(cx).map(|()| {
                let text = "the client sends the body of its request too slowly";
                Some(Err(io::Error::new(io::ErrorKind::TimedOut, text)))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl std::fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestBody").finish_non_exhaustive()
    }
}
