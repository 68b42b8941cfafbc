//! Expands subflows: each instance gets its own copies of the subflow's nodes, with the ids that
//! Node-RED composes.
//!
//! After this there are only nodes and wires. Wires to an instance stay as they are: the instance
//! passes messages on to the nodes that the subflow's input is wired to. The nodes that are wired
//! to the subflow's outputs get the instance's own wires.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ferrowire_core::{Map, Value};

use crate::FlowFile;
use crate::flow_file::text;

/// The type of the node that shows messages to the subflow's status output as the status of the
/// instance.
pub(crate) const STATUS_OUTPUT: &str = "subflow-status";

/// The most nodes that a file may have after the expansion. A few subflows that contain each other
/// twice would become millions.
const MAX_NODES: usize = 200_000;

/// Why an instance is refused that is on something other than a tab.
const NO_TAB: &str = "`z` is not the id of a tab; set it to the id of a tab";

/// The nodes of a flow file after the expansion, and what is known about the instances.
#[derive(Debug, Default)]
pub(crate) struct Expanded {
    pub(crate) nodes: Vec<Arc<Map>>,
    /// The instances, by id, with their places in `nodes`, where outer ones come first.
    pub(crate) instances: HashMap<String, usize>,
    /// For each node in an instance, its id in the definition.
    pub(crate) aliases: HashMap<String, String>,
    /// The ids of the nodes of type [`STATUS_OUTPUT`].
    pub(crate) status_outputs: HashSet<String>,
    /// The instances that are not expanded, with their places in `nodes`, and why.
    pub(crate) refused: Vec<(usize, String)>,
}

/// The definition of a subflow.
struct Definition<'a> {
    object: &'a Map,
    nodes: Vec<&'a Map>,
    /// The number of nodes that an instance becomes, including those of instances inside.
    size: usize,
}

type Definitions<'a> = HashMap<&'a str, Definition<'a>>;

/// The id of the definition that a node is an instance of.
pub(crate) fn definition_of(node: &Map) -> Option<&str> {
    text(node, "type").strip_prefix("subflow:")
}

/// Expands all instances on tabs that are not disabled.
pub(crate) fn expand(file: &FlowFile) -> Expanded {
    let mut expanded = Expanded { nodes: file.nodes().to_vec(), ..Expanded::default() };
    if !file.nodes().iter().any(|node| text(node, "type") == "subflow") {
        return expanded;
    }
    let definitions = definitions(file);
    let disabled: HashSet<&str> = file
        .nodes()
        .iter()
        .filter(|node| text(node, "type") == "tab" && is_true(node, "disabled"))
        .map(|tab| text(tab, "id"))
        .collect();
    let others: HashSet<&str> = file
        .nodes()
        .iter()
        .filter(|node| !matches!(text(node, "type"), "tab" | "subflow"))
        .map(|node| text(node, "id"))
        .collect();
    let on_tab = |node: &Map| {
        let flow = text(node, "z");
        !flow.is_empty() && !disabled.contains(flow) && !definitions.contains_key(flow)
    };
    let mut waiting = Vec::new();
    for (at, node) in file.nodes().iter().enumerate().rev() {
        if on_tab(node) && is_instance(node, &definitions) {
            match others.contains(text(node, "z")) {
                false => waiting.push(at),
                true => expanded.refused.push((at, NO_TAB.to_owned())),
            }
        }
    }
    while let Some(at) = waiting.pop() {
        expanded.expand(at, &definitions, &mut waiting);
    }
    expanded
}

fn definitions(file: &FlowFile) -> Definitions<'_> {
    let mut seen = HashSet::new();
    let nodes = file.nodes().iter();
    let nodes = nodes.map(|node| &**node).filter(move |node| seen.insert(text(node, "id")));
    let nodes: Vec<&Map> = nodes.collect();
    let is_definition = |node: &&&Map| text(node, "type") == "subflow";
    let mut definitions: Definitions<'_> = nodes
        .iter()
        .filter(is_definition)
        .map(|object| (text(object, "id"), Definition { object, nodes: Vec::new(), size: 0 }))
        .collect();
    for node in nodes {
        if let Some(definition) = definitions.get_mut(text(node, "z")) {
            definition.nodes.push(node);
        }
    }
    for (id, size) in sizes(&definitions) {
        definitions.entry(id).and_modify(|definition| definition.size = size);
    }
    definitions
}

