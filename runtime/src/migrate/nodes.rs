//! What runs each node of a flow file.

use std::collections::{BTreeMap, HashMap, HashSet};

use ferrowire_core::{Map, Registry, Value};
use ferrowire_engine::{Environment, FlowFile, Place, Problem, check};

use crate::node_places::text;

/// Objects that structure a file. Instances of subflows are nodes.
const STRUCTURE: [&str; 3] = ["group", "subflow", "tab"];

/// What runs a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Runs {
    /// This program.
    Native,
    /// Node.js, with a package.
    Npm,
    /// Nothing does: no plugin and no installed package has its type.
    Nothing,
    /// It is disabled, or its flow is.
    Disabled,
}

/// A node of the flow file.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) runs: Runs,
    /// The package of an npm node, also of a known one that is missing.
    pub(super) package: &'static str,
    /// Its version, if it is installed.
    pub(super) version: &'static str,
}

/// All nodes in the order of the file, and what is wrong with some of them.
pub(super) fn examine(
    file: &FlowFile,
    registry: &Registry,
    env: fn(&str) -> Option<String>,
) -> (Vec<Node>, Vec<Problem>) {
    let labels = labels(file);
    let off = disabled_flows(file);
    let nodes = file.nodes().iter().filter(|node| !STRUCTURE.contains(&text(node, "type")));
    let nodes = nodes.map(|node| node_of(node, registry, &labels, &off)).collect();
    (nodes, check(file, registry, &Environment::new(env)))
}

fn labels(file: &FlowFile) -> HashMap<String, String> {
    let flows = file.nodes().iter().filter(|node| matches!(text(node, "type"), "tab" | "subflow"));
    let label = |node: &Map| [text(node, "label"), text(node, "name")].concat();
    flows.map(|node| (text(node, "id").to_owned(), label(node))).collect()
}

fn disabled_flows(file: &FlowFile) -> HashSet<String> {
    let is_disabled = |node: &Map| {
        text(node, "type") == "tab" && node.get("disabled").and_then(Value::as_bool) == Some(true)
    };
    let flows = file.nodes().iter().filter(|node| is_disabled(node));
    flows.map(|node| text(node, "id").to_owned()).collect()
}

fn node_of(
    node: &Map,
    registry: &Registry,
    labels: &HashMap<String, String>,
    off: &HashSet<String>,
) -> Node {
    let own = |key: &str| text(node, key).to_owned();
    let (node_type, flow) = (own("type"), own("z"));
    let known = registry.of_node(&node_type, node);
    let is_disabled = off.contains(&flow) || node.get("d").and_then(Value::as_bool) == Some(true);
    let is_of_file = node_type.starts_with("subflow:") || node_type == "global-config";
    let runs = match known {
        _ if is_disabled => Runs::Disabled,
        Some(known) if known.is_hosted() => Runs::Npm,
        None if !is_of_file => Runs::Nothing,
        _ => Runs::Native,
    };
    let (package, version) = match known {
        Some(known) if known.is_hosted() => (known.plugin, known.version),
        None if !is_of_file => (registry.package_of(&node_type).unwrap_or_default(), ""),
        _ => ("", ""),
    };
    let flow_label = labels.get(&flow).cloned().unwrap_or_default();
    let place = Place { flow, flow_label, id: own("id"), node_type, name: own("name") };
    Node { place, runs, package, version }
}

/// The numbers of the nodes that run in a way, by type.
pub(super) fn counts(nodes: &[Node], runs: Runs) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for node in nodes.iter().filter(|node| node.runs == runs) {
        *counts.entry(node.place.node_type.as_str()).or_default() += 1;
    }
    counts
}
