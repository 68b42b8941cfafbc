//! Our side against zlib alone: raw deflate through `flate2`, framed by hand.

use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};
use zlib_rs::{Inflate, InflateFlush};

use crate::connection::outbox::Outbox;
use crate::deflate::compressor::{Compressor, Rules};
use crate::deflate::decompressor::Decompressor;
use crate::deflate::{TAIL, Window};
use crate::frame::header::{Header, MAX_HEADER};
use crate::frame::reader::{Incoming, Reader, Violation};
use crate::frame::{Payload, Role, put_frame};

const LIMIT: usize = 300_000;

const WORDS: [&str; 8] = ["abc", "temperature", "ä€", "{\"id\":1}", "dd", "[1,2,3]", "bca", " "];

/// Texts with repetitions, also from message to message, and bytes without any.
fn messages() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let text = prop::collection::vec(0..WORDS.len(), 0..200)
        .prop_map(|words| words.into_iter().map(|at| WORDS[at]).collect::<String>().into_bytes());
    let long =
        (1usize..3000, 0..WORDS.len()).prop_map(|(count, at)| WORDS[at].repeat(count).into());
    let bytes = (0usize..3000, any::<u64>()).prop_map(|(length, seed)| noise(length, seed));
    prop::collection::vec(prop_oneof![4 => text, 1 => long, 2 => bytes], 1..8)
}

/// Bytes that cannot be compressed.
fn noise(length: usize, mut seed: u64) -> Vec<u8> {
    let next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn window() -> impl Strategy<Value = Window> {
    (8u8..=15, any::<bool>()).prop_map(|(bits, takeover)| Window { bits, takeover })
}

/// What a peer has sent: frames, one behind the other.
#[derive(Default)]
struct Wire(Vec<u8>);

impl Wire {
    fn frame(&mut self, opcode: OpCode, is_final: bool, is_compressed: bool, payload: &[u8]) {
        let mask = Some([1, 2, 3, 4]);
        let header = Header { is_final, is_compressed, opcode, mask, length: payload.len() as u64 };
        let mut bytes = [0; MAX_HEADER];
        let end = header.write(&mut bytes);
        self.0.extend_from_slice(&bytes[..end]);
        self.0
            .extend(payload.iter().zip([1, 2, 3, 4].iter().cycle()).map(|(byte, key)| byte ^ key));
    }

    /// A compressed message in fragments of `size` bytes, with pings between them.
    fn message(&mut self, kind: Data, payload: &[u8], size: usize) {
        let count = payload.len().div_ceil(size).max(1);
        for at in 0..count {
            let part =
                &payload[(at * size).min(payload.len())..((at + 1) * size).min(payload.len())];
            let opcode = OpCode::Data(if at == 0 { kind } else { Data::Continue });
            self.frame(opcode, at + 1 == count, at == 0, part);
            if at + 1 < count {
                self.frame(OpCode::Control(Control::Ping), true, false, b"p");
            }
        }
    }
}

/// Everything but pings, for input that arrives in chunks.
fn read(wire: &[u8], window: Window, chunk: usize) -> (Vec<Payload>, Option<Violation>) {
    let decompressor = Some(Box::new(Decompressor::new(window)));
    let mut reader = Reader::new(Role::Server, LIMIT).with_compression(decompressor);
    let (mut input, mut messages) = (BytesMut::new(), Vec::new());
    for chunk in wire.chunks(chunk) {
        input.extend_from_slice(chunk);
        loop {
            match reader.next(&mut input) {
                Ok(Some(Incoming::Message(message))) => messages.push(message),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(violation) => return (messages, Some(violation)),
            }
        }
    }
    (messages, None)
}

/// How a peer ends the compressed data of a message (RFC 7692 §7.2.3).
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Sync,
    Full,
    /// The final bit is set, and an empty block follows.
    Final,
    /// The final bit is set, and nothing follows.
    FinalAlone,
}

fn deflate(compressor: &mut Compress, message: &[u8], end: End) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() * 2 + 100);
    let flush = match end {
        End::Sync => FlushCompress::Sync,
        End::Full => FlushCompress::Full,
        End::Final | End::FinalAlone => FlushCompress::Finish,
    };
    compressor.compress_vec(message, &mut out, flush).unwrap();
    match end {
        End::Sync | End::Full => {
            // Nothing is flushed twice for an empty message.
            if out.ends_with(&TAIL) {
                out.truncate(out.len() - TAIL.len());
            } else {
                out = vec![0];
            }
        }
        End::Final => {
            out.push(0);
            compressor.reset();
        }
        End::FinalAlone => compressor.reset(),
    }
    out
}

