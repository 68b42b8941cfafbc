//! Failures across the border.

use crate::raw::failure::{DETAILED, ERROR, PANIC};
use crate::{message, raw};
use ferrowire_core::{Key, Map, Message, NodeError, Value};

/// A failure of either side's making.
#[derive(Debug, Default)]
pub struct Failed {
    /// With all causes, unless these stand apart.
    pub text: String,
    /// Where catch nodes get details, the text they get is the error's own.
    pub causes: Option<String>,
    /// Whether it was a panic.
    pub panicked: bool,
    /// For catch nodes.
    pub details: Map,
    /// What the error is, if it is not a text.
    pub value: Option<Value>,
    /// Whether the sender waits until catch nodes have handled it.
    pub first: bool,
}

impl Failed {
    /// Hands it over.
    pub fn into_raw(self) -> raw::Failure {
        if self.details.is_empty() && self.value.is_none() && !self.first {
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
        if let Some(value) = self.value {
            described.insert(Key::new_static(VALUE), value);
        }
        if self.first {
            described.insert(Key::new_static(FIRST), true);
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
            let value = described.remove(VALUE);
            let first = described.contains_key(FIRST);
            return Some(Failed { text, causes, panicked: false, details, value, first });
        }
        // SAFETY: passed on to the caller.
        let text = unsafe { failure.text.take() }?;
        let panicked = failure.kind == PANIC;
        Some(Failed { text, panicked, ..Failed::default() })
    }

    /// Calls a function of the other side that may fail.
    ///
    /// # Errors
    /// What it wrote to the place that it was given.
    ///
    /// # Safety
    /// `call` must pass the place to one function of the other side, or to none.
    pub unsafe fn from_call<T>(call: impl FnOnce(*mut raw::Failure) -> T) -> Result<T, NodeError> {
        let mut failure = raw::Failure::NONE;
        let result = call(&raw mut failure);
        // SAFETY: written by the other side, or none.
        match unsafe { Failed::from_raw(failure) } {
            None => Ok(result),
            Some(failed) => Err(failed.into()),
        }
    }

    /// A failure without a reason.
    pub fn unknown() -> Self {
        NodeError::new("the plugin gave no reason").into()
    }

    /// What was thrown.
    pub fn panic(payload: &(dyn std::any::Any + Send)) -> Self {
        let text = NodeError::panic_text(payload).to_owned();
        Failed { text, panicked: true, ..Failed::default() }
    }
}

/// The properties of the message that a failure with details crosses as.
const TEXT: &str = "text";
const DETAILS: &str = "details";
const CAUSES: &str = "causes";
const VALUE: &str = "value";
const FIRST: &str = "first";

impl From<NodeError> for Failed {
    fn from(error: NodeError) -> Self {
        let details = error.details().clone();
        let (text, causes) = match error.causes() {
            Some(causes) if !details.is_empty() => (error.to_string(), Some(causes)),
            _ => (error.chain(), None),
        };
        let value = error.value().cloned();
        Failed { text, causes, details, value, ..Failed::default() }
    }
}

impl From<Failed> for NodeError {
    fn from(failed: Failed) -> Self {
        let error = match failed.causes {
            Some(causes) => NodeError::caused_by(failed.text, causes),
            None => NodeError::new(failed.text),
        };
        let error = error.with_details(failed.details);
        match failed.value {
            Some(value) => error.with_value(value),
            None => error,
        }
    }
}
