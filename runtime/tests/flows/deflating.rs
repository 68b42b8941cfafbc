//! A WebSocket peer that compresses: frames by hand, deflate by zlib.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::support::soon;

/// No context takeover on either side.
pub(crate) const ALONE: &str =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// One frame.
#[derive(Debug, PartialEq)]
pub(crate) struct Frame {
    pub(crate) opcode: u8,
    pub(crate) is_final: bool,
    pub(crate) is_compressed: bool,
    pub(crate) is_masked: bool,
    pub(crate) body: Vec<u8>,
}

impl Frame {
    fn new(opcode: u8, body: &[u8]) -> Self {
        Frame {
            opcode,
            is_final: true,
            is_compressed: false,
            is_masked: false,
            body: body.to_vec(),
        }
    }

    pub(crate) fn text(body: &[u8]) -> Self {
        Frame::new(1, body)
    }

    pub(crate) fn ping(body: &[u8]) -> Self {
        Frame::new(9, body)
    }

    pub(crate) fn pong(body: &[u8]) -> Self {
        Frame::new(10, body)
    }

    /// A part of a compressed text that is not the last.
    pub(crate) fn part(at: usize, body: &[u8]) -> Self {
        let is_first = at == 0;
        let opcode = u8::from(is_first);
        Frame { is_final: false, is_compressed: is_first, ..Frame::new(opcode, body) }
    }

    /// The last part of a message.
    pub(crate) fn end(body: &[u8]) -> Self {
        Frame::new(0, body)
    }
}

/// How compressed data ends.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum End {
    Flushed,
    /// With a final block.
    Final,
}

/// A peer, of a listener or of a client.
pub(crate) struct Deflating {
    stream: TcpStream,
    /// A client masks its frames.
    masks: bool,
    compressor: Compress,
    decompressor: Decompress,
    our_takeover: bool,
    their_takeover: bool,
    output: Vec<u8>,
}

impl Deflating {
    fn new(stream: TcpStream, masks: bool) -> Self {
        stream.set_nodelay(true).unwrap();
        Deflating {
            stream,
            masks,
            // Small enough for every agreement.
            compressor: Compress::new_with_window_bits(Compression::default(), false, 9),
            decompressor: Decompress::new(false),
            our_takeover: false,
            their_takeover: false,
            output: Vec::new(),
        }
    }

    /// Connects to a listener with an offer; returns its answer as well.
    pub(crate) async fn connect(address: &str, path: &str, offer: &str) -> (Self, Option<String>) {
        let (stream, head) = request(address, path, offer).await;
        assert!(head.starts_with("HTTP/1.1 101 "), "{offer}: {head}");
        (Deflating::new(stream, true), extensions(&head))
    }

    /// The response to an offer that is refused.
    pub(crate) async fn refused(address: &str, path: &str, offer: &str) -> String {
        request(address, path, offer).await.1
    }

