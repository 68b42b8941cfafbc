//! Echo of compressed messages: every answer is decompressed and compared.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

use super::client;
use super::frame;
use super::idle::settled;
use super::in_flight;
use super::{Meter, Target, Window};
use crate::flow::Flow;
use crate::sample::{Metric, Sample};

/// What every compressed message ends with, which is not sent.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The bits of the first byte of a compressed text.
const COMPRESSED_TEXT: u8 = 0xc1;

/// The messages to send.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) connections: usize,
    pub(super) in_flight: usize,
    pub(super) size: usize,
    pub(super) flow: Flow,
}

/// A message as zlib compresses it by itself, with its tail. With context takeover a sender need not
/// refer to earlier messages.
pub(crate) fn compressed(message: &str) -> Result<Vec<u8>> {
    let mut out = Vec::with_capacity(message.len() + 64);
    let mut compressor = Compress::new(Compression::new(6), false);
    compressor.compress_vec(message.as_bytes(), &mut out, FlushCompress::Sync)?;
    ensure!(out.ends_with(&TAIL), "zlib did not flush a message");
    Ok(out)
}

/// Measures the server.
pub(super) fn run(load: &Load, target: Target, window: Window) -> Result<Sample> {
    let takeover = load.flow == Flow::CompressedTakeover;
    let mut peers = Vec::new();
    for tag in 0..load.connections {
        let stream = connect(target, &load.flow.path(), takeover)?;
        peers.push(Peer::new(stream, Ring::new(load, tag)?, takeover));
    }
    in_flight::run(&mut peers, target, window)
}

/// The server's memory for a connection that has agreed on compression and echoed one message.
pub(crate) fn idle(flow: Flow, connections: usize, target: Target) -> Result<Sample> {
    let open = |count: usize| -> Result<Vec<TcpStream>> {
        let load = Load { connections: count, in_flight: 1, size: 1_024, flow };
        let takeover = flow == Flow::CompressedTakeover;
        let ring = Ring::new(&load, 0)?;
        (0..count)
            .map(|_| {
                let mut stream = connect(target, &flow.path(), takeover)?;
                stream.write_all(ring.frames.first().context("no message to send")?)?;
                let mut answer = [0; 1_024];
                ensure!(stream.read(&mut answer)? > 0, "the server closed a connection");
                Ok(stream)
            })
            .collect()
    };
    // The first connections include one-time allocations.
    let few = open(20)?;
    let before = settled(target.pid)?;
    let many = open(connections)?;
    let each = (settled(target.pid)? as f64 - before as f64) / connections as f64;
    drop((few, many));
    Ok(Sample::default().with(Metric::RssPerConnection, each / 1_024.0))
}

/// The server must agree on what is measured.
fn connect(target: Target, path: &str, takeover: bool) -> Result<TcpStream> {
    let alone = "; server_no_context_takeover; client_no_context_takeover";
    let offer = format!("permessage-deflate{}", if takeover { "" } else { alone });
    let mut stream = client::open(target.addr)?;
    let request = client::request(target.addr, path);
    let request = request.trim_end().to_owned();
    write!(stream, "{request}\r\nSec-WebSocket-Extensions: {offer}\r\n\r\n")?;
    let answer = client::accepted(&mut stream, path)?;
    let answer = answer.to_ascii_lowercase();
    ensure!(answer.contains("permessage-deflate"), "the server does not compress");
    ensure!(
        answer.contains("server_no_context_takeover") != takeover,
        "the server did not agree on its context"
    );
    Ok(stream)
}

/// Distinct messages, more than are ever in flight.
struct Ring {
    /// Frames as sent.
    frames: Vec<Vec<u8>>,
    texts: Vec<String>,
}

impl Ring {
    fn new(load: &Load, tag: usize) -> Result<Self> {
        let (mut frames, mut texts) = (Vec::new(), Vec::new());
        for number in 0..=load.in_flight {
            let (text, _) = load.flow.exchange(tag, number, load.size)?;
            let mut body = compressed(&text)?;
            body.truncate(body.len() - TAIL.len());
            frames.push(frame::masked(COMPRESSED_TEXT, &body));
            texts.push(text);
        }
        Ok(Self { frames, texts })
    }
}

struct Peer {
    stream: TcpStream,
    ring: Ring,
    decompressor: Decompress,
    takeover: bool,
    under_way: VecDeque<Instant>,
    output: VecDeque<u8>,
    input: Vec<u8>,
    plain: Vec<u8>,
    sent: usize,
    received: usize,
}

impl Peer {
    fn new(stream: TcpStream, ring: Ring, takeover: bool) -> Self {
        Self {
            stream,
            ring,
            decompressor: Decompress::new(false),
            takeover,
            under_way: VecDeque::new(),
            output: VecDeque::new(),
            input: Vec::new(),
            plain: Vec::new(),
            sent: 0,
            received: 0,
        }
    }

    /// Compares the next answer.
    fn check(&mut self, body: &[u8]) -> Result<()> {
        self.plain.clear();
        self.plain.reserve(64 << 10);
        self.decompressor.decompress_vec(body, &mut self.plain, FlushDecompress::Sync)?;
        if !self.takeover {
            self.decompressor.reset(false);
        }
        let texts = &self.ring.texts;
        let expected = texts.get(self.received % texts.len()).map(String::as_bytes);
        ensure!(
            expected == Some(&self.plain),
            "message `{}` of a connection is not what was sent",
            self.received
        );
        self.received += 1;
        Ok(())
    }
}

impl in_flight::Peer for Peer {
    fn stream(&self) -> &TcpStream {
        &self.stream
    }

    fn refill(&mut self, now: Instant) -> Result<()> {
        let frames = &self.ring.frames;
        // One more than are ever in flight.
        while self.under_way.len() + 1 < frames.len() {
            self.output.extend(frames.get(self.sent % frames.len()).into_iter().flatten());
            self.sent += 1;
            self.under_way.push_back(now);
        }
        while !self.output.is_empty() {
            let written = client::write_ready(&mut self.stream, self.output.make_contiguous())?;
            if written == 0 {
                break;
            }
            self.output.drain(..written);
        }
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8], meter: &mut Meter) -> Result<()> {
        loop {
            let room = buffer.len();
            let read = client::read_ready(&mut self.stream, buffer)?;
            self.input.extend_from_slice(read);
            let is_over = read.len() < room;
            let mut taken = 0;
            while let Some((body, end)) = answer(self.input.get(taken..).unwrap_or_default())? {
                let body = [body, &TAIL].concat();
                self.check(&body)?;
                taken += end;
                let sent = self.under_way.pop_front().context("more answers than messages")?;
                meter.record(sent.elapsed(), 1);
            }
            self.input.drain(..taken);
            if is_over {
                return Ok(());
            }
        }
    }
}

/// The body of the first frame of a server, if it is complete, and the frame's length.
fn answer(input: &[u8]) -> Result<Option<(&[u8], usize)>> {
    let (start, length) = match *input {
        [COMPRESSED_TEXT, 126, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
        [COMPRESSED_TEXT, length @ 0..126, ..] => (2, usize::from(length)),
        [COMPRESSED_TEXT] | [COMPRESSED_TEXT, 126, ..] | [] => return Ok(None),
        [first, ..] => {
            bail!("expected a compressed text, found a frame that begins with {first:#x}")
        }
    };
    Ok(input.get(start..start + length).map(|body| (body, start + length)))
}
