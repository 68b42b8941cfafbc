//! Reads frames from a byte stream and assembles messages (RFC 6455 §5 and §7).

use bytes::{Buf, Bytes, BytesMut};
use ferrowire_core::{INLINE_LEN, Text};
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

use crate::deflate::decompressor::{Decompressor, Garbage, Progress};
use crate::frame::fragments::Fragments;
use crate::frame::header::{Header, RESERVED};
use crate::frame::{Close, Payload, Role, apply_mask};

/// Payloads below this size are copied, so that a retained message does not keep the whole read
/// buffer; larger ones are slices of the buffer.
const SLICE_FROM: usize = 16 * 1024;

/// The maximum reserved for a frame before its bytes arrive, since its length is not trusted.
const TRUST: usize = 64 * 1024;

/// Of an incomplete frame, so many bytes are checked for valid text.
const LOOK_AHEAD: usize = 4096;

/// A received message or control frame.
#[derive(Debug, PartialEq)]
pub(crate) enum Incoming {
    Message(Payload),
    /// A part of a compressed message is decompressed; the caller should let others work before it
    /// asks for the next.
    Part,
    Ping(Bytes),
    Pong,
    Close(Close),
}

/// A violation of the protocol or of a limit: the close code and the reason.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct Violation {
    pub(crate) code: CloseCode,
    pub(crate) reason: &'static str,
}

fn protocol(reason: &'static str) -> Violation {
    Violation { code: CloseCode::Protocol, reason }
}

const TOO_BIG: Violation =
    Violation { code: CloseCode::Size, reason: "the message is larger than allowed" };
const GARBAGE: Violation =
    Violation { code: CloseCode::Invalid, reason: "a compressed message is damaged" };
pub(super) const NOT_UTF8: Violation =
    Violation { code: CloseCode::Invalid, reason: "a text is not valid UTF-8" };

/// Splits a byte stream into messages.
#[derive(Debug)]
pub(crate) struct Reader {
    role: Role,
    max_message: usize,
    /// The header of a frame whose payload is incomplete.
    header: Option<Header>,
    /// How much of that payload is unmasked already.
    unmasked: usize,
    /// The fragments received so far of a fragmented message.
    fragments: Option<Box<Fragments>>,
    /// Present if compression was agreed on.
    decompressor: Option<Box<Decompressor>>,
}

/// The number of parts of a compressed message, of 64 KiB each, until others may work.
const PARTS_IN_A_ROW: usize = 4;

impl Reader {
    /// A reader for messages of at most `max_message` bytes.
    pub(crate) fn new(role: Role, max_message: usize) -> Self {
        Reader { role, max_message, header: None, unmasked: 0, fragments: None, decompressor: None }
    }

    /// Accepts compressed messages.
    pub(crate) fn with_compression(mut self, decompressor: Option<Box<Decompressor>>) -> Self {
        self.decompressor = decompressor;
        self
    }

    /// The room in `input` that the rest of the current frame needs; 0 if unknown.
    pub(crate) fn wanted(&self, input: &BytesMut) -> usize {
        let Some(Header { length, .. }) = self.header else { return 0 };
        let missing = (length as usize).saturating_sub(input.len());
        missing.min(TRUST.max(input.len()))
    }

    /// The next message or control frame in `input`; `None` if more bytes are needed, which the
    /// caller must append to `input`.
    pub(crate) fn next(&mut self, input: &mut BytesMut) -> Result<Option<Incoming>, Violation> {
        loop {
            if let Some(decompressor) = self.decompressor.as_deref_mut().filter(|it| it.is_busy())
                && let Some(incoming) =
                    decompress(decompressor, &mut self.fragments, self.max_message)?
            {
                return Ok(Some(incoming));
            }
            let header = match self.header.take() {
                Some(header) => header,
                None => match self.read_header(input)? {
                    Some(header) => header,
                    None => return Ok(None),
                },
            };
            if header.length > input.len() as u64 {
                let so_far = self.look_ahead(&header, input);
                self.header = Some(header);
                return so_far.map(|()| None);
            }
            let start = std::mem::take(&mut self.unmasked);
            unmask(&mut input[start..header.length as usize], &header, start);
            if let Some(incoming) = self.frame(&header, input)? {
                return Ok(Some(incoming));
            }
        }
    }

    fn read_header(&self, input: &mut BytesMut) -> Result<Option<Header>, Violation> {
        let Some((header, length)) = Header::read(input, self.role)? else { return Ok(None) };
        if header.is_compressed && self.decompressor.is_none() {
            return Err(RESERVED);
        }
        if matches!(header.opcode, OpCode::Data(_)) && header.length > self.longest(&header) {
            return Err(TOO_BIG);
        }
        input.advance(length);
        Ok(Some(header))
    }

