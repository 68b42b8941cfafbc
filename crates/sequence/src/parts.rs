//! `Parts`: the place of a message in its sequence, as `msg.parts` states it.

use std::borrow::Cow;

use ferrowire_core::{Message, Value, javascript};

/// `msg.parts` of a message that belongs to a sequence: one with an `id` and an `index`.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    id: &'a Value,
    index: &'a Value,
    count: Option<&'a Value>,
}

impl<'a> Parts<'a> {
    /// Reads `msg.parts`; `None` when the message belongs to no sequence.
    pub fn of(msg: &'a Message) -> Option<Self> {
        let parts = msg.get("parts")?;
        Some(Parts { id: parts.get("id")?, index: parts.get("index")?, count: parts.get("count") })
    }

    /// The id of the sequence. An id that is not a string counts as its JSON text.
    pub fn id(&self) -> Cow<'a, str> {
        match self.id {
            Value::String(text) => Cow::Borrowed(text),
            other => Cow::Owned(other.to_json()),
        }
    }

    /// The place in the sequence, counted from 0; NaN for what is not a number.
    pub fn index(&self) -> f64 {
        javascript::number(Some(self.index))
    }

    /// The number of messages in the sequence, if it is stated as a number.
    pub fn count(&self) -> Option<f64> {
        self.count.and_then(Value::as_f64)
    }

    /// Whether a `count` is stated, of whatever type.
    pub fn has_count(&self) -> bool {
        self.count.is_some()
    }
}

/// Sets the property `name` of `msg.parts`. A message whose `parts` is not an object stays as it
/// is.
pub fn set_part(msg: &mut Message, name: &'static str, value: impl Into<Value>) {
    if let Some(parts) = msg.properties_mut().get_mut("parts").and_then(Value::as_object_mut) {
        parts.insert(name, value);
    }
}
