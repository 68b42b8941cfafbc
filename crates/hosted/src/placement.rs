//! `HostedTypes`: which nodes the child runs.

use std::collections::HashSet;

use ferrowire_core::{Map, Value};

/// The type of functions.
pub(crate) const FUNCTION: &str = "function";

/// Which nodes the child runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HostedTypes {
    /// All nodes of these types.
    pub(crate) types: HashSet<&'static str>,
    /// Functions that use modules from npm. The others run natively.
    pub(crate) has_functions: bool,
}

impl HostedTypes {
    /// Whether the child runs a node with these properties.
    pub(crate) fn has(&self, node: &Map) -> bool {
        let node_type = node.get("type").and_then(Value::as_str).unwrap_or_default();
        self.types.contains(node_type)
            || self.has_functions && node_type == FUNCTION && needs_modules(node)
    }
}

/// Whether a function uses modules from npm. `child.js` has the same rule.
pub(crate) fn needs_modules(function: &Map) -> bool {
    function.get("libs").and_then(Value::as_array).is_some_and(|libs| !libs.is_empty())
}
