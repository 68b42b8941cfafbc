//! Precomputed frames, and the expected answers of the server.

use anyhow::{Result, ensure};

use crate::flow::Flow;

/// Any mask is valid; a fixed one can be applied before the measurement starts.
const MASK: [u8; 4] = [0x5a, 0x21, 0xc3, 0x7e];

const TEXT: u8 = 0x81;
const MASKED: u8 = 0x80;

/// Distinct messages, concatenated and repeated endlessly: as sent by a client and as answered by
/// the server. There are more of them than are ever in flight, so that a lost, duplicated or
/// reordered message is detected.
#[derive(Debug)]
pub(super) struct Ring {
    sent: Vec<u8>,
    answered: Vec<u8>,
    sent_frame: usize,
    answered_frame: usize,
}

impl Ring {
    /// Creates `count` messages of `size` bytes, unique for `tag`, and the answers of `flow`.
    pub(super) fn new(flow: Flow, tag: usize, count: usize, size: usize) -> Result<Self> {
        let (mut sent, mut answered) = (Vec::new(), Vec::new());
        for number in 0..count {
            let (message, answer) = flow.exchange(tag, number, size)?;
            if flow.is_plain() {
                answered.extend(answer.as_bytes());
                sent.extend(message.as_bytes());
                continue;
            }
            answered.extend(header(answer.len(), 0));
            answered.extend(answer.as_bytes());
            sent.extend(header(message.len(), MASKED));
            sent.extend(MASK);
            sent.extend(message.bytes().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        }
        let (sent_frame, answered_frame) = (sent.len() / count, answered.len() / count);
        Ok(Self { sent, answered, sent_frame, answered_frame })
    }

    /// The size of one message as sent by a client.
    pub(super) fn sent_frame(&self) -> u64 {
        self.sent_frame as u64
    }

    /// The size of one answer of the server.
    pub(super) fn answered_frame(&self) -> u64 {
        self.answered_frame as u64
    }

    /// The bytes to send between two positions of the stream, as far as they are contiguous.
    pub(super) fn to_send(&self, from: u64, to: u64) -> &[u8] {
        piece(&self.sent, from, to)
    }

    /// Compares bytes read at a position of the stream with the expected ones.
    pub(super) fn compare(&self, mut position: u64, mut read: &[u8]) -> Result<()> {
        while !read.is_empty() {
            let expected = piece(&self.answered, position, position + read.len() as u64);
            let (now, later) = read.split_at(expected.len());
            ensure!(
                now == expected,
                "message `{}` of a connection is not what was sent",
                position / self.answered_frame()
            );
            position += now.len() as u64;
            read = later;
        }
        Ok(())
    }
}

fn piece(ring: &[u8], from: u64, to: u64) -> &[u8] {
    let start = (from % ring.len() as u64) as usize;
    let end = ring.len().min(start + (to - from) as usize);
    ring.get(start..end).unwrap_or_default()
}

fn header(size: usize, masked: u8) -> Vec<u8> {
    match (u8::try_from(size), u16::try_from(size)) {
        (Ok(short), _) if short < 126 => vec![TEXT, masked | short],
        (_, Ok(medium)) => [&[TEXT, masked | 126], &medium.to_be_bytes()[..]].concat(),
        _ => [&[TEXT, masked | 127], &(size as u64).to_be_bytes()[..]].concat(),
    }
}

/// A frame of a client that begins with this byte.
pub(super) fn masked(first: u8, body: &[u8]) -> Vec<u8> {
    let mut frame = header(body.len(), MASKED);
    if let Some(byte) = frame.first_mut() {
        *byte = first;
    }
    frame.extend(MASK);
    frame.extend(body.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// A close frame with code 1000.
pub(super) fn close() -> Vec<u8> {
    let code = 1_000_u16.to_be_bytes().into_iter().zip(MASK).map(|(byte, mask)| byte ^ mask);
    [0x88, MASKED | 2].into_iter().chain(MASK).chain(code).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_grow_with_the_message() {
        assert_eq!(header(125, 0), [0x81, 125]);
        assert_eq!(header(126, 0), [0x81, 126, 0, 126]);
        assert_eq!(header(65_536, MASKED), [0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn unmasking_what_is_sent_gives_what_is_answered() {
        let ring = Ring::new(Flow::Echo, 7, 3, 40).unwrap();
        let sent: Vec<u8> =
            ring.sent[6..46].iter().zip(MASK.iter().cycle()).map(|(b, m)| b ^ m).collect();
        assert_eq!(sent, ring.answered[2..42]);
    }

    #[test]
    fn the_ring_goes_on_where_it_ends() {
        let ring = Ring::new(Flow::Echo, 1, 2, 16).unwrap();
        let twice = [&ring.answered[..], &ring.answered[..]].concat();
        ring.compare(0, &twice).unwrap();
        ring.compare(5, &twice[5..30]).unwrap();
        assert_eq!(ring.to_send(30, 60), &ring.sent[30..44]);
    }

    #[test]
    fn one_wrong_byte_or_swapped_messages_are_found() {
        let ring = Ring::new(Flow::Echo, 1, 4, 32).unwrap();
        let mut wrong = ring.answered.clone();
        wrong[70] ^= 1;
        assert!(ring.compare(0, &wrong).unwrap_err().to_string().contains("message `0`"));
        let frame = ring.answered_frame;
        let swapped = [&ring.answered[frame..2 * frame], &ring.answered[..frame]].concat();
        ring.compare(0, &swapped).unwrap_err();
    }

    #[test]
    fn connections_have_different_messages() {
        let (one, other) =
            (Ring::new(Flow::Echo, 1, 2, 64).unwrap(), Ring::new(Flow::Echo, 2, 2, 64).unwrap());
        one.compare(0, &other.answered).unwrap_err();
    }
}
