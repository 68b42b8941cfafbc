//! `Message`: what travels along the wires, Node-RED's `msg`.

use std::fmt;

use smol_str::SmolStr;

use crate::abi::message::Foreign;
use crate::{Key, Map, Value, json};

/// A message: an ordered object of properties. Cloning copies the list of properties and shares
/// their contents, so that each wire gets a message of its own.
pub struct Message {
    own: Map,
    /// In place of `own`: a message that crossed the border of a shared library stays closed
    /// until someone looks into it, because most nodes pass on more messages than they read.
    foreign: Option<Foreign>,
}

impl Message {
    /// A message without properties. The bus gives it a `_msgid` when it is sent.
    pub const fn new() -> Self {
        Message { own: Map::new(), foreign: None }
    }

    /// A message that holds `payload`.
    pub fn with_payload(payload: impl Into<Value>) -> Self {
        let mut properties = Map::with_capacity(4);
        properties.insert(Key::new_static("payload"), payload);
        Message { own: properties, foreign: None }
    }

    /// `msg.payload`.
    pub fn payload(&self) -> Option<&Value> {
        self.properties().get("payload")
    }

    /// The property `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.properties().get(key)
    }

    /// Sets the property `key` and returns its earlier value.
    pub fn set(&mut self, key: impl Into<Key>, value: impl Into<Value>) -> Option<Value> {
        self.properties_mut().insert(key, value)
    }

    /// Removes the property `key` and returns its value.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        self.properties_mut().remove(key)
    }

    /// `msg._msgid`, when it is a string.
    pub fn id(&self) -> Option<&str> {
        self.get("_msgid")?.as_str()
    }

    /// Gives the message a `_msgid`, unless it has one.
    pub fn ensure_id(&mut self) {
        if !self.properties().get("_msgid").is_some_and(Value::is_truthy) {
            self.properties_mut().insert(Key::new_static("_msgid"), generate_id());
        }
    }

    /// All properties.
    pub fn properties(&self) -> &Map {
        match &self.foreign {
            None => &self.own,
            Some(foreign) => foreign.properties(),
        }
    }

    /// All properties, to be changed.
    pub fn properties_mut(&mut self) -> &mut Map {
        if let Some(foreign) = self.foreign.take() {
            self.own = foreign.into_properties();
        }
        &mut self.own
    }

    /// A message of the other side of the ABI, or this side's properties.
    pub(crate) fn into_foreign(self) -> Result<Foreign, Map> {
        self.foreign.ok_or(self.own)
    }

    pub(crate) fn from_foreign(foreign: Foreign) -> Self {
        Message { own: Map::new(), foreign: Some(foreign) }
    }

    /// The message as JSON text, as `JSON.stringify(msg)` prints it.
    pub fn to_json(&self) -> String {
        json::print(self.properties())
    }
}

impl From<Map> for Message {
    fn from(properties: Map) -> Self {
        Message { own: properties, foreign: None }
    }
}

impl Default for Message {
    fn default() -> Self {
        Message::new()
    }
}

impl Clone for Message {
    fn clone(&self) -> Self {
        let foreign = self.foreign.as_ref().map(Foreign::duplicate);
        Message { own: self.own.clone(), foreign }
    }
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.properties() == other.properties()
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("properties", self.properties()).finish()
    }
}

impl From<Message> for Map {
    fn from(msg: Message) -> Self {
        match msg.foreign {
            None => msg.own,
            Some(foreign) => foreign.into_properties(),
        }
    }
}

impl From<Message> for Value {
    fn from(msg: Message) -> Self {
        Map::from(msg).into()
    }
}

/// A new id of 16 hexadecimal digits, the form of Node-RED's `RED.util.generateId()`.
/// It is unique enough to tell things apart, and no secret.
pub fn generate_id() -> SmolStr {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut bits = fastrand::u64(..);
    let mut digits = [0u8; 16];
    for digit in &mut digits {
        *digit = DIGITS[(bits & 0xf) as usize];
        bits >>= 4;
    }
    SmolStr::new_inline(std::str::from_utf8(&digits).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_16_hexadecimal_digits() {
        let id = generate_id();
        assert_eq!(id.len(), 16);
        assert!(id.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase()));
        assert_ne!(id, generate_id());
    }

    #[test]
    fn a_message_that_has_an_id_keeps_it() {
        let mut msg = Message::new();
        msg.set("_msgid", "mine");
        msg.ensure_id();
        assert_eq!(msg.id(), Some("mine"));
    }
}