    /// Refuses a text that is already wrong, before the rest of its frame arrives. Only for a short
    /// beginning: a large frame arrives in many parts, and is checked once it is complete.
    fn look_ahead(&mut self, header: &Header, input: &mut BytesMut) -> Result<(), Violation> {
        if input.len() > LOOK_AHEAD || !self.begins_with_text(header) {
            return Ok(());
        }
        unmask(&mut input[self.unmasked..], header, self.unmasked);
        self.unmasked = input.len();
        match std::str::from_utf8(input) {
            Err(error) if error.error_len().is_some() => Err(NOT_UTF8),
            _ => Ok(()),
        }
    }

    /// Whether the frame's payload is text, and its first byte begins a character.
    fn begins_with_text(&self, header: &Header) -> bool {
        match (header.opcode, &self.fragments) {
            (OpCode::Data(Data::Text), None) => !header.is_compressed,
            (OpCode::Data(Data::Continue), Some(fragments)) => {
                !fragments.is_compressed && fragments.is_whole_text()
            }
            _ => false,
        }
    }

    /// The maximum length of a data frame at this place in its message.
    fn longest(&self, header: &Header) -> u64 {
        let plain = match &self.fragments {
            Some(fragments) if fragments.is_compressed => None,
            None if header.is_compressed => None,
            Some(fragments) => Some(self.max_message.saturating_sub(fragments.length())),
            None => Some(self.max_message),
        };
        // What cannot be compressed becomes longer: a byte takes up to nine bits.
        let longest = plain.unwrap_or_else(|| {
            self.max_message.saturating_add(self.max_message / 8).saturating_add(64)
        });
        longest as u64
    }

    /// Takes one frame with unmasked payload from the start of `input`.
    fn frame(
        &mut self,
        header: &Header,
        input: &mut BytesMut,
    ) -> Result<Option<Incoming>, Violation> {
        let length = header.length as usize;
        match header.opcode {
            OpCode::Control(Control::Ping) => Ok(Some(Incoming::Ping(take(input, length)))),
            OpCode::Control(Control::Pong) => {
                input.advance(length);
                Ok(Some(Incoming::Pong))
            }
            OpCode::Control(_) => {
                close(take(input, length)).map(|close| Some(Incoming::Close(close)))
            }
            OpCode::Data(Data::Continue) => self.fragment(header.is_final, take(input, length)),
            OpCode::Data(_) if self.fragments.is_some() => {
                Err(protocol("a new message started before the previous one ended"))
            }
            OpCode::Data(kind) if header.is_compressed => {
                self.fragments = Some(Fragments::new(kind, true));
                self.fragment(header.is_final, take(input, length))
            }
            OpCode::Data(kind) if header.is_final => {
                whole(kind, input, length).map(|message| Some(Incoming::Message(message)))
            }
            OpCode::Data(kind) => {
                let mut first = Fragments::new(kind, false);
                first.append(&take(input, length))?;
                self.fragments = Some(first);
                Ok(None)
            }
        }
    }

    fn fragment(&mut self, last: bool, payload: Bytes) -> Result<Option<Incoming>, Violation> {
        let Some(fragments) = &mut self.fragments else {
            return Err(protocol("a continuation frame without a message"));
        };
        if fragments.is_compressed
            && let Some(decompressor) = &mut self.decompressor
        {
            decompressor.begin(payload, last);
            return Ok(None);
        }
        fragments.append(&payload)?;
        if last { Fragments::assemble(self.fragments.take()) } else { Ok(None) }
    }
}

/// Unmasks bytes at `start` in the payload of a frame.
fn unmask(bytes: &mut [u8], header: &Header, start: usize) {
    if let Some(mut mask) = header.mask {
        mask.rotate_left(start % 4);
        apply_mask(bytes, mask);
    }
}

/// Goes on with the current frame of a compressed message; `None` at the end of a frame that is not
/// the last.
fn decompress(
    decompressor: &mut Decompressor,
    fragments: &mut Option<Box<Fragments>>,
    max_message: usize,
) -> Result<Option<Incoming>, Violation> {
    for _ in 0..PARTS_IN_A_ROW {
        let part = decompressor.part(|part, progress| {
            let Some(fragments) = fragments else { return Ok(progress) };
            if part.len() > max_message.saturating_sub(fragments.length()) {
                return Err(TOO_BIG);
            }
            fragments.append(part).map(|()| progress)
        });
        match part.map_err(|Garbage| GARBAGE)?? {
            Progress::Part => {}
            Progress::Frame => return Ok(None),
            Progress::Message => return Fragments::assemble(fragments.take()),
        }
    }
    Ok(Some(Incoming::Part))
}

