//! `Topic`: what tells messages apart that wait for each other's topics.

use ferrowire::{Message, Text, Value};

/// Topics that JavaScript's `===` takes for the same are equal.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) enum Topic {
    Null,
    Bool(bool),
    /// The bits of a number.
    Number(u64),
    Text(Text),
}

impl Topic {
    /// The topic of `msg`; `None` for one that equals no other, such as an object.
    pub(crate) fn of(msg: &Message) -> Option<Self> {
        match msg.get("topic")? {
            Value::Null => Some(Topic::Null),
            Value::Bool(value) => Some(Topic::Bool(*value)),
            // Both zeros are one.
            Value::Number(number) => Some(Topic::Number((number + 0.0).to_bits())),
            Value::String(text) => Some(Topic::Text(text.clone())),
            _ => None,
        }
    }
}
