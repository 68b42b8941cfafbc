//! Messages that come back from a `link in` node that the code called.

use ferrowire::{Message, Text, Value};

/// The property of a message with the calls that it is to return to, the latest last.
pub(crate) const SOURCES: &str = "_linkSource";

/// The property of a returning message with the number of its call.
const RETURN: &str = "_linkReturn";

/// The number of the call that `msg` returns from.
pub(crate) fn take_call(msg: &mut Message) -> Option<Text> {
    let Some(Value::String(call)) = msg.remove(RETURN) else { return None };
    let is_empty = |sources: &Value| sources.as_array().is_some_and(<[Value]>::is_empty);
    if msg.get(SOURCES).is_some_and(is_empty) {
        msg.remove(SOURCES);
    }
    Some(call)
}
