//! Converts between WebSocket messages and flow messages, as Node-RED does.

use std::sync::Arc;

use ferrowire_core::{Key, Map, Message, Text, Unprintable, Value, generate_id, number_to_string};

use crate::frame::Payload;

/// Whether a message carries only `payload`, or the whole message as JSON (`wholemsg`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Payload,
    WholeMessage,
}

impl Mode {
    /// Only the string `"true"` means whole messages, as in Node-RED.
    pub(crate) fn from_property(wholemsg: Option<&Value>) -> Self {
        match wholemsg.and_then(Value::as_str) {
            Some("true") => Mode::WholeMessage,
            _ => Mode::Payload,
        }
    }
}

/// One connection as seen by flows.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) id: Key,
    /// `{type: "websocket", id}` and what the listener adds, shared by all messages of the
    /// connection.
    pub(crate) value: Value,
}

impl Session {
    pub(crate) fn new() -> Self {
        Session::with(Map::new())
    }

    /// A session with further properties.
    pub(crate) fn with(details: Map) -> Self {
        Session::named(generate_id(), details)
    }

    /// The session `id` with further properties.
    pub(crate) fn named(id: Key, details: Map) -> Self {
        let mut map = Map::with_capacity(2 + details.len());
        map.insert(Key::new_static("type"), "websocket");
        map.insert(Key::new_static("id"), id.clone());
        for (key, value) in details {
            map.insert(key, value);
        }
        Session { id, value: map.into() }
    }

    /// Whether `msg._session` is the same object that this session's messages carry.
    pub(crate) fn sent(&self, msg: &Message) -> bool {
        match (msg.get("_session"), &self.value) {
            (Some(Value::Object(theirs)), Value::Object(ours)) => Arc::ptr_eq(theirs, ours),
            _ => false,
        }
    }

    /// The id in `msg._session`, if it is a WebSocket session.
    pub(crate) fn id_in(msg: &Message) -> Option<&str> {
        let session = msg.get("_session")?;
        (session.get("type")?.as_str()? == "websocket")
            .then(|| session.get("id").and_then(Value::as_str).unwrap_or_default())
    }
}

/// The flow message for a payload received from the session whose value is `session`.
pub(crate) fn incoming(mode: Mode, payload: Payload, session: Value) -> Message {
    if mode == Mode::Payload {
        return Message::received(into_value(payload), session);
    }
    let mut msg = whole_message(payload);
    msg.set(Key::new_static("_session"), session);
    msg
}

fn into_value(payload: Payload) -> Value {
    match payload {
        Payload::Text(text) => Value::String(text),
        Payload::Binary(bytes) => Value::Buffer(bytes),
    }
}

/// A JSON object becomes the message; any other JSON value, including `null` and arrays, becomes
/// its payload; anything else is the payload as received.
fn whole_message(payload: Payload) -> Message {
    let parsed = match &payload {
        Payload::Text(text) => Value::from_json_text(text),
        Payload::Binary(bytes) => Value::from_json(bytes),
    };
    match parsed {
        Ok(Value::Object(map)) => Message::from(Arc::unwrap_or_clone(map)),
        Ok(value) => Message::with_payload(value),
        Err(_) => Message::with_payload(into_value(payload)),
    }
}

/// The payload to send for `msg`; `None` without a `payload`, and for an empty string unless
/// `msg._session.sendEmpty` is `true`.
///
/// # Errors
/// If the JSON would contain a `BigInt`.
pub(crate) fn outgoing(mode: Mode, mut msg: Message) -> Result<Option<Payload>, Unprintable> {
    match mode {
        Mode::WholeMessage => {
            msg.remove("_session");
            Ok(Some(Payload::Text(msg.stringify()?.into())))
        }
        Mode::Payload => {
            // The message ends here, so its payload can be taken without removing the entry.
            let Some(payload) = msg.properties_mut().get_mut("payload") else { return Ok(None) };
            let text = match std::mem::take(payload) {
                Value::String(text) => text,
                Value::Buffer(bytes) => return Ok(Some(Payload::Binary(bytes))),
                value => printed(value)?,
            };
            if text.is_empty() && !sends_empty(&msg) {
                return Ok(None);
            }
            Ok(Some(Payload::Text(text)))
        }
    }
}

/// Whether the `websocket out` node that sent this message sends empty strings.
fn sends_empty(msg: &Message) -> bool {
    let option = msg.get("_session").and_then(|session| session.get("sendEmpty"));
    option.and_then(Value::as_bool).unwrap_or_default()
}

/// What is no text, as Node-RED's `ensureString` prints it: only objects, which include dates and
/// `null`, as JSON.
fn printed(value: Value) -> Result<Text, Unprintable> {
    match value {
        Value::Number(number) => Ok(number_to_string(number).into()),
        Value::Undefined => Ok(Text::from_static("undefined")),
        Value::BigInt(number) => Ok(number.to_string().into()),
        other => Ok(other.stringify()?.unwrap_or_default().into()),
    }
}