/// Decompresses one message byte by byte, so that zlib refuses what refers further back than the
/// window of `context`.
fn inflate(context: &mut Inflate, body: &[u8]) -> Vec<u8> {
    let body = [body, &TAIL].concat();
    let (mut rest, mut out) = (body.as_slice(), Vec::new());
    loop {
        let (read, written, mut byte) = (context.total_in(), context.total_out(), [0]);
        context.decompress(rest, &mut byte, InflateFlush::SyncFlush).unwrap();
        rest = &rest[(context.total_in() - read) as usize..];
        if context.total_out() == written {
            assert!(rest.is_empty());
            return out;
        }
        out.push(byte[0]);
    }
}

/// The frames of an outbox: whether each is compressed, and its body.
fn bodies(outbox: &mut Outbox) -> Vec<(bool, Vec<u8>)> {
    struct Sink(BytesMut);
    impl tokio::io::AsyncWrite for Sink {
        fn poll_write(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut Context<'_>,
            data: &[u8],
        ) -> Poll<std::io::Result<usize>> {
            self.0.extend_from_slice(data);
            Poll::Ready(Ok(data.len()))
        }
        fn poll_flush(
            self: std::pin::Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<std::io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(
            self: std::pin::Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<std::io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
    let mut sink = Sink(BytesMut::new());
    assert!(outbox.poll_flush(&mut sink, &mut Context::from_waker(Waker::noop())).is_ready());
    let (mut rest, mut found) = (sink.0.as_ref(), Vec::new());
    while let Some((header, start)) = Header::read(rest, Role::Client).unwrap() {
        let end = start + header.length as usize;
        found.push((header.is_compressed, rest[start..end].to_vec()));
        rest = &rest[end..];
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn what_zlib_compresses_is_read(
        messages in messages(), bits in 9u8..=15, takeover in any::<bool>(), level in 0u32..=9,
        end in prop_oneof![Just(End::Sync), Just(End::Full), Just(End::Final), Just(End::FinalAlone)],
        size in 1usize..20_000, chunk in 1usize..70_000,
    ) {
        let mut compressor = Compress::new_with_window_bits(Compression::new(level), false, bits);
        let mut wire = Wire::default();
        for (at, message) in messages.iter().enumerate() {
            wire.message(Data::Binary, &deflate(&mut compressor, message, end), size);
            if !takeover {
                compressor.reset();
            }
            if at % 3 == 2 {
                wire.frame(OpCode::Data(Data::Text), true, false, b"plain");
            }
        }
        let (found, violation) = read(&wire.0, Window { bits, takeover }, chunk);
        let mut expected = Vec::new();
        for (at, message) in messages.iter().enumerate() {
            expected.push(Payload::Binary(message.clone().into()));
            if at % 3 == 2 {
                expected.push(Payload::Text("plain".into()));
            }
        }
        prop_assert_eq!(violation, None);
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn zlib_reads_what_is_compressed_within_the_agreed_window(
        messages in messages(), window in window(), level in 1u8..=9, threshold in 0usize..200,
    ) {
        let rules = Rules { threshold, level };
        let mut outbox = Outbox::new(Role::Server, usize::MAX);
        outbox.compress(Compressor::new(rules, window));
        for message in &messages {
            outbox.push(Payload::Binary(message.clone().into()));
        }
        let mut context = Inflate::new(false, window.bits);
        let found = bodies(&mut outbox);
        prop_assert_eq!(found.len(), messages.len());
        for ((is_compressed, body), message) in found.iter().zip(&messages) {
            if *is_compressed {
                prop_assert!(message.len() >= threshold && !message.is_empty());
                prop_assert_eq!(&inflate(&mut context, body), message);
                if !window.takeover {
                    prop_assert!(body.len() < message.len());
                    context = Inflate::new(false, window.bits);
                }
            } else {
                prop_assert_eq!(body, message);
                prop_assert!(!window.takeover || message.len() < threshold.max(1));
            }
        }
    }

    #[test]
    fn damaged_data_is_refused_or_read_and_never_panics(
        body in prop::collection::vec(any::<u8>(), 0..300), size in 1usize..100,
        takeover in any::<bool>(),
    ) {
        let mut wire = Wire::default();
        wire.message(Data::Text, &body, size);
        wire.message(Data::Binary, &body, size);
        let (_, violation) = read(&wire.0, Window { bits: 15, takeover }, 50);
        let codes = [CloseCode::Invalid, CloseCode::Size];
        prop_assert!(violation.is_none_or(|violation| codes.contains(&violation.code)));
    }
}

const ALONE: Window = Window { bits: 15, takeover: false };

#[test]
fn a_message_that_grows_beyond_the_limit_while_it_is_decompressed_is_refused() {
    let mut compressor = Compress::new(Compression::best(), false);
    for (length, code) in [(LIMIT, None), (LIMIT + 1, Some(CloseCode::Size))] {
        for size in [usize::MAX >> 1, 7] {
            let body = deflate(&mut compressor, &vec![0; length], End::Final);
            let mut wire = Wire::default();
            wire.message(Data::Binary, &body, size);
            let (found, violation) = read(&wire.0, ALONE, usize::MAX);
            assert_eq!(violation.map(|violation| violation.code), code, "{length}");
            assert_eq!(found.len(), usize::from(code.is_none()));
        }
    }
}

#[test]
fn what_cannot_be_compressed_may_be_as_large_as_the_limit() {
    let noise = noise(LIMIT, 1);
    let body = deflate(&mut Compress::new(Compression::fast(), false), &noise, End::Sync);
    assert!(body.len() > LIMIT);
    let mut wire = Wire::default();
    wire.message(Data::Binary, &body, usize::MAX >> 1);
    let (found, violation) = read(&wire.0, ALONE, usize::MAX);
    assert_eq!(violation, None);
    assert!(found == [Payload::Binary(noise.into())]);
}

#[test]
fn a_large_message_is_decompressed_in_parts() {
    let body = deflate(&mut Compress::new(Compression::best(), false), &[0; LIMIT], End::Sync);
    let mut input = BytesMut::new();
    put_frame(&mut input, Role::Server, OpCode::Data(Data::Binary), &body);
    input[0] |= 0x40;
    let decompressor = Some(Box::new(Decompressor::new(ALONE)));
    let mut reader = Reader::new(Role::Client, LIMIT).with_compression(decompressor);
    assert_eq!(reader.next(&mut input), Ok(Some(Incoming::Part)));
    let message = reader.next(&mut input).unwrap();
    assert_eq!(message, Some(Incoming::Message(Payload::Binary(vec![0; LIMIT].into()))));
}

#[test]
fn the_bit_of_compression_is_refused_where_it_must_not_be() {
    let text = OpCode::Data(Data::Text);
    let next = OpCode::Data(Data::Continue);
    let ping = OpCode::Control(Control::Ping);
    let mut plain_start = Wire::default();
    plain_start.frame(text, false, false, b"a");
    plain_start.frame(next, true, true, b"b");
    let mut compressed_ping = Wire::default();
    compressed_ping.frame(ping, true, true, b"");
    let mut other_bit = Wire::default();
    other_bit.frame(text, true, false, b"a");
    other_bit.0[0] |= 0x20;
    for wire in [plain_start, compressed_ping, other_bit] {
        let (_, violation) = read(&wire.0, ALONE, usize::MAX);
        assert_eq!(violation.map(|violation| violation.code), Some(CloseCode::Protocol));
    }
    let mut not_agreed = Wire::default();
    not_agreed.frame(text, true, true, b"a");
    let mut reader = Reader::new(Role::Server, LIMIT);
    let violation = reader.next(&mut BytesMut::from(not_agreed.0.as_slice())).unwrap_err();
    assert_eq!(violation.code, CloseCode::Protocol);
}

#[test]
fn a_compressed_text_must_be_utf8() {
    let body = deflate(&mut Compress::new(Compression::fast(), false), b"ab\xff", End::Sync);
    for size in [100, 1] {
        let mut wire = Wire::default();
        wire.message(Data::Text, &body, size);
        let (_, violation) = read(&wire.0, ALONE, usize::MAX);
        assert_eq!(violation.map(|violation| violation.code), Some(CloseCode::Invalid));
    }
}
