//! `Status`: what is shown below a node.

use crate::{Map, Text, Value};

/// What is shown below a node in the editor: Node-RED's status object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// `red`, `green`, `yellow`, `blue`, `grey`, or empty.
    pub fill: &'static str,
    /// `ring`, `dot`, or empty.
    pub shape: &'static str,
    /// The text, or a key of the editor's message catalogue.
    pub text: Text,
    /// Further properties for status nodes, such as `event` and `_session`; not sent to the editor.
    pub details: Map,
}

impl Status {
    /// A status without details.
    pub fn new(fill: &'static str, shape: &'static str, text: impl Into<Text>) -> Self {
        Status { fill, shape, text: text.into(), details: Map::new() }
    }

    /// Adds a detail for status nodes.
    pub fn with(mut self, key: &'static str, value: impl Into<Value>) -> Self {
        self.details.insert(key, value);
        self
    }

    /// The status in the object that JavaScript gives to `node.status`. An unknown colour or shape is
    /// left out, as in the editor; other properties become details.
    pub fn from_properties(properties: &Map) -> Self {
        const FILLS: [&str; 6] = ["red", "green", "yellow", "blue", "grey", "gray"];
        const SHAPES: [&str; 2] = ["ring", "dot"];
        let one_of = |name: &str, known: &[&'static str]| {
            let given = properties.get(name).and_then(Value::as_str).unwrap_or_default();
            known.iter().copied().find(|known| *known == given).unwrap_or_default()
        };
        let text = match properties.get("text") {
            None | Some(Value::Null) => Text::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_json().into(),
        };
        let mut status = Status::new(one_of("fill", &FILLS), one_of("shape", &SHAPES), text);
        for (key, value) in properties.iter() {
            let is_empty_text = key == "text" && value.as_str() == Some("");
            if is_empty_text || !matches!(key.as_str(), "fill" | "shape" | "text") {
                status.details.insert(key.clone(), value.clone());
            }
        }
        status
    }

    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        self.fill.is_empty() && self.shape.is_empty() && self.text.is_empty()
    }
}
