//! A message from one instance to another: whom it is for, and what is sent.
//!
//! | bytes | content |
//! |---|---|
//! | 1 | the version, 1 |
//! | 1 | 0 for a text, 1 for a binary message |
//! | 4 | the length of the head, big-endian |
//! | n | the head as JSON: `to`, `target` and `except`, as in `msg._session`, and `topic` |
//! | | the payload |
//!
//! Properties of the head that are not known are passed over.

use bytes::{Buf, Bytes};
use ferrowire_core::{Map, Text, Value};

use crate::frame::Payload;
use crate::listener::history::Publication;
use crate::listener::target::{Target, To, values};

const VERSION: u8 = 1;

/// What comes before the head.
const START: usize = 6;

/// A message that another instance has sent.
#[derive(Debug, PartialEq)]
pub(crate) struct Letter {
    pub(crate) target: Target,
    pub(crate) payload: Payload,
    pub(crate) topic: Option<Text>,
}

/// What comes before the payload of a message.
pub(crate) fn head(target: &Target, message: &Publication) -> Vec<u8> {
    let mut head = Map::from_iter([("to", Value::from(name(target.to)))]);
    if !target.names.is_empty() {
        head.insert("target", values(target.names.iter().cloned()));
    }
    if let Some(except) = &target.except {
        head.insert("except", except.clone());
    }
    let topic = message.topic.as_ref().or(message.key.as_ref());
    if let Some(topic) = topic.filter(|topic| !topic.is_empty()) {
        head.insert("topic", topic.clone());
    }
    let head = Value::from(head).to_json();
    let length = u32::try_from(head.len()).unwrap_or(u32::MAX);
    let is_binary = matches!(message.payload, Payload::Binary(_));
    let mut bytes = Vec::with_capacity(START + head.len());
    bytes.extend([VERSION, u8::from(is_binary)]);
    bytes.extend(length.to_be_bytes());
    bytes.extend(head.as_bytes());
    bytes
}

fn name(to: To) -> &'static str {
    match to {
        To::All => "all",
        To::Rooms => "room",
        To::Sessions => "sessions",
        To::Users => "user",
    }
}

impl Letter {
    /// Reads a message.
    ///
    /// # Errors
    /// Why it is none: another version, another shape, a text that is not UTF-8.
    pub(crate) fn parse(mut bytes: Bytes) -> Result<Self, String> {
        let (is_binary, length) = match bytes.get(..START) {
            Some([VERSION, kind @ (0 | 1), a, b, c, d]) => {
                (*kind == 1, u32::from_be_bytes([*a, *b, *c, *d]))
            }
            Some([VERSION, ..]) | None => return Err("it is damaged".to_owned()),
            Some([version, ..]) => {
                return Err(format!("it has version {version}, expected {VERSION}"));
            }
            Some([]) => return Err("it is empty".to_owned()),
        };
        bytes.advance(START);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if bytes.len() < length {
            return Err("it is damaged".to_owned());
        }
        let head = bytes.split_to(length);
        let head = Value::from_json(&head).map_err(|_| "its head is not JSON".to_owned())?;
        let head = head.as_object().ok_or("its head is no object")?;
        let target = Target::parse(head).map_err(|error| error.to_string())?;
        let payload = match is_binary {
            true => Payload::Binary(bytes),
            false => Payload::Text(text(bytes)?),
        };
        let topic = head.get("topic").and_then(Value::as_str).map(Text::from);
        Ok(Letter { target, payload, topic })
    }
}

fn text(bytes: Bytes) -> Result<Text, String> {
    Text::from_utf8(bytes).map_err(|_| "its text is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sent(target: &Target, message: &Publication) -> Bytes {
        [&head(target, message)[..], message.payload.as_bytes()].concat().into()
    }

    fn rooms() -> Target {
        let names = vec![Text::from("a.b"), Text::from("\u{1f980} *")];
        Target { to: To::Rooms, names, except: Some("1@b".into()) }
    }

    fn message(payload: Payload) -> Publication {
        Publication { payload, topic: Some("t".into()), key: None }
    }

    #[test]
    fn a_message_reads_back_as_it_was_sent() {
        let binary = Payload::Binary(Bytes::from_static(b"\xff\x00"));
        for payload in [Payload::Text("text".into()), binary] {
            let letter = Letter::parse(sent(&rooms(), &message(payload.clone()))).unwrap();
            let topic = Some("t".into());
            assert_eq!(letter, Letter { target: rooms(), payload, topic });
        }
        let bare = Publication { topic: None, ..message(Payload::Text(Text::new())) };
        let letter = Letter::parse(sent(&Target::all(), &bare)).unwrap();
        assert_eq!((letter.target, letter.topic), (Target::all(), None));
    }

    #[test]
    fn what_is_no_message_of_this_version_says_why() {
        let mut later = sent(&rooms(), &message(Payload::Text("x".into()))).to_vec();
        later[0] = 2;
        let why = |bytes: &[u8]| Letter::parse(Bytes::copy_from_slice(bytes)).unwrap_err();
        assert_eq!(why(&later), "it has version 2, expected 1");
        assert_eq!(why(b""), "it is damaged");
        assert_eq!(why(b"\x01\x00\xff\xff\xff\xff{}"), "it is damaged");
        assert_eq!(why(b"\x01\x00\0\0\0\x02{]"), "its head is not JSON");
        assert!(why(b"\x01\x00\0\0\0\x0c{\"to\":\"moon\"").contains("not JSON"));
        assert!(why(b"\x01\x00\0\0\0\x0d{\"to\":\"moon\"}").contains("unknown target `moon`"));
        assert_eq!(why(b"\x01\x00\0\0\0\x0c{\"to\":\"all\"}\xff"), "its text is not UTF-8");
    }

    proptest! {
        #[test]
        fn no_bytes_cause_a_panic(noise in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _noise = Letter::parse(noise.into());
        }
    }
}
