//! `HostedTypes`: which nodes the child runs.

use std::collections::HashSet;

use ferrowire_core::javascript::has_module;
use ferrowire_core::{Map, Value};

/// The type of functions.
pub(crate) const FUNCTION: &str = "function";

/// Which nodes the child runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HostedTypes {
    /// All nodes of these types.
    pub(crate) types: HashSet<&'static str>,
    /// Functions that run in Node.js. The others run natively.
    pub(crate) has_functions: bool,
}

impl HostedTypes {
    /// Whether the child runs a node with these properties.
    pub(crate) fn has(&self, node: &Map) -> bool {
        let node_type = node.get("type").and_then(Value::as_str).unwrap_or_default();
        self.types.contains(node_type)
            || self.has_functions && node_type == FUNCTION && runs_in_node_js(node)
    }
}

/// Whether Node.js runs a function: one with a module that only Node.js has, unless it says itself where it
/// runs. `child.js` has the same rule.
pub(crate) fn runs_in_node_js(function: &Map) -> bool {
    match function.get("runsIn").and_then(Value::as_str) {
        Some("nodejs") => true,
        Some("native") => false,
        _ => {
            let modules = function.get("libs").and_then(Value::as_array);
            modules.into_iter().flatten().any(|module| !is_native(module))
        }
    }
}

/// Whether an entry of `libs` names a module that functions have without Node.js.
fn is_native(module: &Value) -> bool {
    module.get("module").and_then(Value::as_str).is_some_and(has_module)
}
