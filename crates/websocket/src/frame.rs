//! Writes frames (RFC 6455 §5.2): headers, masks, close codes.

mod fragments;
pub(crate) mod header;
pub(crate) mod reader;

use bytes::{BufMut, Bytes, BytesMut};
use ferrowire_core::Text;
use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

use crate::frame::header::{COMPRESSED, Header, MAX_HEADER};
use crate::metrics;

/// The side of a connection. Clients mask their frames (RFC 6455 §5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Accepted the connection.
    Server,
    /// Opened the connection.
    Client,
}

impl Role {
    /// Counts received bytes.
    pub(crate) fn received(self, count: usize) -> usize {
        let counter = match self {
            Role::Server => &metrics::RECEIVED_BYTES_SERVER,
            Role::Client => &metrics::RECEIVED_BYTES_CLIENT,
        };
        counter.add(count as u64);
        count
    }

    /// Counts sent bytes.
    pub(crate) fn sent(self, count: usize) {
        let counter = match self {
            Role::Server => &metrics::SENT_BYTES_SERVER,
            Role::Client => &metrics::SENT_BYTES_CLIENT,
        };
        counter.add(count as u64);
    }
}

/// The payload of a data message.
#[derive(Clone, Debug, PartialEq)]
pub enum Payload {
    /// A text message.
    Text(Text),
    /// A binary message.
    Binary(Bytes),
}

impl Payload {
    /// The payload as bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Payload::Text(text) => text.as_bytes(),
            Payload::Binary(bytes) => bytes,
        }
    }

    pub(crate) fn opcode(&self) -> OpCode {
        OpCode::Data(match self {
            Payload::Text(_) => Data::Text,
            Payload::Binary(_) => Data::Binary,
        })
    }

    pub(crate) fn into_bytes(self) -> Bytes {
        match self {
            Payload::Text(text) => text.to_bytes(),
            Payload::Binary(bytes) => bytes,
        }
    }
}

/// The reason of a close: a code of RFC 6455 §7.4 and a short text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The code; `None` for a close frame without one.
    pub code: Option<u16>,
    /// The reason, at most 123 bytes.
    pub reason: Text,
}

impl Close {
    /// A close with `code` and `reason`.
    pub fn new(code: CloseCode, reason: &'static str) -> Self {
        Close { code: Some(code.into()), reason: Text::from_static(reason) }
    }

    fn payload(&self) -> BytesMut {
        let mut payload = BytesMut::new();
        if let Some(code) = self.code {
            payload.put_u16(code);
            payload.put_slice(self.reason.as_bytes());
        }
        payload
    }
}

/// Appends the header of one unfragmented frame to `out` and returns the mask to apply.
pub(crate) fn put_header(
    out: &mut BytesMut,
    role: Role,
    opcode: OpCode,
    length: usize,
) -> Option<[u8; 4]> {
    let mask = (role == Role::Client).then(rand::random);
    let mut bytes = [0; MAX_HEADER];
    let length = length as u64;
    let header = Header { is_final: true, is_compressed: false, opcode, mask, length };
    let end = header.write(&mut bytes);
    out.extend_from_slice(&bytes[..end]);
    mask
}

/// The same for a compressed message.
pub(crate) fn put_compressed_header(
    out: &mut BytesMut,
    role: Role,
    opcode: OpCode,
    length: usize,
) -> Option<[u8; 4]> {
    let start = out.len();
    let mask = put_header(out, role, opcode, length);
    out[start] |= COMPRESSED;
    mask
}

/// Appends one complete frame to `out`.
pub(crate) fn put_frame(out: &mut BytesMut, role: Role, opcode: OpCode, payload: &[u8]) {
    out.reserve(MAX_HEADER + payload.len());
    let mask = put_header(out, role, opcode, payload.len());
    let start = out.len();
    out.put_slice(payload);
    if let Some(mask) = mask {
        apply_mask(&mut out[start..], mask);
    }
}

/// Appends a close frame to `out`.
pub(crate) fn put_close(out: &mut BytesMut, role: Role, close: &Close) {
    put_frame(out, role, OpCode::Control(Control::Close), &close.payload());
}

/// Masks or unmasks `data` in place (RFC 6455 §5.3), eight bytes at a time.
pub(crate) fn apply_mask(data: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (chunks, rest) = data.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn masking_works_byte_by_byte_at_every_length(
            data in proptest::collection::vec(any::<u8>(), 0..100), mask in any::<[u8; 4]>()
        ) {
            let mut masked = data.clone();
            apply_mask(&mut masked, mask);
            let expected: Vec<u8> =
                data.iter().enumerate().map(|(at, byte)| byte ^ mask[at % 4]).collect();
            prop_assert_eq!(masked, expected);
        }
    }
}
