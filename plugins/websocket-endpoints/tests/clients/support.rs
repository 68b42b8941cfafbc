//! A listener with clients over in-memory pipes, for tests on paused time.

use bytes::{Buf, Bytes, BytesMut};
use ferrowire::port::ByteStream;
use ferrowire_testkit::{Harness, TestPort, websocket_handshake};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

pub(crate) const TEXT: u8 = 1;
pub(crate) const CLOSE: u8 = 8;
pub(crate) const PING: u8 = 9;
pub(crate) const PONG: u8 = 10;

/// A listener at `/ws` with `properties`.
pub(crate) async fn listener(properties: Value) -> (Harness, TestPort) {
    let port = TestPort::new();
    let mut config = json!({"path": "/ws"});
    for (name, value) in properties.as_object().unwrap() {
        config[name] = value.clone();
    }
    let builder = Harness::of("websocket-listener").config(config).port(port.clone());
    (builder.start().await, port)
}

/// A client whose pipe holds `size` bytes in each direction.
pub(crate) async fn connect(port: &TestPort, target: &str, size: usize) -> Peer {
    let request = websocket_handshake(target).body(()).unwrap();
    let take_over = port.upgrade(request).await.unwrap().unwrap_or_else(|_| unreachable!());
    let (client, server) = tokio::io::duplex(size);
    take_over(ByteStream::new(server), Bytes::new());
    let mut peer = Peer { stream: client, input: BytesMut::new() };
    peer.read_head().await;
    peer
}

/// The client's side of a connection, frame by frame.
pub(crate) struct Peer {
    stream: DuplexStream,
    input: BytesMut,
}

impl Peer {
    async fn read_head(&mut self) {
        loop {
            if let Some(at) = self.input.windows(4).position(|part| part == b"\r\n\r\n") {
                return self.input.advance(at + 4);
            }
            assert_ne!(self.stream.read_buf(&mut self.input).await.unwrap(), 0);
        }
    }

    /// Sends a frame with a payload of less than 126 bytes.
    pub(crate) async fn send(&mut self, opcode: u8, payload: &str) {
        let mut frame = vec![0x80 | opcode, 0x80 | payload.len() as u8, 0, 0, 0, 0];
        frame.extend_from_slice(payload.as_bytes());
        self.stream.write_all(&frame).await.unwrap();
    }

    /// The opcode and payload of the next frame; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<(u8, Bytes)> {
        loop {
            if let Some(frame) = self.frame() {
                return Some(frame);
            }
            if self.stream.read_buf(&mut self.input).await.unwrap_or(0) == 0 {
                return None;
            }
        }
    }

    fn frame(&mut self) -> Option<(u8, Bytes)> {
        let (first, second) = (*self.input.first()?, *self.input.get(1)?);
        let (header, length) = match second {
            126 => (4, u16::from_be_bytes(self.input.get(2..4)?.try_into().unwrap()).into()),
            127 => (10, u64::from_be_bytes(self.input.get(2..10)?.try_into().unwrap()) as usize),
            short => (2, short.into()),
        };
        if self.input.len() < header + length {
            return None;
        }
        self.input.advance(header);
        Some((first & 15, self.input.split_to(length).freeze()))
    }

    /// The next frame, which must be a text.
    pub(crate) async fn text(&mut self) -> String {
        let (opcode, payload) = self.next().await.unwrap();
        assert_eq!(opcode, TEXT, "{payload:?}");
        String::from_utf8(payload.into()).unwrap()
    }

    /// The code of the next frame, which must be a close.
    pub(crate) async fn close_code(&mut self) -> u16 {
        let (opcode, mut payload) = self.next().await.unwrap();
        assert_eq!(opcode, CLOSE, "{payload:?}");
        payload.get_u16()
    }

    /// Waits for a ping, and answers it.
    pub(crate) async fn answer_ping(&mut self) {
        assert_eq!(self.next().await.unwrap().0, PING);
        self.send(PONG, "").await;
    }
}