/// The number of nodes of each definition, including those of instances inside. Where definitions
/// contain each other, the inner one counts as empty.
fn sizes<'a>(definitions: &Definitions<'a>) -> HashMap<&'a str, usize> {
    let mut sizes: HashMap<&str, usize> = HashMap::new();
    for &root in definitions.keys() {
        let mut path = vec![(root, 0)];
        while let Some((id, at)) = path.last_mut() {
            let (id, nodes) = (*id, &definitions[*id].nodes);
            sizes.entry(id).or_insert(0);
            let Some(node) = nodes.get(*at) else {
                path.pop();
                continue;
            };
            let named = definition_of(node).and_then(|id| definitions.get_key_value(id));
            let inner = named.map(|(inner, _)| (*inner, sizes.get(inner).copied()));
            match inner {
                // Its size is known when this node is visited again.
                Some((inner, None)) => path.push((inner, 0)),
                _ => {
                    *at += 1;
                    let inner = inner.and_then(|(_, size)| size).unwrap_or(0);
                    let size = sizes.entry(id).or_insert(0);
                    *size = size.saturating_add(inner).saturating_add(1);
                }
            }
        }
    }
    sizes
}

fn is_true(node: &Map, property: &str) -> bool {
    node.get(property).is_some_and(Value::is_truthy)
}

fn is_instance(node: &Map, definitions: &Definitions<'_>) -> bool {
    let known = definition_of(node).is_some_and(|id| definitions.contains_key(id));
    known && node.get("d") != Some(&Value::Bool(true))
}

impl Expanded {
    fn expand(&mut self, at: usize, definitions: &Definitions<'_>, waiting: &mut Vec<usize>) {
        let id = text(&self.nodes[at], "id").to_owned();
        let named = definition_of(&self.nodes[at]).and_then(|id| definitions.get_key_value(id));
        let Some((&name, definition)) = named else { return };
        if self.instances.contains_key(&id) {
            return;
        }
        if let Some(why) = self.refusal(at, name, definition) {
            self.refused.push((at, why));
            return;
        }
        let ids: HashMap<&str, String> = definition
            .nodes
            .iter()
            .map(|node| (text(node, "id"), format!("{id}-{}", text(node, "id"))))
            .collect();
        let outer = self.nodes[at].get("wires").cloned().unwrap_or_default();
        let mut inner =
            InstanceNodes { instance: &id, definition: name, ids, first: self.nodes.len() };
        for node in &definition.nodes {
            let copy = inner.copy(node);
            self.aliases.insert(text(&copy, "id").to_owned(), text(node, "id").to_owned());
            self.nodes.push(Arc::new(copy));
        }
        self.prepare(at, name, definition.object, &inner);
        self.wire(at, definition, &mut inner, outer.as_array().unwrap_or_default());
        let made = inner.first..inner.first + definition.nodes.len();
        waiting.extend(made.rev().filter(|at| is_instance(&self.nodes[*at], definitions)));
        self.instances.insert(id, at);
    }

    /// Why the instance cannot be expanded, if it cannot.
    fn refusal(&self, at: usize, name: &str, definition: &Definition<'_>) -> Option<String> {
        let label = |object: &Map| text(object, "name").to_owned();
        let mut flow = text(&self.nodes[at], "z");
        while let Some(around) = self.instances.get(flow).map(|at| &*self.nodes[*at]) {
            if definition_of(around) == Some(name) {
                return Some(format!(
                    "the subflow `{}` contains itself, so this instance of it does not start; \
                     remove the instance",
                    label(definition.object)
                ));
            }
            flow = text(around, "z");
        }
        (self.nodes.len().saturating_add(definition.size) >= MAX_NODES).then(|| {
            format!(
                "the subflows of this file expand to more than {MAX_NODES} nodes, so this instance \
                 of `{}` does not start; use fewer instances within subflows",
                label(definition.object)
            )
        })
    }

    /// Gives the instance its wires to the nodes inside, its variables and its definition's id.
    fn prepare(&mut self, at: usize, name: &str, definition: &Map, inner: &InstanceNodes<'_>) {
        let inputs = definition.get("in").and_then(Value::as_array).unwrap_or_default();
        let wires: Vec<Value> = inputs
            .iter()
            .map(|input| {
                let ends = ends(input.get("wires")).map(|(id, _)| inner.id(id).into());
                ends.collect::<Vec<Value>>().into()
            })
            .collect();
        let instance = Arc::make_mut(&mut self.nodes[at]);
        let variables = variables(definition, instance);
        instance.insert("wires", wires);
        instance.insert("env", variables);
        // A reference, so that a change of the definition restarts its instances.
        instance.insert("subflow", name);
    }

