//! `FlowFile`: Node-RED's flows.json as a list of node objects, read and written without loss.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use ferrowire_core::{Map, Value};
use sha2::{Digest, Sha256};

/// A flow file: all its node objects in order, with all their properties, also those of unknown
/// types. Cloning is cheap.
#[derive(Clone, Debug, Default)]
pub struct FlowFile {
    nodes: Arc<Vec<Arc<Map>>>,
    /// The object around `flows`, for files of the form `{"flows": […], "rev": "…"}`.
    envelope: Option<Arc<Map>>,
    credentials: Credentials,
    /// The revision of `nodes`, once it is known.
    rev: Arc<OnceLock<Arc<str>>>,
}

impl PartialEq for FlowFile {
    fn eq(&self, other: &Self) -> bool {
        let FlowFile { nodes, envelope, credentials, rev: _ } = self;
        *nodes == other.nodes && *envelope == other.envelope && *credentials == other.credentials
    }
}

/// The credentials of nodes, by id. They are not in the file.
#[derive(Clone, Default, PartialEq)]
struct Credentials(Arc<HashMap<String, Map>>);

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

/// Why a text is not a flow file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlowFileError {
    /// The text is not JSON.
    #[error("invalid JSON at line {line}, column {column}: {reason}")]
    NotJson {
        /// The line of the mistake, from 1.
        line: usize,
        /// The column of the mistake, from 1.
        column: usize,
        /// What was expected or found.
        reason: String,
    },
    /// The JSON is neither an array of nodes nor an object with one in `flows`.
    #[error(
        "expected an array of nodes or an object with such an array in `flows`, found {found}; \
         export the flows from Node-RED again"
    )]
    NotAnArray {
        /// What was found instead.
        found: &'static str,
    },
    /// An item of the array is not an object.
    #[error("expected an object as item {position} of the array of nodes, found {found}")]
    NotAnObject {
        /// The item's position in the array, from 1.
        position: usize,
        /// What was found instead.
        found: &'static str,
    },
    /// A node has no `id` or no `type`.
    #[error(
        "item {position} of the array of nodes ({known}) has no `{property}`; \
         set it to a string that is not empty"
    )]
    Missing {
        /// The item's position in the array, from 1.
        position: usize,
        /// The missing property: `id` or `type`.
        property: &'static str,
        /// The properties that help to find the node.
        known: String,
    },
}

impl FlowFile {
    /// One file with the nodes of all `files`, in their order. Credentials are left out.
    pub fn merged(files: impl IntoIterator<Item = FlowFile>) -> Self {
        let nodes: Vec<_> = files.into_iter().flat_map(|file| file.nodes().to_vec()).collect();
        FlowFile { nodes: nodes.into(), ..FlowFile::default() }
    }

    /// A flow file of these node objects.
    ///
    /// # Errors
    /// If an item is not an object, or has no `id` or `type`.
    pub fn from_nodes(nodes: Vec<Value>) -> Result<Self, FlowFileError> {
        Self::from_items(nodes)
    }

    /// The same file with credentials, by the id of the node, tab or group that they belong to.
    /// Nodes get theirs as the property `credentials`. They don't appear in the file's text, and
    /// the revision does not depend on them.
    #[must_use]
    pub fn with_credentials(mut self, credentials: HashMap<String, Map>) -> Self {
        self.credentials = Credentials(Arc::new(credentials));
        self
    }

    /// The credentials of the node, tab or group `id`.
    pub fn credentials_of(&self, id: &str) -> Option<&Map> {
        self.credentials.0.get(id)
    }

    /// A flow file with other nodes and the same credentials.
    pub(crate) fn with_nodes(&self, nodes: Vec<Arc<Map>>) -> Self {
        let credentials = self.credentials.clone();
        FlowFile { nodes: nodes.into(), credentials, ..FlowFile::default() }
    }

