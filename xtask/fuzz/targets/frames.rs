//! WebSocket frames, in both roles: the borders of reads change nothing, and a connection reads and
//! answers what tungstenite reads and answers.
#![no_main]

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use ferrowire_core::Sending;
use ferrowire_fuzz::block_on;
use ferrowire_websocket::{Backlog, Connection, Ended, Limits, Payload, Receive, Role};
use libfuzzer_sys::fuzz_target;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tungstenite::protocol::{WebSocketConfig, WebSocketContext};
use tungstenite::{Error, Message, error::ProtocolError, protocol};

/// The maximum size of a message.
const LIMIT: usize = 1000;

fuzz_target!(|data: &[u8]| {
    let Some(((role, size), bytes)) =
        data.split_first().map(|(first, rest)| (choice(*first), rest))
    else {
        return;
    };
    let whole = run(role, bytes, bytes.len());
    assert_eq!(run(role, bytes, size), whole, "in pieces of {size}");
    let (messages, ended) = tungsten(role, bytes);
    assert_eq!(whole.messages, messages);
    match ended {
        End::Closed(close) => {
            let is_echo = matches!(&whole.ended, Ended::Closed(ours) if ours.code == close);
            let is_violation = close == Some(1002) && !is_echo;
            assert_eq!(
                matches!(whole.ended, Ended::Closed(_)),
                !is_violation,
                "{:?}, but tungstenite answered {close:?}",
                whole.ended
            );
        }
        // tungstenite looks at a frame when all of it is there.
        End::Stream => assert!(!matches!(whole.ended, Ended::Closed(_)), "{:?}", whole.ended),
        End::Violation => assert!(matches!(whole.ended, Ended::Violation(_)), "{:?}", whole.ended),
    }
});

/// The role, and the size of a read.
fn choice(byte: u8) -> (Role, usize) {
    let role = if byte & 1 == 0 { Role::Server } else { Role::Client };
    (role, usize::from(byte >> 1) + 1)
}

#[derive(Debug, PartialEq)]
struct Outcome {
    messages: Vec<Payload>,
    ended: Ended,
    /// The number of bytes: what a client writes is masked at random.
    written: usize,
}

/// Feeds `bytes` to a connection, at most `size` in one read.
fn run(role: Role, bytes: &[u8], size: usize) -> Outcome {
    let written = Arc::new(Mutex::new(0));
    let stream = Pieces { bytes: bytes.to_vec(), at: 0, size, written: Arc::clone(&written) };
    let limits = Limits { max_message: LIMIT, ..Limits::default() };
    let messages = Messages::default();
    let connection = Connection::new(stream, role, limits, Backlog::of_process());
    let ended = block_on(connection.run(Bytes::new(), &messages));
    let written = *written.lock().expect("nothing panicked");
    Outcome { messages: messages.0.into_inner().expect("nothing panicked"), ended, written }
}

#[derive(Default)]
struct Messages(Mutex<Vec<Payload>>);

impl Receive for Messages {
    fn message(&self, payload: Payload) -> Sending {
        self.0.lock().expect("nothing panicked").push(payload);
        Sending::done()
    }
}

/// A stream that has its input in pieces and takes every output.
struct Pieces {
    bytes: Vec<u8>,
    at: usize,
    size: usize,
    written: Arc<Mutex<usize>>,
}

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let end = self.bytes.len().min(self.at + self.size.min(buffer.remaining()));
        buffer.put_slice(&self.bytes[self.at..end]);
        self.at = end;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pieces {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        *self.written.lock().expect("nothing panicked") += data.len();
        Poll::Ready(Ok(data.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

enum End {
    /// With a close frame of this code.
    Closed(Option<u16>),
    /// With the stream.
    Stream,
    Violation,
}

/// What tungstenite reads.
fn tungsten(role: Role, bytes: &[u8]) -> (Vec<Payload>, End) {
    let role = match role {
        Role::Server => protocol::Role::Server,
        Role::Client => protocol::Role::Client,
    };
    let config =
        WebSocketConfig::default().max_message_size(Some(LIMIT)).max_frame_size(Some(LIMIT));
    let mut context = WebSocketContext::new(role, Some(config));
    let mut stream = OneWay(io::Cursor::new(bytes));
    let mut all = Vec::new();
    loop {
        match context.read(&mut stream) {
            Ok(Message::Text(text)) => all.push(Payload::Text(text.as_str().into())),
            Ok(Message::Binary(bytes)) => all.push(Payload::Binary(bytes)),
            Ok(Message::Close(close)) => {
                return (all, End::Closed(close.map(|close| close.code.into())));
            }
            Ok(_) => {}
            Err(Error::Io(_) | Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)) => {
                return (all, End::Stream);
            }
            Err(_) => return (all, End::Violation),
        }
    }
}

struct OneWay<'a>(io::Cursor<&'a [u8]>);

impl io::Read for OneWay<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl io::Write for OneWay<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
