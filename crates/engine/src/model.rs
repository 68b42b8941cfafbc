//! `Model`: the tabs, groups, subflows and nodes of a flow file, by id.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ferrowire_core::{Map, NodeInfo, Value};

use crate::flow_file::text;
use crate::problem::Place;
use crate::subflow::expand;
use crate::{FlowFile, Problem};

/// The type of the node whose `env` applies to all flows. Node-RED's editor keeps one such node.
pub(crate) const GLOBAL_CONFIG: &str = "global-config";

/// The contents of a flow file, by id. If an id occurs more than once, its first object counts.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) file: FlowFile,
    /// The nodes, in the order of the file.
    pub(crate) nodes: Vec<Entry>,
    /// The tabs, as places in the file.
    pub(crate) tabs: Vec<usize>,
    /// The groups, as places in the file.
    pub(crate) groups: Vec<usize>,
    /// The instances of subflows, by id, with their places in the file.
    instances: HashMap<String, usize>,
    /// For each node in an instance, its id in the subflow's definition.
    aliases: HashMap<String, String>,
    status_outputs: HashSet<String>,
    /// The instances that cannot be expanded, by their places in the file, and why.
    refused: HashMap<usize, String>,
    /// For each instance, the path of the nodes inside.
    paths: HashMap<String, String>,
    ids: HashMap<String, Object>,
    /// Objects with the same id, as places in the file: the one that counts, and another one.
    duplicates: Vec<(usize, usize)>,
}

/// What an id belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    /// A tab, a group or a subflow, at this place in the file.
    Structure(usize),
    /// A node, at this place in [`Model::nodes`].
    Node(usize),
}

/// Whether a node is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The node is to run.
    Active,
    /// The node or its tab is disabled.
    Disabled,
    /// The node belongs to the definition of a subflow.
    InSubflow,
    /// The node has coordinates, but is on no tab.
    NoTab,
    /// The node is an instance of a subflow that cannot be expanded.
    Refused,
    /// The node has the environment of all flows. The engine reads it; there is nothing to run.
    Settings,
}

/// A node of the flow file.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its place in the file.
    pub(crate) at: usize,
    pub(crate) id: String,
    pub(crate) node_type: String,
    pub(crate) flow: String,
    pub(crate) standing: Standing,
}

impl Model {
    pub(crate) fn new(file: FlowFile) -> Self {
        let expanded = expand(&file);
        let file = file.with_nodes(expanded.nodes);
        let mut model = Model {
            file: file.clone(),
            instances: expanded.instances,
            aliases: expanded.aliases,
            status_outputs: expanded.status_outputs,
            refused: expanded.refused.into_iter().collect(),
            ..Model::default()
        };
        for (at, node) in file.nodes().iter().enumerate() {
            model.add(at, node);
        }
        for at in 0..model.nodes.len() {
            model.nodes[at].standing = model.standing(&model.nodes[at]);
        }
        model.paths = model.paths();
        model
    }

    /// The path of each instance: the path of its flow, then its id in the definition around it.
    fn paths(&self) -> HashMap<String, String> {
        let mut paths: HashMap<String, String> = HashMap::new();
        for entry in self.instances() {
            let around = paths.get(&entry.flow).unwrap_or(&entry.flow);
            let path = format!("{around}/{}", self.alias(&entry.id).unwrap_or(&entry.id));
            paths.insert(entry.id.clone(), path);
        }
        paths
    }

    /// The expanded instances of subflows, outer ones first.
    pub(crate) fn instances(&self) -> impl Iterator<Item = &Entry> {
        self.nodes.iter().filter(|entry| self.instances.get(&entry.id) == Some(&entry.at))
    }

    /// The instance of a subflow that contains the node.
    pub(crate) fn instance_around(&self, entry: &Entry) -> Option<&Entry> {
        self.node(&entry.flow).filter(|around| self.is_instance(around))
    }

    pub(crate) fn is_instance(&self, entry: &Entry) -> bool {
        self.instances.get(&entry.id) == Some(&entry.at)
    }

    /// For a node in an instance, its id in the subflow's definition.
    pub(crate) fn alias(&self, id: &str) -> Option<&str> {
        self.aliases.get(id).map(String::as_str)
    }

    /// The credentials of an object. A node in an instance has those of the node in the
    /// definition.
    pub(crate) fn credentials_of(&self, id: &str) -> Option<&Map> {
        self.file.credentials_of(self.alias(id).unwrap_or(id))
    }

