//! Errors that are objects in Node-RED, which tell their kind.

use ferrowire::NodeError;

/// An error of this kind, such as `TypeError`, as catch nodes see it.
pub(crate) fn thrown(kind: &str, text: &str) -> NodeError {
    let text = format!("{kind}: {text}");
    NodeError::new(text.clone()).with("stack", text)
}
