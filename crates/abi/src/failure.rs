//! Failures across the border.

use crate::raw::failure::{DETAILED, ERROR, PANIC};
use crate::{message, raw};
use ferrowire_core::{Key, Map, Message, NodeError, Value};

/// A failure of either side's making.
#[derive(Debug)]
pub struct Failed {
    /// With all causes, unless these stand apart.
    pub text: String,
    /// Where catch nodes get details, the text they get is the error's own.
    pub causes: Option<String>,
    /// Whether it was a panic.
    pub panicked: bool,
    /// For catch nodes.
    pub details: Map,
}

impl Failed {
    /// Hands it over.
    pub fn into_raw(self) -> raw::Failure {
        if self.details.is_empty() {
            let kind = if self.panicked { PANIC } else { ERROR };
            return raw::Failure { text: raw::OwnedStr::new(self.text), kind };
        }
        let mut described = Map::from_iter([
            (Key::new_static(TEXT), Value::from(self.text)),
            (Key::new_static(DETAILS), self.details.into()),
        ]);
        if let Some(causes) = self.causes {
            described.insert(Key::new_static(CAUSES), causes);
        }
        let ptr = message::into_raw(Message::from(described)).cast();
        raw::Failure { text: raw::OwnedStr { ptr, len: 0, release: None }, kind: DETAILED }
    }

    /// Takes it over, if there is one.
    ///
    /// # Safety
    /// `failure` must be as the other side handed it over.
    pub unsafe fn from_raw(failure: raw::Failure) -> Option<Failed> {
        if failure.kind == DETAILED {
            // SAFETY: the kind says that a message was handed over.
            let mut described = unsafe { message::from_raw(failure.text.ptr.cast_mut().cast()) };
            let text = described.remove(TEXT);
            let details = match described.remove(DETAILS) {
                Some(Value::Object(details)) => std::sync::Arc::unwrap_or_clone(details),
                _ => Map::new(),
            };
            let text = text.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
            let causes = described.remove(CAUSES);
            let causes = causes.as_ref().and_then(Value::as_str).map(str::to_owned);
            return Some(Failed { text, causes, panicked: false, details });
        }
        // SAFETY: passed on to the caller.
        let text = unsafe { failure.text.take() }?;
        let panicked = failure.kind == PANIC;
        Some(Failed { text, causes: None, panicked, details: Map::new() })
    }

    /// A failure without a reason.
    pub fn unknown() -> Self {
        NodeError::new("the plugin gave no reason").into()
    }

    /// What was thrown.
    pub fn panic(payload: &(dyn std::any::Any + Send)) -> Self {
        let text = NodeError::panic_text(payload).to_owned();
        Failed { text, causes: None, panicked: true, details: Map::new() }
    }
}

/// The properties of the message that a failure with details crosses as.
const TEXT: &str = "text";
const DETAILS: &str = "details";
const CAUSES: &str = "causes";

impl From<NodeError> for Failed {
    fn from(error: NodeError) -> Self {
        let details = error.details().clone();
        let (text, causes) = match error.causes() {
            Some(causes) if !details.is_empty() => (error.to_string(), Some(causes)),
            _ => (error.chain(), None),
        };
        Failed { text, causes, panicked: false, details }
    }
}

impl From<Failed> for NodeError {
    fn from(failed: Failed) -> Self {
        let error = match failed.causes {
            Some(causes) => NodeError::caused_by(failed.text, causes),
            None => NodeError::new(failed.text),
        };
        error.with_details(failed.details)
    }
}
