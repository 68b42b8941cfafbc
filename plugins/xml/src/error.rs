//! Errors that are objects in Node-RED, which tell their kind.

use ferrowire::NodeError;

/// `new Error(text)`, as catch nodes see it.
pub(crate) fn thrown(text: &str) -> NodeError {
    of_kind("Error", text)
}

pub(crate) fn of_kind(kind: &str, text: &str) -> NodeError {
    let text = format!("{kind}: {text}");
    NodeError::new(text.clone()).with("stack", text)
}