    /// Accepts a client with an answer; returns its offer as well.
    pub(crate) async fn accept(mut stream: TcpStream, answer: &str) -> (Self, String) {
        let head = head(&mut stream).await;
        let key = header(&head, "sec-websocket-key").unwrap();
        let key = derive_accept_key(key.as_bytes());
        let extension = match answer {
            "" => String::new(),
            answer => format!("Sec-WebSocket-Extensions: {answer}\r\n"),
        };
        let response = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {key}\r\n{extension}\r\n"
        );
        stream.write_all(response.as_bytes()).await.unwrap();
        (Deflating::new(stream, false), extensions(&head).unwrap_or_default())
    }

    /// Both sides keep their contexts.
    pub(crate) fn with_takeover(self) -> Self {
        Deflating { our_takeover: true, their_takeover: true, ..self }
    }

    /// The other side keeps its context.
    pub(crate) fn with_takeover_of_server(self, takeover: bool) -> Self {
        Deflating { their_takeover: takeover, ..self }
    }

    /// Zeros, compressed: as many MiB.
    pub(crate) fn zeros(mebibytes: usize) -> Vec<u8> {
        let mut compressor = Compress::new(Compression::best(), false);
        let mut part = Vec::with_capacity(1 << 16);
        compressor.compress_vec(&vec![0; 1 << 20], &mut part, FlushCompress::Full).unwrap();
        // After a full flush, nothing refers to what was before.
        let mut out = part.repeat(mebibytes);
        out.truncate(out.len() - TAIL.len());
        out
    }

    pub(crate) fn deflate(&mut self, text: &[u8], end: End) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len() * 2 + 100);
        match end {
            End::Flushed => {
                self.compressor.compress_vec(text, &mut out, FlushCompress::Sync).unwrap();
                out.truncate(out.len() - TAIL.len());
            }
            End::Final => {
                self.compressor.compress_vec(text, &mut out, FlushCompress::Finish).unwrap();
                out.push(0);
            }
        }
        if !self.our_takeover || end == End::Final {
            self.compressor.reset();
        }
        out
    }

    pub(crate) fn inflate(&mut self, body: &[u8]) -> Vec<u8> {
        let (body, mut out) = ([body, &TAIL].concat(), Vec::new());
        let start = self.decompressor.total_in();
        loop {
            out.reserve(1 << 16);
            let read = (self.decompressor.total_in() - start) as usize;
            let status =
                self.decompressor.decompress_vec(&body[read..], &mut out, FlushDecompress::Sync);
            assert_ne!(status.unwrap(), Status::StreamEnd);
            if out.len() < out.capacity() {
                break;
            }
        }
        if !self.their_takeover {
            self.decompressor.reset(false);
        }
        out
    }

    /// Sends a compressed text.
    pub(crate) async fn send(&mut self, text: &str) {
        self.send_without_waiting(text);
        self.flush().await;
    }

    pub(crate) fn send_without_waiting(&mut self, text: &str) {
        let body = match text {
            "" => vec![0],
            text => self.deflate(text.as_bytes(), End::Flushed),
        };
        self.put(Frame { is_compressed: true, ..Frame::text(&body) });
    }

    pub(crate) async fn send_frame(&mut self, frame: Frame) {
        self.put(frame);
        self.flush().await;
    }

    /// Errors show at the next read.
    pub(crate) async fn flush(&mut self) {
        let output = std::mem::take(&mut self.output);
        let _gone = soon("room for a frame", self.stream.write_all(&output)).await;
    }

    fn put(&mut self, frame: Frame) {
        let first = u8::from(frame.is_final) << 7 | u8::from(frame.is_compressed) << 6;
        self.output.push(first | frame.opcode);
        let mask = u8::from(self.masks) << 7;
        match frame.body.len() {
            short @ 0..126 => self.output.push(mask | short as u8),
            long => {
                self.output.push(mask | 127);
                self.output.extend((long as u64).to_be_bytes());
            }
        }
        let key: &[u8] = if self.masks { &[1, 2, 3, 4] } else { &[0] };
        if self.masks {
            self.output.extend(key);
        }
        self.output.extend(frame.body.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key));
    }

    /// The next frame.
    pub(crate) async fn frame(&mut self) -> Frame {
        soon("a frame", self.read_frame()).await.unwrap()
    }

    async fn read_frame(&mut self) -> std::io::Result<Frame> {
        let (first, second) = (self.stream.read_u8().await?, self.stream.read_u8().await?);
        let length = match second & 0x7f {
            126 => self.stream.read_u16().await?.into(),
            127 => self.stream.read_u64().await?,
            short => short.into(),
        };
        let is_masked = second & 0x80 != 0;
        let mut key = [0; 4];
        if is_masked {
            self.stream.read_exact(&mut key).await?;
        }
        let mut body = vec![0; length as usize];
        self.stream.read_exact(&mut body).await?;
        body.iter_mut().zip(key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
        let is_final = first & 0x80 != 0;
        let is_compressed = first & 0x40 != 0;
        Ok(Frame { opcode: first & 0x0f, is_final, is_compressed, is_masked, body })
    }

    /// The next text, compressed or not.
    pub(crate) async fn text(&mut self) -> String {
        let frame = self.frame().await;
        assert_eq!(frame.opcode, 1, "expected a text, not {frame:?}");
        let body = if frame.is_compressed { self.inflate(&frame.body) } else { frame.body };
        String::from_utf8(body).unwrap()
    }

    /// The code of the next frame, a close, after which the connection must end.
    pub(crate) async fn close_code(&mut self) -> u16 {
        let frame = self.frame().await;
        assert_eq!(frame.opcode, 8, "expected a close, not {frame:?}");
        assert!(self.is_over().await);
        u16::from_be_bytes([frame.body[0], frame.body[1]])
    }

    /// Whether the connection ends without another frame.
    pub(crate) async fn is_over(&mut self) -> bool {
        soon("the end", self.stream.read_u8()).await.is_err()
    }

    /// Closes and waits for the end.
    pub(crate) async fn close(mut self) {
        self.send_frame(Frame::new(8, &1000u16.to_be_bytes())).await;
        assert_eq!(self.close_code().await, 1000);
    }
}

async fn request(address: &str, path: &str, offer: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Extensions: {offer}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let head = head(&mut stream).await;
    (stream, head)
}

async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon("a head", stream.read_u8()).await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

fn extensions(head: &str) -> Option<String> {
    header(head, "sec-websocket-extensions")
}

fn header(head: &str, name: &str) -> Option<String> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then(|| value.to_owned())
    })
}