    /// Wires the nodes inside that are connected to the subflow's outputs and status output.
    fn wire(
        &mut self,
        at: usize,
        definition: &Definition<'_>,
        inner: &mut InstanceNodes<'_>,
        outer: &[Value],
    ) {
        let outputs = definition.object.get("out").and_then(Value::as_array).unwrap_or_default();
        for (output, targets) in outputs.iter().zip(outer) {
            let targets = targets.as_array().unwrap_or_default();
            for (id, port) in ends(output.get("wires")) {
                self.add_wires(inner.place(id, at, definition), port, targets);
            }
        }
        let Some(status) = definition.object.get("status").filter(|status| status.is_truthy())
        else {
            return;
        };
        let id = format!("{}:status", inner.instance);
        for (from, port) in ends(status.get("wires")) {
            self.add_wires(inner.place(from, at, definition), port, &[id.as_str().into()]);
        }
        let output = [("id", id.as_str()), ("type", STATUS_OUTPUT), ("z", inner.instance)];
        self.nodes.push(Arc::new(output.into_iter().collect()));
        self.status_outputs.insert(id);
    }

    /// Adds wires from a port of the node at `at`.
    fn add_wires(&mut self, at: Option<usize>, port: usize, targets: &[Value]) {
        let Some(node) = at.and_then(|at| self.nodes.get_mut(at)) else { return };
        let wires = Arc::make_mut(node);
        let wires = wires.get_or_insert_with("wires", || Vec::<Value>::new().into());
        let Some(ports) = wires.as_array_mut() else { return };
        if ports.len() <= port {
            ports.resize(port + 1, Vec::<Value>::new().into());
        }
        if let Some(wires) = ports[port].as_array_mut() {
            wires.extend_from_slice(targets);
        }
    }
}

/// The nodes of one instance.
struct InstanceNodes<'a> {
    instance: &'a str,
    definition: &'a str,
    /// The ids of the nodes, by their ids in the definition.
    ids: HashMap<&'a str, String>,
    /// The place of the first node.
    first: usize,
}

impl InstanceNodes<'_> {
    /// The id in this instance of the definition's node `id`. If the definition has no such node,
    /// no node has the result either.
    fn id(&self, id: &str) -> String {
        self.ids.get(id).cloned().unwrap_or_else(|| format!("{}-{id}", self.instance))
    }

    /// The place of the copy of the definition's node `id`. For the definition's own id, which
    /// stands for the input, it is `at`, the place of the instance.
    fn place(&self, id: &str, at: usize, definition: &Definition<'_>) -> Option<usize> {
        if id == self.definition {
            return Some(at);
        }
        let found = definition.nodes.iter().position(|node| text(node, "id") == id);
        found.map(|found| self.first + found)
    }

    /// A copy of the definition's node. Ids of other nodes of the definition are replaced by those
    /// of their copies in this instance.
    fn copy(&self, node: &Map) -> Map {
        let mut copy = Map::with_capacity(node.len());
        for (key, value) in node.iter() {
            let value = match (key.as_str(), value) {
                ("id", Value::String(id)) => self.id(id).into(),
                ("z", _) => self.instance.into(),
                ("type", value) => value.clone(),
                ("wires", Value::Array(ports)) => {
                    let port = |port: &Value| self.each(port, |id| self.id(id).into());
                    ports.iter().map(port).collect::<Vec<Value>>().into()
                }
                ("scope" | "links", list @ Value::Array(_)) => {
                    self.each(list, |id| self.ids.get(id).map_or(id, String::as_str).into())
                }
                (_, Value::String(id)) if self.ids.contains_key(id.as_str()) => self.id(id).into(),
                (_, value) => value.clone(),
            };
            copy.insert(key.clone(), value);
        }
        copy
    }

    fn each(&self, list: &Value, replace: impl Fn(&str) -> Value) -> Value {
        let Some(list) = list.as_array() else { return list.clone() };
        let item = |item: &Value| item.as_str().map_or_else(|| item.clone(), &replace);
        list.iter().map(item).collect::<Vec<Value>>().into()
    }
}

/// The ends `{id, port}` of the wires of a subflow's input or output.
fn ends(wires: Option<&Value>) -> impl Iterator<Item = (&str, usize)> {
    let wires = wires.and_then(Value::as_array).unwrap_or_default();
    wires.iter().filter_map(|end| {
        let port = end.get("port").and_then(Value::as_f64).unwrap_or_default();
        // Bounded, because `add_wires` makes room for as many ports.
        (port < 10_000.0).then_some((end.get("id")?.as_str()?, port as usize))
    })
}

/// The variables of a definition. Variables of the instance replace those with the same name.
fn variables(definition: &Map, instance: &Map) -> Vec<Value> {
    let mut merged: Vec<Value> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for object in [definition, instance] {
        for entry in object.get("env").and_then(Value::as_array).unwrap_or_default() {
            let Some(name) = entry.get("name").and_then(Value::as_str) else { continue };
            match places.get(name) {
                Some(&at) => merged[at] = entry.clone(),
                None => {
                    places.insert(name.to_owned(), merged.len());
                    merged.push(entry.clone());
                }
            }
        }
    }
    merged
}
