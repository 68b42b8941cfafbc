//! `Message`: a Node-RED message, `msg`.

use std::fmt;

use smol_str::SmolStr;

use crate::trace::{Decision, Trace};
use crate::{Key, Map, Unopened, Unprintable, Value, print};

/// A message: an ordered object of properties. Cloning copies the list of properties and shares
/// their contents, so that each wire gets its own message.
#[derive(Clone)]
pub struct Message {
    body: Body,
    /// Known to have a `_msgid`, so that the bus need not check it at each hop.
    identified: bool,
    /// Known to belong to no trace. Beside [`Decision::Traced`], to take no further bytes.
    ignored: bool,
    trace: Option<Trace>,
}

/// The property that identifies messages.
const ID: &str = "_msgid";

#[derive(Clone)]
enum Body {
    Own(Map),
    Unopened(Unopened),
}

impl Body {
    fn into_properties(self) -> Map {
        match self {
            Body::Own(properties) => properties,
            Body::Unopened(unopened) => unopened.into_properties(),
        }
    }
}

impl Message {
    const fn of(body: Body, identified: bool) -> Self {
        Message { body, identified, ignored: false, trace: None }
    }

    /// A message without properties. The bus adds a `_msgid` when it is sent.
    pub const fn new() -> Self {
        Message::of(Body::Own(Map::new()), false)
    }

    /// A message with `payload`.
    pub fn with_payload(payload: impl Into<Value>) -> Self {
        let mut properties = Map::with_capacity(4);
        properties.insert(Key::new_static("payload"), payload);
        Message::of(Body::Own(properties), false)
    }

    /// A message from a peer: `payload`, the peer's `_session`, and a new `_msgid`.
    pub fn received(payload: Value, session: Value) -> Self {
        let properties = Map::from_distinct([
            (Key::new_static("payload"), payload),
            (Key::new_static("_session"), session),
            (Key::new_static(ID), generate_id().into()),
        ]);
        Message::of(Body::Own(properties), true)
    }

    /// `msg.payload`; `None` if missing or `undefined`.
    pub fn payload(&self) -> Option<&Value> {
        self.properties().get("payload")
    }

    /// The property `key`; `None` if missing or `undefined`.
    #[inline]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.properties().get(key)
    }

    /// Whether the property `key` exists, even if it is `undefined`: `msg.hasOwnProperty(key)`.
    pub fn contains_key(&self, key: &str) -> bool {
        self.properties().contains_key(key)
    }

    /// Sets the property `key` and returns its old value.
    pub fn set(&mut self, key: impl Into<Key>, value: impl Into<Value>) -> Option<Value> {
        let key = key.into();
        self.properties_for(&key).insert(key, value)
    }

    /// Removes the property `key` and returns its value.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        self.properties_for(key).remove(key)
    }

    /// `msg._msgid`, if it is a string.
    pub fn id(&self) -> Option<&str> {
        self.get(ID)?.as_str()
    }

    /// Adds a `_msgid` if there is none.
    pub fn ensure_id(&mut self) {
        if self.identified {
            return;
        }
        if let Body::Unopened(unopened) = &self.body
            && unopened.is_identified()
        {
            self.identified = true;
            return;
        }
        if !self.properties().get(ID).is_some_and(Value::is_truthy) {
            self.properties_mut().insert(Key::new_static(ID), generate_id());
        }
        self.identified = true;
    }

    /// All properties.
    pub fn properties(&self) -> &Map {
        match &self.body {
            Body::Own(properties) => properties,
            Body::Unopened(unopened) => unopened.properties(),
        }
    }

    /// All properties, mutable.
    pub fn properties_mut(&mut self) -> &mut Map {
        self.open(false)
    }

    /// All properties, of which only `name` may be changed.
    pub(crate) fn properties_for(&mut self, name: &str) -> &mut Map {
        self.open(self.identified && name != ID)
    }

    fn open(&mut self, identified: bool) -> &mut Map {
        self.identified = identified;
        if let Body::Unopened(_) = self.body {
            let closed = std::mem::replace(&mut self.body, Body::Own(Map::new()));
            self.body = Body::Own(closed.into_properties());
        }
        match &mut self.body {
            Body::Own(properties) => properties,
            Body::Unopened(_) => unreachable!("opened above"),
        }
    }

    /// The trace that the message belongs to, if it is sampled or another system's. A clone belongs
    /// to the same trace, and so do messages that a node makes in its handler; others
    /// [continue](Self::continue_trace) one.
    pub fn trace(&self) -> Option<&Trace> {
        self.trace.as_ref()
    }

    /// Makes the message part of the trace of another one, which it is made from.
    pub fn continue_trace(&mut self, other: &Message) {
        self.decide(other.decision());
    }

    #[doc(hidden)]
    pub fn decision(&self) -> Decision {
        match &self.trace {
            Some(trace) => Decision::Traced(trace.clone()),
            None if self.ignored => Decision::Ignored,
            None => Decision::Open,
        }
    }

    #[doc(hidden)]
    pub fn decide(&mut self, decision: Decision) {
        self.ignored = matches!(decision, Decision::Ignored);
        self.trace = match decision {
            Decision::Traced(trace) => Some(trace),
            Decision::Open | Decision::Ignored => None,
        };
    }

    /// Whether the message is known to belong to no trace.
    #[inline]
    pub(crate) fn is_ignored(&self) -> bool {
        self.ignored
    }

    /// Whether nobody has decided yet if the message belongs to a trace.
    pub(crate) fn is_undecided(&self) -> bool {
        self.trace.is_none() && !self.ignored
    }

    /// Splits the message into its properties and whether they are known to have a `_msgid`.
    ///
    /// # Errors
    /// The argument of [`from_unopened`](Self::from_unopened), if the message was not changed
    /// since.
    pub fn into_parts(self) -> Result<(Map, bool), Unopened> {
        match self.body {
            Body::Own(properties) => Ok((properties, self.identified)),
            Body::Unopened(unopened) => Err(unopened),
        }
    }

    /// The inverse of [`into_parts`](Self::into_parts).
    pub fn from_parts(properties: Map, identified: bool) -> Self {
        Message::of(Body::Own(properties), identified)
    }

    /// A message whose properties are read on first use.
    pub fn from_unopened(unopened: Unopened) -> Self {
        Message::of(Body::Unopened(unopened), false)
    }

    /// The message as JSON text, as [`Value::to_json`] prints it.
    pub fn to_json(&self) -> String {
        print::to_json(self.properties())
    }

    /// `JSON.stringify(msg)`.
    ///
    /// # Errors
    /// As [`Value::stringify`].
    pub fn stringify(&self) -> Result<String, Unprintable> {
        print::stringify(self.properties())
    }
}

