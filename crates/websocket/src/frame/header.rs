//! Reads and writes the header of a frame (RFC 6455 §5.2).

use tungstenite::protocol::frame::coding::{CloseCode, Control, Data, OpCode};

use crate::frame::Role;
use crate::frame::reader::Violation;

/// The maximum length of a header: two bytes, eight of length, four of mask.
pub(crate) const MAX_HEADER: usize = 14;

/// The bit of the first byte that marks a compressed message (RFC 7692 §7.2.3.1).
pub(crate) const COMPRESSED: u8 = 0x40;

/// A decoded header.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Header {
    pub(crate) is_final: bool,
    /// The frame begins a compressed message.
    pub(crate) is_compressed: bool,
    pub(crate) opcode: OpCode,
    pub(crate) mask: Option<[u8; 4]>,
    /// The payload's length in bytes.
    pub(crate) length: u64,
}

/// A reserved bit is set, or the one of compression where it must not be.
pub(crate) const RESERVED: Violation =
    Violation { code: CloseCode::Protocol, reason: "a reserved bit is set" };

fn protocol(reason: &'static str) -> Violation {
    Violation { code: CloseCode::Protocol, reason }
}

impl Header {
    /// Reads the header at the start of `bytes` and returns it with its own length; `None` if
    /// more bytes are needed.
    pub(crate) fn read(bytes: &[u8], role: Role) -> Result<Option<(Self, usize)>, Violation> {
        let Some((&[first, second], rest)) = bytes.split_first_chunk() else { return Ok(None) };
        if first & 0x30 != 0 {
            return Err(RESERVED);
        }
        let is_masked = second & 0x80 != 0;
        match role {
            Role::Server if !is_masked => return Err(protocol("a client's frame is not masked")),
            Role::Client if is_masked => return Err(protocol("a server's frame is masked")),
            _ => {}
        }
        let is_final = first & 0x80 != 0;
        let is_compressed = first & COMPRESSED != 0;
        let opcode = OpCode::from(first & 0x0f);
        if matches!(opcode, OpCode::Data(Data::Reserved(_)) | OpCode::Control(Control::Reserved(_)))
        {
            return Err(protocol("invalid opcode"));
        }
        if is_compressed && !matches!(opcode, OpCode::Data(Data::Text | Data::Binary)) {
            return Err(RESERVED);
        }
        let Some((length, rest)) = read_length(second & 0x7f, rest) else { return Ok(None) };
        if matches!(opcode, OpCode::Control(_)) {
            if !is_final {
                return Err(protocol("a control frame is fragmented"));
            }
            if length > 125 {
                return Err(protocol("a control frame is too long"));
            }
        }
        let (mask, rest) = match (is_masked, rest.split_first_chunk::<4>()) {
            (false, _) => (None, rest),
            (true, Some((mask, rest))) => (Some(*mask), rest),
            (true, None) => return Ok(None),
        };
        let header = Header { is_final, is_compressed, opcode, mask, length };
        Ok(Some((header, bytes.len() - rest.len())))
    }

    /// Writes the header to the start of `bytes` and returns its length.
    pub(crate) fn write(&self, bytes: &mut [u8; MAX_HEADER]) -> usize {
        let compressed = if self.is_compressed { COMPRESSED } else { 0 };
        bytes[0] = (u8::from(self.is_final) << 7) | compressed | u8::from(self.opcode);
        let mask_bit = u8::from(self.mask.is_some()) << 7;
        let mut end = match self.length {
            0..126 => {
                bytes[1] = mask_bit | self.length as u8;
                2
            }
            126..0x1_0000 => {
                bytes[1] = mask_bit | 126;
                bytes[2..4].copy_from_slice(&(self.length as u16).to_be_bytes());
                4
            }
            _ => {
                bytes[1] = mask_bit | 127;
                bytes[2..10].copy_from_slice(&self.length.to_be_bytes());
                10
            }
        };
        if let Some(mask) = self.mask {
            bytes[end..end + 4].copy_from_slice(&mask);
            end += 4;
        }
        end
    }
}

/// Where the frame ends that begins `bytes`; `None` if its header is incomplete.
pub(crate) fn frame_end(bytes: &[u8]) -> Option<usize> {
    let (&[_, second], rest) = bytes.split_first_chunk()?;
    let (length, rest) = read_length(second & 0x7f, rest)?;
    let mask = if second & 0x80 == 0 { 0 } else { 4 };
    (bytes.len() - rest.len() + mask).checked_add(usize::try_from(length).ok()?)
}

/// The opcode and the payload of a whole frame that is not masked.
pub(crate) fn payload_of(frame: &[u8]) -> Option<(OpCode, &[u8])> {
    let (&[first, second], rest) = frame.split_first_chunk()?;
    let (_, payload) = read_length(second & 0x7f, rest)?;
    Some((OpCode::from(first & 0x0f), payload))
}

fn read_length(short: u8, rest: &[u8]) -> Option<(u64, &[u8])> {
    match short {
        126 => {
            let (length, rest) = rest.split_first_chunk()?;
            Some((u16::from_be_bytes(*length).into(), rest))
        }
        127 => {
            let (length, rest) = rest.split_first_chunk()?;
            Some((u64::from_be_bytes(*length), rest))
        }
        _ => Some((short.into(), rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read_again_and_a_part_of_it_needs_more(
            is_final in any::<bool>(), is_compressed in any::<bool>(), opcode in 1u8..3,
            mask in any::<Option<[u8; 4]>>(),
            length in prop_oneof![0u64..200, 65_000u64..66_000, any::<u64>()],
        ) {
            let opcode = OpCode::from(opcode);
            let header = Header { is_final, is_compressed, opcode, mask, length };
            let mut bytes = [0; MAX_HEADER];
            let end = header.write(&mut bytes);
            let role = if mask.is_some() { Role::Server } else { Role::Client };
            prop_assert_eq!(Header::read(&bytes[..end], role), Ok(Some((header, end))));
            for part in 0..end {
                prop_assert_eq!(Header::read(&bytes[..part], role), Ok(None));
            }
        }
    }
}
