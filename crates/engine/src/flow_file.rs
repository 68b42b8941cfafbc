//! `FlowFile`: Node-RED's flows.json as text and as a list of node objects, nothing lost.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use ferrowire_core::{Map, Value};
use sha2::{Digest, Sha256};

/// A flow file: its node objects in order, with every property, those of unknown types included.
/// Cloning is cheap.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlowFile {
    nodes: Arc<Vec<Map>>,
    /// What stands beside `flows` in the form `{"flows": […], "rev": "…"}`.
    envelope: Option<Arc<Map>>,
    credentials: Credentials,
}

/// What nodes need to know and the file does not say, by node.
#[derive(Clone, Default, PartialEq)]
struct Credentials(Arc<HashMap<String, Map>>);

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// Why a text is no flow file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlowFileError {
    /// The text is not JSON.
    #[error("invalid JSON at line {line}, column {column}: {reason}")]
    NotJson {
        /// The line of the mistake, counted from 1.
        line: usize,
        /// The column of the mistake, counted from 1.
        column: usize,
        /// What was expected or found there.
        reason: String,
    },
    /// The JSON is neither a list of nodes nor an object that holds one.
    #[error(
        "expected an array of nodes or an object with such an array in `flows`, found {found}; \
         export the flows from Node-RED again"
    )]
    NotAnArray {
        /// What was there instead.
        found: &'static str,
    },
    /// Something in the list is not an object.
    #[error("expected an object at place {place} of the list of nodes, found {found}")]
    NotAnObject {
        /// Its place in the list, counted from 1.
        place: usize,
        /// What was there instead.
        found: &'static str,
    },
    /// A node has no `id` or no `type`.
    #[error(
        "the node at place {place} ({known}) has no `{property}`; \
         give it one, a string that is not empty"
    )]
    Missing {
        /// Its place in the list, counted from 1.
        place: usize,
        /// What is missing: `id` or `type`.
        property: &'static str,
        /// What the node says about itself.
        known: String,
    },
}

impl FlowFile {
    /// One file that holds the nodes of all `files`, in their order.
    pub fn merged(files: impl IntoIterator<Item = FlowFile>) -> Self {
        let nodes: Vec<Map> = files.into_iter().flat_map(|file| file.nodes().to_vec()).collect();
        FlowFile { nodes: nodes.into(), ..FlowFile::default() }
    }

    /// A flow file of these node objects.
    ///
    /// # Errors
    /// When one is no object, or lacks its `id` or `type`.
    pub fn from_nodes(nodes: Vec<Value>) -> Result<Self, FlowFileError> {
        Self::from_items(nodes)
    }

    /// The same file with credentials, by the id of the node, tab or group that they belong to.
    /// Nodes find theirs in their property `credentials`. They are no part of the file's text
    /// and revision.
    #[must_use]
    pub fn with_credentials(mut self, credentials: HashMap<String, Map>) -> Self {
        self.credentials = Credentials(Arc::new(credentials));
        self
    }

    pub(crate) fn credentials_of(&self, id: &str) -> Option<&Map> {
        self.credentials.0.get(id)
    }

    /// A flow file of other nodes with the same credentials.
    pub(crate) fn with_nodes(&self, nodes: Vec<Map>) -> Self {
        FlowFile { nodes: nodes.into(), envelope: None, credentials: self.credentials.clone() }
    }

    /// Parses the text of a flow file: an array of nodes, or an object that holds it in `flows`.
    /// A byte order mark is skipped.
    ///
    /// # Errors
    /// When the text is not JSON, not a list of objects, or a node lacks its `id` or `type`.
    pub fn parse(text: &[u8]) -> Result<Self, FlowFileError> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        match Value::from_json(text).map_err(|error| not_json(&error))? {
            Value::Array(items) => Self::from_items(Arc::unwrap_or_clone(items)),
            Value::Object(map) => Self::from_envelope(Arc::unwrap_or_clone(map)),
            other => Err(FlowFileError::NotAnArray { found: describe(&other) }),
        }
    }

    fn from_envelope(mut map: Map) -> Result<Self, FlowFileError> {
        // Its place is kept, so that the file is written back in the same order.
        match map.get_mut("flows").map(std::mem::take) {
            Some(Value::Array(items)) => {
                let file = Self::from_items(Arc::unwrap_or_clone(items))?;
                Ok(FlowFile { envelope: Some(Arc::new(map)), ..file })
            }
            Some(other) => Err(FlowFileError::NotAnArray { found: describe(&other) }),
            None => Err(FlowFileError::NotAnArray { found: "an object without `flows`" }),
        }
    }

    fn from_items(items: Vec<Value>) -> Result<Self, FlowFileError> {
        let nodes: Result<Vec<_>, _> =
            items.into_iter().zip(1..).map(|(item, place)| node(item, place)).collect();
        Ok(FlowFile { nodes: Arc::new(nodes?), ..FlowFile::default() })
    }

    /// The node objects: tabs, groups, configuration nodes and flow nodes, in the file's order.
    pub fn nodes(&self) -> &[Map] {
        &self.nodes
    }

    /// The file as JSON, in the form in which it was read.
    pub fn to_json(&self) -> String {
        match &self.envelope {
            None => self.flows_value().to_json(),
            Some(envelope) => {
                let mut map = Map::clone(envelope);
                map.insert("flows", self.flows_value());
                Value::from(map).to_json()
            }
        }
    }

    /// The revision: a hash of the nodes, the same for the same nodes.
    pub fn rev(&self) -> String {
        let hash = Sha256::digest(self.flows_value().to_json());
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn flows_value(&self) -> Value {
        self.nodes.iter().cloned().map(Value::from).collect::<Vec<_>>().into()
    }
}

fn not_json(error: &serde_json::Error) -> FlowFileError {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or_default().to_owned();
    FlowFileError::NotJson { line, column, reason }
}

fn node(item: Value, place: usize) -> Result<Map, FlowFileError> {
    let Value::Object(node) = item else {
        return Err(FlowFileError::NotAnObject { place, found: describe(&item) });
    };
    for property in ["id", "type"] {
        if text(&node, property).is_empty() {
            let known = ["id", "type", "name", "label"].into_iter();
            let known: Vec<_> = known
                .filter(|property| !text(&node, property).is_empty())
                .map(|property| format!("{property} `{}`", text(&node, property)))
                .collect();
            let known = if known.is_empty() { "nameless".to_owned() } else { known.join(", ") };
            return Err(FlowFileError::Missing { place, property, known });
        }
    }
    Ok(Arc::unwrap_or_clone(node))
}

/// The property as a string; empty when it is missing or something else.
pub(crate) fn text<'a>(node: &'a Map, property: &str) -> &'a str {
    node.get(property).and_then(Value::as_str).unwrap_or_default()
}

fn describe(value: &Value) -> &'static str {
    match value {
        Value::Null => "`null`",
        Value::Undefined => "`undefined`",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::BigInt(_) => "a BigInt",
        Value::String(_) => "a string",
        Value::Date(_) => "a date",
        Value::Buffer(_) => "a buffer",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