impl From<Map> for Message {
    fn from(properties: Map) -> Self {
        Message::of(Body::Own(properties), false)
    }
}

impl Default for Message {
    fn default() -> Self {
        Message::new()
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
        msg.body.into_properties()
    }
}

impl From<Message> for Value {
    fn from(msg: Message) -> Self {
        Map::from(msg).into()
    }
}

/// A new id of 16 hexadecimal digits, in the form of Node-RED's `RED.util.generateId()`. Unique
/// enough for an identifier, but not secret.
pub fn generate_id() -> SmolStr {
    let bits = fastrand::u64(..);
    let mut digits = [0u8; 16];
    let (high, low) = digits.split_at_mut(8);
    high.copy_from_slice(&hexadecimal((bits >> 32) as u32));
    low.copy_from_slice(&hexadecimal(bits as u32));
    SmolStr::new_inline(std::str::from_utf8(&digits).unwrap_or_default())
}

/// The eight hex digits of `number`, all at once: each nibble is spread to a byte, and values
/// above 9 become letters.
fn hexadecimal(number: u32) -> [u8; 8] {
    let mut spread = u64::from(number);
    spread = (spread | (spread << 16)) & 0x0000_ffff_0000_ffff;
    spread = (spread | (spread << 8)) & 0x00ff_00ff_00ff_00ff;
    spread = (spread | (spread << 4)) & 0x0f0f_0f0f_0f0f_0f0f;
    let letters = ((spread + 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101;
    (spread + 0x3030_3030_3030_3030 + letters * u64::from(b'a' - b'0' - 10)).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PropertyPath;

    #[test]
    fn an_id_is_16_hexadecimal_digits() {
        let id = generate_id();
        assert_eq!(id.len(), 16);
        assert!(id.bytes().all(|b| b.is_ascii_hexdigit() && !b.is_ascii_uppercase()));
        assert_ne!(id, generate_id());
    }

    #[test]
    fn digits_are_those_of_the_number() {
        for number in [0, 1, 0x0123_4567, 0x89ab_cdef, u32::MAX, 0xf0f0_0a0a] {
            assert_eq!(&hexadecimal(number), format!("{number:08x}").as_bytes());
        }
    }

    #[test]
    fn an_id_that_is_taken_away_is_replaced() {
        let mut msg = Message::received(Value::Null, Value::Null);
        msg.remove("_msgid");
        msg.ensure_id();
        assert!(msg.id().is_some());
    }

    #[test]
    fn an_id_that_is_set_to_nothing_is_replaced() {
        let id = PropertyPath::parse("_msgid").unwrap();
        let changes: [&dyn Fn(&mut Message); 3] = [
            &|msg| id.set(msg, Value::Null).unwrap(),
            &|msg| assert!(id.remove(msg).is_some()),
            &|msg| assert!(msg.set("_msgid", "").is_some()),
        ];
        for change in changes {
            let mut msg = Message::received(Value::Null, Value::Null);
            msg.set("topic", "other");
            change(&mut msg);
            msg.ensure_id();
            assert!(msg.id().is_some_and(|id| id.len() == 16));
        }
    }

    #[test]
    fn a_message_that_has_an_id_keeps_it() {
        let mut msg = Message::new();
        msg.set("_msgid", "mine");
        msg.ensure_id();
        assert_eq!(msg.id(), Some("mine"));
    }
}