    /// The id of an instance's status output, if it has one.
    pub(crate) fn status_output(&self, instance: &Entry) -> Option<&str> {
        self.status_outputs.get(&format!("{}:status", instance.id)).map(String::as_str)
    }

    pub(crate) fn is_status_output(&self, entry: &Entry) -> bool {
        self.status_outputs.contains(&entry.id)
    }

    /// The path of a flow: its tab, and the instances that contain it.
    pub(crate) fn path<'a>(&'a self, flow: &'a str) -> &'a str {
        self.paths.get(flow).map_or(flow, String::as_str)
    }

    fn add(&mut self, at: usize, node: &Map) {
        let (id, node_type) = (text(node, "id"), text(node, "type"));
        if let Some(&first) = self.ids.get(id) {
            self.duplicates.push((self.place_in_file(first), at));
            return;
        }
        let object = match node_type {
            "tab" | "group" | "subflow" => Object::Structure(at),
            _ => Object::Node(self.nodes.len()),
        };
        self.ids.insert(id.to_owned(), object);
        match (node_type, object) {
            ("tab", _) => self.tabs.push(at),
            ("group", _) => self.groups.push(at),
            (_, Object::Structure(_)) => {}
            (_, Object::Node(_)) => self.nodes.push(Entry {
                at,
                id: id.to_owned(),
                node_type: node_type.to_owned(),
                flow: text(node, "z").to_owned(),
                standing: Standing::Active,
            }),
        }
    }

    fn place_in_file(&self, object: Object) -> usize {
        match object {
            Object::Structure(at) => at,
            Object::Node(node) => self.nodes[node].at,
        }
    }

    fn standing(&self, entry: &Entry) -> Standing {
        let node = self.object(entry);
        let flow = self.structure(&entry.flow);
        let is_true = |map: &Map, key| map.get(key).is_some_and(Value::is_truthy);
        let placed = node.contains_key("x") && node.contains_key("y");
        match flow.map(|flow| (text(flow, "type"), flow)) {
            Some(("subflow", _)) => Standing::InSubflow,
            _ if self.refused.contains_key(&entry.at) => Standing::Refused,
            _ if node.get("d") == Some(&Value::Bool(true)) => Standing::Disabled,
            Some(("tab", tab)) if is_true(tab, "disabled") => Standing::Disabled,
            _ if entry.node_type == GLOBAL_CONFIG => Standing::Settings,
            None if entry.flow.is_empty() && placed => Standing::NoTab,
            _ => Standing::Active,
        }
    }

    /// The properties of a node, as they are in the file.
    pub(crate) fn object(&self, entry: &Entry) -> &Arc<Map> {
        &self.file.nodes()[entry.at]
    }

    pub(crate) fn get(&self, id: &str) -> Option<Object> {
        self.ids.get(id).copied()
    }

    /// The object `id` that counts.
    pub(crate) fn object_of(&self, id: &str) -> Option<&Map> {
        let at = self.get(id).map(|object| self.place_in_file(object))?;
        self.file.nodes().get(at).map(|object| &**object)
    }

    pub(crate) fn node(&self, id: &str) -> Option<&Entry> {
        match self.get(id)? {
            Object::Node(at) => self.nodes.get(at),
            Object::Structure(_) => None,
        }
    }

    /// The tab, group or subflow `id`.
    pub(crate) fn structure(&self, id: &str) -> Option<&Map> {
        match self.get(id)? {
            Object::Structure(at) => self.file.nodes().get(at).map(|object| &**object),
            Object::Node(_) => None,
        }
    }

    /// All objects that count, with their ids, in the order of the file.
    pub(crate) fn objects(&self) -> impl Iterator<Item = (&str, &Map)> {
        let is_other = |id: &str, at: usize| {
            let counts = || self.ids.get(id).map(|found| self.place_in_file(*found));
            !self.duplicates.is_empty() && counts() != Some(at)
        };
        self.file.nodes().iter().enumerate().filter_map(move |(at, object)| {
            let id = text(object, "id");
            (!is_other(id, at)).then_some((id, &**object))
        })
    }

    /// The length of the longest id, in bytes. No longer text refers to an object.
    pub(crate) fn longest_id(&self) -> usize {
        self.ids.keys().map(String::len).max().unwrap_or(0)
    }

