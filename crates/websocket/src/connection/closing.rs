//! Closing a connection: answering a close frame, sending one, dropping the stream.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;

use bytes::BytesMut;
use ferrowire_core::{NodeError, Value};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::io::poll_read_buf;
use tungstenite::protocol::frame::coding::CloseCode;

use crate::connection::scratch;
use crate::connection::{Connection, Ended, Receive, State};
use crate::frame::Close;
use crate::frame::reader::{Incoming, Reader, Violation};

/// How many times `limits.close` a peer's last messages may take to be delivered.
const DELIVERY: u32 = 3;

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Connection<S> {
    /// The peer sent a close frame: sends the queued output, then echoes its code and reason (RFC
    /// 6455 §5.5.1).
    pub(crate) async fn answer_close(self: &Arc<Self>, close: Close) -> Ended {
        self.close(&close);
        self.in_time(self.shut_down()).await;
        Ended::Closed(close)
    }

    /// The peer violated the protocol. Its remaining data is read, because otherwise the system
    /// would reset the connection and the peer might lose our close frame.
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

    /// After `limits.close` the stream is dropped.
    async fn in_time(&self, work: impl Future<Output = ()>) {
        let _in_time = tokio::time::timeout(self.limits.close, work).await;
    }

    /// Sends the queued output and shuts down the write half.
    async fn shut_down(&self) {
        self.until(|io| io.outbox.is_empty() || io.state == State::Dead).await;
        // On failure the stream is simply dropped.
        let _gone = poll_fn(|cx| Pin::new(&mut self.lock().stream).poll_shutdown(cx)).await;
    }

    /// Appends the next bytes to `input`; `false` at the end of the stream.
    async fn read_into(&self, input: &mut BytesMut) -> bool {
        input.reserve(scratch::LEAST);
        let read =
            |cx: &mut Context<'_>| poll_read_buf(Pin::new(&mut self.lock().stream), cx, input);
        matches!(poll_fn(read).await, Ok(1..))
    }

    /// We sent a close frame: reads input until the peer's close frame. Messages are delivered to
    /// `receiver`, or discarded without one.
    pub(crate) async fn await_close(
        self: &Arc<Self>,
        reader: &mut Reader,
        mut input: BytesMut,
        receiver: Option<&dyn Receive>,
    ) -> Ended {
        let answer = async {
            loop {
                match reader.next(&mut input) {
                    Ok(Some(Incoming::Close(close))) => return Ok(Some(close)),
                    Ok(Some(Incoming::Message(payload))) => {
                        if let Some(receiver) = receiver {
                            self.busy_with(receiver.message(payload)).await;
                        }
                        continue;
                    }
                    Ok(Some(_)) => continue,
                    Ok(None) => {}
                    Err(_) => return Ok(None),
                }
                input.reserve(reader.wanted(&input));
                let read = self.read_into(&mut input);
                if !tokio::time::timeout(self.limits.close, read).await? {
                    return Ok(None);
                }
            }
        };
        // What is delivered may take longer than an answer.
        let times = if receiver.is_some() { DELIVERY } else { 1 };
        match tokio::time::timeout(self.limits.close * times, answer).await.flatten() {
            Ok(Some(close)) => {
                self.in_time(self.shut_down()).await;
                Ended::Closed(close)
            }
            Ok(None) => Ended::Lost("it did not answer the close frame"),
            Err(_) => Ended::Lost("it did not answer the close frame in time"),
        }
    }
}

/// `1001`: the endpoint is going away for good.
pub(crate) fn going_away() -> Close {
    Close::new(CloseCode::Away, "going away")
}

/// `1012`: the endpoint restarts.
pub(crate) fn restarting() -> Close {
    Close::new(CloseCode::Restart, "restarting")
}

/// The close that a flow asks for: 1000 without a code. `refusal` is the error for a code that
/// `is_allowed` does not accept.
///
/// # Errors
/// If the code is not allowed, or the reason does not fit into a control frame (RFC 6455 §5.5).
pub(crate) fn requested(
    (code, reason): (Option<&Value>, Option<&Value>),
    is_allowed: impl FnOnce(f64) -> bool,
    refusal: &str,
) -> Result<Close, NodeError> {
    let code = match code {
        None | Some(Value::Undefined | Value::Null) => 1000.0,
        Some(code) => code.as_f64().unwrap_or_default(),
    };
    if !is_allowed(code) {
        return Err(NodeError::new(refusal));
    }
    let reason = reason.and_then(Value::as_str).unwrap_or_default();
    if reason.len() > 123 {
        let text = "invalid reason of a close: expected at most 123 bytes";
        return Err(NodeError::new(format!("{text}, found {}", reason.len())));
    }
    Ok(Close { code: Some(code as u16), reason: reason.into() })
}
