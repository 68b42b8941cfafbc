//! `NodeError`: why a node could not handle a message or could not start.

use std::error::Error;
use std::fmt;

use crate::{Key, Map, Unprintable, Value};

/// The error of a node. The bus adds the node's identity; the text says only what went wrong, in
/// lower case and without a full stop.
#[derive(Debug)]
pub struct NodeError {
    text: String,
    source: Option<Box<dyn Error + Send + Sync>>,
    details: Map,
    value: Option<Box<Value>>,
}

impl NodeError {
    /// An error with this text.
    pub fn new(text: impl Into<String>) -> Self {
        NodeError { text: text.into(), source: None, details: Map::new(), value: None }
    }

    /// An error with its cause, which `text` must not repeat.
    pub fn caused_by(
        text: impl Into<String>,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        NodeError { source: Some(cause.into()), ..NodeError::new(text) }
    }

    /// Adds a property to the error that catch nodes receive, next to `message` and `source`:
    /// `code`, `stack` or `cause`.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.details.insert(Key::new_static(key), value);
        self
    }

    /// The further properties for catch nodes.
    pub fn details(&self) -> &Map {
        &self.details
    }

    /// Replaces the further properties for catch nodes.
    #[must_use]
    pub fn with_details(mut self, details: Map) -> Self {
        self.details = details;
        self
    }

    /// Sets what the error is, if it is not a text: the debug sidebar and the log show it.
    #[must_use]
    pub fn with_value(mut self, value: impl Into<Value>) -> Self {
        self.value = Some(Box::new(value.into()));
        self
    }

    /// What the error is, if it is not a text.
    pub fn value(&self) -> Option<&Value> {
        self.value.as_deref()
    }

    /// The text followed by every cause, in one line.
    pub fn chain(&self) -> String {
        match self.causes() {
            Some(causes) => format!("{}: {causes}", self.text),
            None => self.text.clone(),
        }
    }

    /// Every cause, in one line.
    pub fn causes(&self) -> Option<String> {
        let mut cause = self.source()?;
        let mut line = cause.to_string();
        while let Some(next) = cause.source() {
            line = format!("{line}: {next}");
            cause = next;
        }
        Some(line)
    }

    /// The text for catch nodes and the editor. For an error with a stack it has no causes, since
    /// the stack shows them.
    pub fn told(&self) -> String {
        match self.details.get("stack") {
            Some(_) => self.text.clone(),
            None => self.chain(),
        }
    }

    /// The error for a panic with `payload`.
    pub fn panicked(payload: &(dyn std::any::Any + Send)) -> Self {
        NodeError::new(format!("the node panicked: {}", Self::panic_text(payload)))
    }

    /// The message of a panic.
    pub fn panic_text(payload: &(dyn std::any::Any + Send)) -> &str {
        let text = payload.downcast_ref::<&str>().copied();
        text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no reason given")
    }
}

impl fmt::Display for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for NodeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

impl From<Unprintable> for NodeError {
    fn from(error: Unprintable) -> Self {
        NodeError::new(error.to_string())
    }
}

impl From<String> for NodeError {
    fn from(text: String) -> Self {
        NodeError::new(text)
    }
}

impl From<&str> for NodeError {
    fn from(text: &str) -> Self {
        NodeError::new(text)
    }
}