    /// The groups that contain the node, the innermost first.
    pub(crate) fn groups_of(&self, entry: &Entry) -> Vec<&str> {
        let mut groups = Vec::new();
        let mut next = self.outer_group(self.object(entry));
        while let Some(group) = next {
            let id = text(group, "id");
            if groups.contains(&id) {
                break;
            }
            groups.push(id);
            next = self.outer_group(group);
        }
        groups
    }

    /// The group that contains a node or group, if both are on the same flow.
    pub(crate) fn outer_group(&self, node: &Map) -> Option<&Map> {
        let group = self.structure(text(node, "g"))?;
        (text(group, "type") == "group" && text(group, "z") == text(node, "z")).then_some(group)
    }

    /// The nodes that are to run.
    pub(crate) fn active(&self) -> impl Iterator<Item = (usize, &Entry)> {
        let nodes = self.nodes.iter().enumerate();
        nodes.filter(|(_, entry)| entry.standing == Standing::Active)
    }

    pub(crate) fn is_active(&self, id: &str) -> bool {
        self.node(id).is_some_and(|entry| entry.standing == Standing::Active)
    }

    /// The info of the node, with `name` as its name.
    pub(crate) fn info(&self, entry: &Entry, name: &str) -> NodeInfo {
        NodeInfo {
            id: entry.id.clone(),
            node_type: entry.node_type.clone(),
            name: name.to_owned(),
            flow: entry.flow.clone(),
            alias: self.alias(&entry.id).unwrap_or_default().to_owned(),
            path: self.path(&entry.flow).to_owned(),
        }
    }

    /// The place of the object at `at` in the file, for a problem.
    pub(crate) fn place(&self, at: usize) -> Place {
        let node = &self.file.nodes()[at];
        let flow = text(node, "z");
        let holder = self.structure(flow).or_else(|| Some(&**self.object(self.node(flow)?)));
        let label = holder.map_or("", |flow| match (text(flow, "label"), text(flow, "name")) {
            // An instance without a name has the name of its definition.
            ("", "") => self.structure(text(flow, "subflow")).map_or("", |def| text(def, "name")),
            ("", name) => name,
            (label, _) => label,
        });
        let name = if text(node, "name").is_empty() { "label" } else { "name" };
        Place {
            flow: flow.to_owned(),
            flow_label: label.to_owned(),
            id: text(node, "id").to_owned(),
            node_type: text(node, "type").to_owned(),
            name: text(node, name).to_owned(),
        }
    }

    /// The problems with ids, tabs and instances. They don't depend on node types.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let duplicate = |&(first, second): &(usize, usize)| {
            let text = "the id occurs more than once in the file, so only the first node counts; \
                        give the other one a new id";
            Problem::of_node(self.place(second), "id", text).with_others(vec![self.place(first)])
        };
        let stray = |entry: &Entry| {
            let text = "the node is on no tab and does not start; set `z` to the id of a tab";
            Problem::of_node(self.place(entry.at), "z", text)
        };
        let strays = self.nodes.iter().filter(|entry| entry.standing == Standing::NoTab);
        let mut problems: Vec<Problem> =
            self.duplicates.iter().map(duplicate).chain(strays.map(stray)).collect();
        let mut reported = HashSet::new();
        for entry in self.nodes.iter().filter(|entry| entry.standing == Standing::Refused) {
            // Reported once, however many instances contain it.
            let id = self.alias(&entry.id).unwrap_or(&entry.id);
            if let Some(why) = self.refused.get(&entry.at).filter(|_| reported.insert(id)) {
                problems.push(Problem::of_node(self.place(entry.at), "type", why.as_str()));
            }
        }
        problems
    }
}

/// The ids that each output port is wired to, and whether all of `wires` is valid.
pub(crate) fn wires(node: &Map) -> (Vec<Vec<&str>>, bool) {
    let mut clean = true;
    let ports = match node.get("wires") {
        None | Some(Value::Null) => &[],
        Some(Value::Array(ports)) => ports.as_slice(),
        Some(_) => {
            clean = false;
            &[]
        }
    };
    let mut read = Vec::with_capacity(ports.len());
    for port in ports {
        let ids = port.as_array();
        clean &= ids.is_some();
        let ids = ids.unwrap_or_default();
        let texts: Vec<&str> = ids.iter().filter_map(Value::as_str).collect();
        clean &= texts.len() == ids.len();
        read.push(texts);
    }
    (read, clean)
}
