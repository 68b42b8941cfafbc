//! `Envelope`: what surrounds each message between instances.
//!
//! | bytes | content |
//! |---|---|
//! | 2 | `FW` |
//! | 1 | the version, 1 |
//! | 1 | the kind |
//! | 2 | the length of what follows up to the body |
//! | 8 | which life of the instance sent it: a random number of each start |
//! | 8 | a number that ascends with each message of that life |
//! | 8 | the number of a question, also in its answers |
//! | 1 + n | the name of the instance |
//! | 2 + n | what a question is about |
//!
//! What a later program of the same version appends there is passed over; numbers are big-endian.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use ferrowire_core::cluster::is_name;

const MAGIC: &[u8] = b"FW";
const VERSION: u8 = 1;
/// What comes before the part whose length is given.
const START: usize = 6;
/// The part whose length is given, without its two texts: three numbers, and the lengths of the texts.
const FIXED: usize = 3 * 8 + 1 + 2;

/// Where the ascending number is.
const SEQUENCE: usize = START + 8;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A message to a topic.
    Message = 0,
    /// A question.
    Ask = 1,
    /// The answer to one.
    Answer = 2,
    /// The answer that there is nobody who can answer.
    Nobody = 3,
    /// A sign of life.
    Hello = 4,
    /// The instance ends.
    Bye = 5,
}

impl Kind {
    const ALL: [Kind; 6] =
        [Kind::Message, Kind::Ask, Kind::Answer, Kind::Nobody, Kind::Hello, Kind::Bye];
}

/// What a message says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) kind: Kind,
    /// The name of the instance.
    pub(crate) from: String,
    /// The number of its start.
    pub(crate) life: u64,
    /// The number of a question; 0 for others.
    pub(crate) question: u64,
    /// What a question is about; empty for others.
    pub(crate) about: String,
}

/// A message that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub(crate) head: Head,
    pub(crate) sequence: u64,
    pub(crate) body: Bytes,
}

/// Why a message is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("it has version {0}, and this program knows version {VERSION}")]
    Version(u8),
    #[error("it is no message of Ferrowire, or damaged")]
    Shape,
}

impl Head {
    /// A message with a body of `parts`. Its number is set by [`number`].
    pub(crate) fn with(&self, parts: &[&[u8]]) -> BytesMut {
        let length = FIXED + self.from.len() + self.about.len();
        let body: usize = parts.iter().map(|part| part.len()).sum();
        let mut bytes = BytesMut::with_capacity(START + length + body);
        bytes.put_slice(MAGIC);
        bytes.put_u8(VERSION);
        bytes.put_u8(self.kind as u8);
        bytes.put_u16(u16::try_from(length).unwrap_or(u16::MAX));
        bytes.put_u64(self.life);
        bytes.put_u64(0);
        bytes.put_u64(self.question);
        bytes.put_u8(u8::try_from(self.from.len()).unwrap_or(u8::MAX));
        bytes.put_slice(self.from.as_bytes());
        bytes.put_u16(u16::try_from(self.about.len()).unwrap_or(u16::MAX));
        bytes.put_slice(self.about.as_bytes());
        parts.iter().for_each(|part| bytes.put_slice(part));
        bytes
    }
}

/// Sets the ascending number of a message.
pub(crate) fn number(message: &mut BytesMut, sequence: u64) {
    if let Some(place) = message.get_mut(SEQUENCE..SEQUENCE + 8) {
        place.copy_from_slice(&sequence.to_be_bytes());
    }
}

impl Envelope {
    /// Reads a message.
    ///
    /// # Errors
    /// If it has another version or shape.
    pub(crate) fn parse(mut message: Bytes) -> Result<Self, Refused> {
        let (magic, version, kind, length) = match message.get(..START) {
            Some([a, b, version, kind, high, low]) => {
                ([*a, *b], *version, *kind, u16::from_be_bytes([*high, *low]))
            }
            _ => return Err(Refused::Shape),
        };
        if magic != MAGIC {
            return Err(Refused::Shape);
        }
        if version != VERSION {
            return Err(Refused::Version(version));
        }
        message.advance(START);
        if message.len() < usize::from(length) {
            return Err(Refused::Shape);
        }
        let head = message.split_to(usize::from(length));
        let kind = Kind::ALL.get(usize::from(kind)).copied();
        let (head, sequence) = kind.and_then(|kind| read_head(kind, head)).ok_or(Refused::Shape)?;
        Ok(Envelope { head, sequence, body: message })
    }
}

fn read_head(kind: Kind, mut bytes: Bytes) -> Option<(Head, u64)> {
    let life = bytes.try_get_u64().ok()?;
    let sequence = bytes.try_get_u64().ok()?;
    let question = bytes.try_get_u64().ok()?;
    let length = usize::from(bytes.try_get_u8().ok()?);
    let from = text(&mut bytes, length)?;
    let length = usize::from(bytes.try_get_u16().ok()?);
    let about = text(&mut bytes, length)?;
    is_name(&from).then_some((Head { kind, from, life, question, about }, sequence))
}

fn text(bytes: &mut Bytes, length: usize) -> Option<String> {
    if bytes.len() < length {
        return None;
    }
    String::from_utf8(bytes.split_to(length).to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head() -> Head {
        Head { kind: Kind::Ask, from: "a-1".into(), life: 7, question: 9, about: "ws.x".into() }
    }

    #[test]
    fn a_message_reads_back_as_it_was_written() {
        let mut bytes = head().with(&[b"some", b"thing"]);
        number(&mut bytes, 5);
        let envelope = Envelope::parse(bytes.freeze()).unwrap();
        assert_eq!(envelope, Envelope { head: head(), sequence: 5, body: "something".into() });
    }

    #[test]
    fn what_a_later_program_appends_to_the_head_is_passed_over() {
        let mut bytes = head().with(&[]);
        bytes[5] += 3;
        bytes.put_slice(b"newbody");
        let envelope = Envelope::parse(bytes.freeze()).unwrap();
        assert_eq!((envelope.head, &*envelope.body), (head(), &b"body"[..]));
    }

    #[test]
    fn another_version_is_refused_by_its_number() {
        let mut bytes = head().with(&[b"body"]);
        bytes[2] = 2;
        assert_eq!(Envelope::parse(bytes.freeze()), Err(Refused::Version(2)));
    }

    #[test]
    fn unknown_kinds_and_names_that_no_instance_has_are_refused() {
        let mut bytes = head().with(&[]);
        bytes[3] = 99;
        assert_eq!(Envelope::parse(bytes.freeze()), Err(Refused::Shape));
        let bad = Head { from: "a.b".into(), ..head() };
        assert_eq!(Envelope::parse(bad.with(&[]).freeze()), Err(Refused::Shape));
    }

    proptest! {
        #[test]
        fn no_bytes_cause_a_panic_and_no_part_of_a_message_is_taken_for_one(
            noise in proptest::collection::vec(any::<u8>(), 0..80), cut in 0usize..40, at in 0usize..40, byte: u8
        ) {
            let _noise = Envelope::parse(noise.into());
            let whole = head().with(&[]);
            let part = whole.clone().freeze().slice(..cut.min(whole.len() - 1));
            prop_assert!(Envelope::parse(part).is_err());
            let mut changed = whole;
            let at = at.min(changed.len() - 1);
            changed[at] = byte;
            let _damaged = Envelope::parse(changed.freeze());
        }
    }
}
