//! `Sending`: waits until a message is accepted.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;

/// The rest of a delivery that has begun. Ends when every receiver has accepted the message; most
/// deliveries are done before the first poll.
#[must_use = "await it to wait for the receivers (back-pressure); dropping it drops the rest"]
pub struct Sending(Option<BoxFuture<'static, ()>>);

impl Sending {
    /// A finished delivery.
    pub const fn done() -> Self {
        Sending(None)
    }

    /// A delivery that ends with `rest`.
    pub fn later(rest: BoxFuture<'static, ()>) -> Self {
        Sending(Some(rest))
    }

    /// Whether there is nothing to wait for.
    pub fn is_done(&self) -> bool {
        self.0.is_none()
    }
}

impl Future for Sending {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(rest) = &mut self.0 else { return Poll::Ready(()) };
        let poll = rest.as_mut().poll(cx);
        if poll.is_ready() {
            self.0 = None;
        }
        poll
    }
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending").field("done", &self.is_done()).finish()
    }
}
