//! The end of a connection: answering a close frame, asking for one, hanging up.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::io::poll_read_buf;
use tungstenite::protocol::frame::coding::CloseCode;

use crate::connection::{Connection, Ended, State};
use crate::frame::Close;
use crate::reader::{Incoming, Reader, Violation};
use crate::scratch;

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Connection<S> {
    /// The peer closed: its code and reason are sent back (RFC 6455 §5.5.1), and all that waits
    /// before.
    pub(crate) async fn answer_close(self: &Arc<Self>, close: Close) -> Ended {
        self.close(&close);
        self.in_time(self.shut_down()).await;
        Ended::Closed(close)
    }

    /// The peer is at fault. What it still had on its way is read, so that the system does not
    /// answer it with a reset, which would take our close frame along.
    pub(crate) async fn fail(self: &Arc<Self>, violation: Violation) -> Ended {
        let close = Close::new(violation.code, violation.reason);
        self.close(&close);
        self.in_time(async {
            self.shut_down().await;
            let mut rest = BytesMut::new();
            while self.read_into(&mut rest).await {
                rest.clear();
            }
        })
        .await;
        Ended::Violation(close)
    }

    /// When `limits.close` is over the stream is dropped as it is.
    async fn in_time(&self, work: impl Future<Output = ()>) {
        let _in_time = tokio::time::timeout(self.limits.close, work).await;
    }

    /// Sends what waits and ends the writing side.
    async fn shut_down(&self) {
        self.until(|io| io.outbox.is_empty() || io.state == State::Dead).await;
        // A stream that cannot be shut down is dropped next.
        let _gone = poll_fn(|cx| Pin::new(&mut self.lock().stream).poll_shutdown(cx)).await;
    }

    /// Appends what comes next to `input`; `false` at the end.
    async fn read_into(&self, input: &mut BytesMut) -> bool {
        input.reserve(scratch::LEAST);
        let read =
            |cx: &mut Context<'_>| poll_read_buf(Pin::new(&mut self.lock().stream), cx, input);
        matches!(poll_fn(read).await, Ok(1..))
    }

    /// We closed: reads on, and drops what comes, until the peer's close frame.
    pub(crate) async fn await_close(
        self: &Arc<Self>,
        reader: &mut Reader,
        mut input: BytesMut,
    ) -> Ended {
        let answer = async {
            loop {
                match reader.next(&mut input) {
                    Ok(Some(Incoming::Close(close))) => return Some(close),
                    Ok(Some(_)) => continue,
                    Ok(None) => {}
                    Err(_) => return None,
                }
                input.reserve(reader.wanted(&input));
                if !self.read_into(&mut input).await {
                    return None;
                }
            }
        };
        match tokio::time::timeout(self.limits.close, answer).await {
            Ok(Some(close)) => {
                self.in_time(self.shut_down()).await;
                Ended::Closed(close)
            }
            Ok(None) => Ended::Lost("it did not answer the close frame"),
            Err(_) => Ended::Lost("it did not answer the close frame in time"),
        }
    }
}

/// `1001`: the endpoint goes away and does not come back.
pub(crate) fn going_away() -> Close {
    Close::new(CloseCode::Away, "going away")
}

/// `1012`: the endpoint will be back in a moment.
pub(crate) fn restarting() -> Close {
    Close::new(CloseCode::Restart, "restarting")
}