/// Copies small payloads, splits off large ones.
fn take(input: &mut BytesMut, length: usize) -> Bytes {
    if length >= SLICE_FROM {
        return input.split_to(length).freeze();
    }
    let payload = Bytes::copy_from_slice(&input[..length]);
    input.advance(length);
    payload
}

/// A message in one frame. Short texts need no allocation.
fn whole(kind: Data, input: &mut BytesMut, length: usize) -> Result<Payload, Violation> {
    if kind == Data::Text && length <= INLINE_LEN {
        let text = std::str::from_utf8(&input[..length]).map_err(|_| NOT_UTF8)?;
        let text = Text::from(text);
        input.advance(length);
        return Ok(Payload::Text(text));
    }
    message(kind, take(input, length))
}

pub(super) fn message(kind: Data, payload: Bytes) -> Result<Payload, Violation> {
    if kind == Data::Text {
        return Text::from_utf8(payload).map(Payload::Text).map_err(|_| NOT_UTF8);
    }
    Ok(Payload::Binary(payload))
}

fn close(mut payload: Bytes) -> Result<Close, Violation> {
    match payload.len() {
        0 => return Ok(Close { code: None, reason: Text::new() }),
        1 => return Err(protocol("a close code of one byte")),
        _ => {}
    }
    let code = payload.get_u16();
    if !CloseCode::from(code).is_allowed() {
        return Err(protocol("a close code that must not be sent"));
    }
    let reason = Text::from_utf8(payload).map_err(|_| NOT_UTF8)?;
    Ok(Close { code: Some(code), reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::put_frame;
    use proptest::prelude::*;
    use tungstenite::protocol::{WebSocketConfig, WebSocketContext};

    const LIMIT: usize = 1000;

    fn read_all(role: Role, chunks: &[&[u8]]) -> (Vec<Incoming>, Option<Violation>) {
        let mut reader = Reader::new(role, LIMIT);
        let (mut input, mut all) = (BytesMut::new(), Vec::new());
        for chunk in chunks {
            input.extend_from_slice(chunk);
            loop {
                match reader.next(&mut input) {
                    Ok(Some(incoming)) => all.push(incoming),
                    Ok(None) => break,
                    Err(violation) => return (all, Some(violation)),
                }
            }
        }
        (all, None)
    }

    fn code_of(bytes: &[u8]) -> Option<u16> {
        read_all(Role::Server, &[bytes]).1.map(|violation| violation.code.into())
    }

    #[test]
    fn an_unmasked_frame_of_a_client_is_a_protocol_error() {
        assert_eq!(code_of(b"\x81\x01x"), Some(1002));
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_its_bytes_arrive() {
        assert_eq!(code_of(b"\x82\xff\x00\x00\x00\x00\x06\x40\x00\x00abcd"), Some(1009));
        assert_eq!(code_of(b"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xffabcd"), Some(1009));
    }

    #[test]
    fn fragments_that_grow_beyond_the_limit_are_refused() {
        let mut bytes = BytesMut::new();
        put_frame(&mut bytes, Role::Client, OpCode::Data(Data::Binary), &[0; LIMIT]);
        bytes[0] &= 0x7f;
        put_frame(&mut bytes, Role::Client, OpCode::Data(Data::Continue), b"x");
        assert_eq!(code_of(&bytes), Some(1009));
    }

    #[test]
    fn invalid_utf8_is_refused() {
        assert_eq!(code_of(b"\x81\x81\x00\x00\x00\x00\xff"), Some(1007));
    }

    #[test]
    fn invalid_utf8_is_refused_before_the_rest_of_its_frame_arrives() {
        let mut frame = BytesMut::new();
        put_frame(&mut frame, Role::Client, OpCode::Data(Data::Text), "aä€\u{1f600}".as_bytes());
        let (all, violation) = read_all(Role::Server, &frame.chunks(1).collect::<Vec<_>>());
        assert_eq!((all.len(), violation), (1, None));
        let mut frame = BytesMut::new();
        put_frame(&mut frame, Role::Client, OpCode::Data(Data::Text), b"abc\xed\xa0\x80 and more");
        for step in 1..8 {
            let end = 6 + 5;
            let chunks: Vec<_> = frame[..end].chunks(step).collect();
            let code = read_all(Role::Server, &chunks).1.map(|violation| violation.code.into());
            assert_eq!(code, Some(1007_u16), "{step}");
        }
        // In a fragment as well.
        let mut bytes = BytesMut::new();
        put_frame(&mut bytes, Role::Client, OpCode::Data(Data::Text), b"ab");
        bytes[0] &= 0x7f;
        put_frame(&mut bytes, Role::Client, OpCode::Data(Data::Continue), b"c\xff and more");
        bytes.truncate(bytes.len() - 5);
        assert_eq!(code_of(&bytes), Some(1007));
    }

    #[test]
    fn a_claimed_length_reserves_little_until_bytes_arrive() {
        let mut reader = Reader::new(Role::Client, usize::MAX);
        let mut input = BytesMut::from(&b"\x82\x7f\x00\x00\x00\x00\x7f\xff\xff\xff"[..]);
        assert_eq!(reader.next(&mut input), Ok(None));
        assert_eq!(reader.wanted(&input), TRUST);
    }

    /// The result of tungstenite for the same bytes: messages, and whether an error follows. A
    /// close frame ends them; tungstenite answers one with a forbidden code with 1002 itself.
    fn oracle(bytes: &[u8]) -> (Vec<Incoming>, Option<bool>) {
        let config =
            WebSocketConfig::default().max_message_size(Some(LIMIT)).max_frame_size(Some(LIMIT));
        let mut context = WebSocketContext::new(tungstenite::protocol::Role::Server, Some(config));
        let mut stream = OneWay(std::io::Cursor::new(bytes.to_vec()));
        let mut all = Vec::new();
        loop {
            use tungstenite::Message;
            match context.read(&mut stream) {
                Ok(Message::Text(text)) => {
                    all.push(Incoming::Message(Payload::Text(text.as_str().into())));
                }
                Ok(Message::Binary(bytes)) => all.push(Incoming::Message(Payload::Binary(bytes))),
                Ok(Message::Ping(bytes)) => all.push(Incoming::Ping(bytes)),
                Ok(Message::Pong(_)) => all.push(Incoming::Pong),
                Ok(Message::Close(_)) => return (all, None),
                Ok(Message::Frame(_)) => {}
                Err(tungstenite::Error::Io(_)) => return (all, Some(false)),
                Err(tungstenite::Error::Protocol(
                    tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
                )) => return (all, Some(false)),
                Err(_) => return (all, Some(true)),
            }
        }
    }

    struct OneWay(std::io::Cursor<Vec<u8>>);

    impl std::io::Read for OneWay {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0.read(buffer)
        }
    }

    impl std::io::Write for OneWay {
        fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
            Ok(data.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn frames() -> impl Strategy<Value = Vec<u8>> {
        let frame = (
            prop_oneof![8 => 0u8..=2, 2 => 8u8..=10, 1 => any::<u8>()],
            prop_oneof![6 => Just(0x80u8), 3 => Just(0u8), 1 => any::<u8>()],
            prop_oneof![8 => "[a-zäß€]{0,40}".prop_map(String::into_bytes),
                1 => proptest::collection::vec(any::<u8>(), 0..300)],
            prop_oneof![12 => Just(Role::Client), 1 => Just(Role::Server)],
        );
        proptest::collection::vec(frame, 0..12).prop_map(|frames| {
            let mut bytes = BytesMut::new();
            for (opcode, first, payload, role) in frames {
                let start = bytes.len();
                put_frame(&mut bytes, role, OpCode::Data(Data::Text), &payload);
                bytes[start] = (first & 0xf0) | (opcode & 0x0f);
            }
            bytes.to_vec()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn reads_what_tungstenite_reads(bytes in frames()) {
            let (expected, fails) = oracle(&bytes);
            let (mut found, violation) = read_all(Role::Server, &[&bytes]);
            let close = found.iter().position(|item| matches!(item, Incoming::Close(_)));
            found.truncate(close.unwrap_or(found.len()));
            prop_assert_eq!(&found, &expected);
            match fails {
                Some(fails) => prop_assert_eq!(violation.is_some(), fails),
                None => prop_assert!(close.is_some() || violation.is_some()),
            }
        }

        #[test]
        fn chunk_borders_change_nothing(bytes in frames(), size in 1usize..50) {
            let chunks: Vec<&[u8]> = bytes.chunks(size).collect();
            prop_assert_eq!(read_all(Role::Server, &chunks), read_all(Role::Server, &[&bytes]));
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            read_all(Role::Server, &[&bytes]);
            read_all(Role::Client, &[&bytes]);
        }
    }
}
