//! The token in the first message: read before the client becomes a session, so that it gets no
//! broadcast and sends nothing into the flow until it is admitted.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ferrowire_core::Value;
use ferrowire_core::port::ByteStream;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tungstenite::protocol::frame::coding::{CloseCode, Control, OpCode};

use crate::frame::reader::{Incoming, Reader, Violation};
use crate::frame::{Close, Payload, Role, put_close, put_frame};

/// The largest first message.
const LARGEST: usize = 16 * 1024;

/// How long a client that is refused may take to close.
const CLOSING: Duration = Duration::from_secs(2);

/// A connection whose client is not known yet.
pub(crate) struct Unknown {
    stream: ByteStream,
    reader: Reader,
    input: BytesMut,
}

impl Unknown {
    /// A connection, with the bytes that were received after the handshake.
    pub(crate) fn new(stream: ByteStream, early: Bytes) -> Self {
        let reader = Reader::new(Role::Server, LARGEST);
        Unknown { stream, reader, input: BytesMut::from(early) }
    }

    /// Sends the response to the handshake and waits for the first message. `None` if the client left.
    ///
    /// # Errors
    /// The close of a client that violates the protocol.
    pub(crate) async fn token(&mut self, answer: &[u8]) -> Result<Option<String>, Close> {
        if self.stream.write_all(answer).await.is_err() {
            return Ok(None);
        }
        loop {
            while let Some(incoming) = self.reader.next(&mut self.input).map_err(violation)? {
                match incoming {
                    Incoming::Message(payload) => return Ok(Some(token_in(&payload))),
                    Incoming::Ping(payload) => {
                        let mut pong = BytesMut::new();
                        let opcode = OpCode::Control(Control::Pong);
                        put_frame(&mut pong, Role::Server, opcode, &payload);
                        if self.stream.write_all(&pong).await.is_err() {
                            return Ok(None);
                        }
                    }
                    Incoming::Pong | Incoming::Part => {}
                    Incoming::Close(close) => return Err(close),
                }
            }
            if !self.read().await {
                return Ok(None);
            }
        }
    }

    async fn read(&mut self) -> bool {
        self.input.reserve(1024);
        matches!(self.stream.read_buf(&mut self.input).await, Ok(1..))
    }

    /// The stream, and what was received after the first message.
    pub(crate) fn admitted(self) -> (ByteStream, Bytes) {
        (self.stream, self.input.freeze())
    }

    /// Closes the connection. Remaining input is read, because otherwise the system would reset the
    /// connection, and the client might lose the close frame.
    pub(crate) async fn close(mut self, close: &Close) {
        let mut frame = BytesMut::new();
        put_close(&mut frame, Role::Server, close);
        let closing = async {
            if self.stream.write_all(&frame).await.is_err() || self.stream.shutdown().await.is_err()
            {
                return;
            }
            self.input.clear();
            while self.read().await {
                self.input.clear();
            }
        };
        let _in_time = tokio::time::timeout(CLOSING, closing).await;
    }
}

fn violation(violation: Violation) -> Close {
    Close::new(violation.code, violation.reason)
}

/// The token: the text itself, or `token` of an object.
fn token_in(payload: &Payload) -> String {
    let text = String::from_utf8_lossy(payload.as_bytes());
    let text = text.trim();
    let object = text.starts_with('{').then(|| Value::from_json_text(text).ok()).flatten();
    match object.as_ref().and_then(|object| object.get("token")).and_then(Value::as_str) {
        Some(token) => token.to_owned(),
        None => text.to_owned(),
    }
}

/// `1008`: the token was not accepted.
pub(crate) fn unauthorized(reason: &str) -> Close {
    Close { code: Some(CloseCode::Policy.into()), reason: reason.into() }
}

/// `1013`: the keys of tokens cannot be read, or the address failed too often; come back later.
pub(crate) fn try_later(reason: &str) -> Close {
    Close { code: Some(CloseCode::Again.into()), reason: reason.into() }
}

/// `3008`: no token in time.
pub(crate) fn too_late() -> Close {
    Close { code: Some(3008), reason: "no message in time".into() }
}
