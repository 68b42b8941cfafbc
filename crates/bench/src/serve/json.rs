//! The JSON flow in code: parses a message, sets one property, prints it.

use std::io;

use tokio_tungstenite::tungstenite::{Error, Message};

/// The answer of `flows/json.json`; an error for anything but an object.
pub(super) fn answer(message: Message) -> Result<Message, Error> {
    let invalid = |problem: String| Error::Io(io::Error::new(io::ErrorKind::InvalidData, problem));
    let text = message.to_text()?;
    let mut value: serde_json::Value =
        serde_json::from_str(text).map_err(|error| invalid(error.to_string()))?;
    let object = value.as_object_mut().ok_or_else(|| invalid("expected an object".to_owned()))?;
    object.insert("verdict".to_owned(), "ok".into());
    Ok(Message::text(value.to_string()))
}
