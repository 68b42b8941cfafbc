//! `Position`: how far a client has read a history; and what it asks for.

use std::fmt;

use bytes::{Bytes, BytesMut};
use ferrowire_core::{Map, Text, Value};
use tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::frame::{Role, put_frame};
use crate::payload::Mode;

/// The parameter of the query with which a client asks for offsets.
const PARAMETER: &str = "history";

/// A place in a history: written `EPOCH:OFFSET`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) epoch: Text,
    pub(crate) offset: u64,
}

impl Position {
    /// `None` if the text is no position.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (epoch, offset) = text.split_once(':')?;
        let is_name = !epoch.is_empty() && epoch.len() <= 32;
        Some(Position { epoch: epoch.into(), offset: offset.parse().ok()? }).filter(|_| is_name)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.epoch, self.offset)
    }
}

/// What a client asks for when it connects or joins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Ask {
    /// Nothing: it gets what is kept, as it was sent.
    #[default]
    Plain,
    /// Offsets, and all that is kept.
    All,
    /// Offsets, and what came after a position. What is no position is none of this history.
    After(Option<Position>),
}

impl Ask {
    /// Reads the query of a handshake: `history=EPOCH:OFFSET`, or `history=` for all.
    pub(crate) fn in_query(query: &str) -> Self {
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        match pairs.find(|(name, _)| name == PARAMETER) {
            None => Ask::Plain,
            Some((_, value)) => Ask::parse(&value),
        }
    }

    /// Reads a position, or an empty text for all.
    pub(crate) fn parse(text: &str) -> Self {
        if text.is_empty() { Ask::All } else { Ask::After(Position::parse(text)) }
    }
}

/// The first message to a client that asked for offsets: where the history is, and whether it
/// gets all that it missed.
pub(crate) fn introduction(room: Option<&Text>, now: &Position, recovered: Option<bool>) -> Bytes {
    let mut about = Map::from_iter([
        ("epoch", Value::from(now.epoch.clone())),
        ("offset", (now.offset as f64).into()),
        ("position", now.to_string().into()),
    ]);
    if let Some(recovered) = recovered {
        about.insert("recovered", recovered);
    }
    if let Some(room) = room {
        about.insert("room", room.clone());
    }
    let map = Map::from_iter([("history", Value::from(about))]);
    frame_of(&Value::from(map).to_json()).freeze()
}

/// A message with its offset, and that of the one before it if offsets have gaps, from the frame that carries it
/// without.
pub(crate) fn numbered(
    frame: &Bytes,
    (offset, previous, room): (u64, Option<u64>, Option<&Text>),
    mode: Mode,
) -> Option<BytesMut> {
    let (opcode, payload) = crate::frame::header::payload_of(frame)?;
    let mut json = format!("{{\"offset\":{offset}");
    if let Some(previous) = previous {
        json.push_str(&format!(",\"previous\":{previous}"));
    }
    if let Some(room) = room {
        json.push_str(",\"room\":");
        json.push_str(&Value::from(room.clone()).to_json());
    }
    match (opcode, std::str::from_utf8(payload)) {
        (OpCode::Data(Data::Text), Ok(text)) => {
            json.push_str(",\"data\":");
            match mode {
                // JSON already.
                Mode::WholeMessage => json.push_str(text),
                Mode::Payload => json.push_str(&Value::from(text).to_json()),
            }
        }
        _ => {
            json.push_str(",\"base64\":\"");
            data_encoding::BASE64.encode_append(payload, &mut json);
            json.push('"');
        }
    }
    json.push('}');
    Some(frame_of(&json))
}

fn frame_of(json: &str) -> BytesMut {
    let mut frame = BytesMut::new();
    put_frame(&mut frame, Role::Server, OpCode::Data(Data::Text), json.as_bytes());
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_asks_for_nothing_for_all_or_for_what_came_after_a_position() {
        let position = Position { epoch: "ab".into(), offset: 7 };
        for (query, ask) in [
            ("", Ask::Plain),
            ("since=ab:7", Ask::Plain),
            ("history", Ask::All),
            ("a=b&history=", Ask::All),
            ("history=ab:7", Ask::After(Some(position.clone()))),
            ("history=ab%3A7&x", Ask::After(Some(position.clone()))),
            ("history=7", Ask::After(None)),
            ("history=:7", Ask::After(None)),
            ("history=ab:-1", Ask::After(None)),
        ] {
            assert_eq!(Ask::in_query(query), ask, "{query}");
        }
        assert_eq!(Position::parse(&position.to_string()), Some(position));
    }

    #[test]
    fn a_numbered_message_has_its_text_as_a_string_its_json_as_it_is_and_its_bytes_in_base64() {
        let frame = |opcode, payload: &str| {
            let mut frame = BytesMut::new();
            put_frame(&mut frame, Role::Server, OpCode::Data(opcode), payload.as_bytes());
            frame.freeze()
        };
        let json = |frame: &Bytes, at, mode| {
            let numbered = numbered(frame, at, mode).unwrap();
            String::from_utf8_lossy(&numbered[2..]).into_owned()
        };
        let text = frame(Data::Text, "a \"b\"");
        assert_eq!(json(&text, (1, None, None), Mode::Payload), r#"{"offset":1,"data":"a \"b\""}"#);
        let whole = frame(Data::Text, r#"{"payload":1}"#);
        let room = Text::from("r");
        assert_eq!(
            json(&whole, (2, None, Some(&room)), Mode::WholeMessage),
            r#"{"offset":2,"room":"r","data":{"payload":1}}"#
        );
        let binary = frame(Data::Binary, "abc");
        assert_eq!(
            json(&binary, (3, Some(1), None), Mode::Payload),
            r#"{"offset":3,"previous":1,"base64":"YWJj"}"#
        );
    }
}
