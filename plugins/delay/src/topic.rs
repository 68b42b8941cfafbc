//! `Topic`: the identity of a message's topic.

use ferrowire::{Message, Text, Value};

/// Equal if JavaScript's `===` says so.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) enum Topic {
    Null,
    Bool(bool),
    /// The bits of a number.
    Number(u64),
    Text(Text),
}

impl Topic {
    /// The topic of `msg`; `None` if it equals no other, such as an object.
    pub(crate) fn of(msg: &Message) -> Option<Self> {
        match msg.get("topic")? {
            Value::Null => Some(Topic::Null),
            Value::Bool(value) => Some(Topic::Bool(*value)),
            // 0 and -0 are equal.
            Value::Number(number) => Some(Topic::Number((number + 0.0).to_bits())),
            Value::String(text) => Some(Topic::Text(text.clone())),
            _ => None,
        }
    }
}