    /// The same file, sharing with `other` the objects that are equal. A deploy changes few objects,
    /// and those that are shared are compared once.
    #[must_use]
    pub(crate) fn sharing(mut self, other: &FlowFile) -> Self {
        let by_id = OnceCell::new();
        let find = |id: &str| {
            let by_id = by_id.get_or_init(|| {
                other.nodes().iter().map(|node| (text(node, "id"), node)).collect::<HashMap<_, _>>()
            });
            by_id.get(id).copied()
        };
        for (at, node) in Arc::make_mut(&mut self.nodes).iter_mut().enumerate() {
            let id = text(node, "id");
            let at_same_place = other.nodes().get(at).filter(|other| text(other, "id") == id);
            let Some(known) = at_same_place.or_else(|| find(id)) else { continue };
            if is_identical(node, known) {
                *node = Arc::clone(known);
            }
        }
        self
    }

    /// Parses the text of a flow file: an array of nodes, or an object with such an array in `flows`.
    /// A byte order mark is skipped.
    ///
    /// # Errors
    /// If the text is not JSON or not a list of objects, or a node has no `id` or `type`.
    pub fn parse(text: &[u8]) -> Result<Self, FlowFileError> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        match Value::from_json(text).map_err(|error| not_json(&error))? {
            Value::Array(items) => Self::from_items(Arc::unwrap_or_clone(items)),
            Value::Object(map) => Self::from_envelope(Arc::unwrap_or_clone(map)),
            other => Err(FlowFileError::NotAnArray { found: describe(&other) }),
        }
    }

    fn from_envelope(mut map: Map) -> Result<Self, FlowFileError> {
        // The key stays in the map, so that the file is written with its keys in the same order.
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
            items.into_iter().zip(1..).map(|(item, position)| node(item, position)).collect();
        Ok(FlowFile { nodes: Arc::new(nodes?), ..FlowFile::default() })
    }

    /// The node objects in the order of the file: tabs, subflows, groups, configuration nodes and
    /// flow nodes.
    pub fn nodes(&self) -> &[Arc<Map>] {
        &self.nodes
    }

    /// The file as JSON, in the form that it was read in.
    pub fn to_json(&self) -> String {
        match &self.envelope {
            None => {
                let text = self.flows_value().to_json();
                self.rev.get_or_init(|| rev_of(&text));
                text
            }
            Some(envelope) => {
                let mut map = Map::clone(envelope);
                map.insert("flows", self.flows_value());
                Value::from(map).to_json()
            }
        }
    }

    /// The revision: the SHA-256 hash of the nodes as JSON, in hexadecimal, as in Node-RED.
    pub fn rev(&self) -> Arc<str> {
        Arc::clone(self.rev.get_or_init(|| rev_of(&self.flows_value().to_json())))
    }

    fn flows_value(&self) -> Value {
        self.nodes.iter().cloned().map(Value::Object).collect::<Vec<_>>().into()
    }
}

fn rev_of(nodes: &str) -> Arc<str> {
    let hash = Sha256::digest(nodes);
    hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}

/// Whether two objects have equal properties in the same order.
fn is_identical(one: &Arc<Map>, other: &Arc<Map>) -> bool {
    Arc::ptr_eq(one, other) || one.len() == other.len() && one.iter().eq(other.iter())
}

fn not_json(error: &serde_json::Error) -> FlowFileError {
    let (line, column) = (error.line(), error.column());
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or_default().to_owned();
    FlowFileError::NotJson { line, column, reason }
}

fn node(item: Value, position: usize) -> Result<Arc<Map>, FlowFileError> {
    let Value::Object(node) = item else {
        return Err(FlowFileError::NotAnObject { position, found: describe(&item) });
    };
    for property in ["id", "type"] {
        if text(&node, property).is_empty() {
            let known = ["id", "type", "name", "label"].into_iter();
            let known: Vec<_> = known
                .filter(|property| !text(&node, property).is_empty())
                .map(|property| format!("{property} `{}`", text(&node, property)))
                .collect();
            let known = if known.is_empty() { "nameless".to_owned() } else { known.join(", ") };
            return Err(FlowFileError::Missing { position, property, known });
        }
    }
    Ok(node)
}

/// The property as a string; empty if it is missing or not a string.
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
