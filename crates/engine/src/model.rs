//! `Model`: who is who in a flow file: tabs, groups, subflows, and the nodes in them.

use std::collections::HashMap;

use ferrowire_core::{Map, NodeInfo, Value};

use crate::flow_file::text;
use crate::problem::Place;
use crate::{FlowFile, Problem};

/// The type whose `env` holds for all flows; Node-RED's editor keeps one such node.
pub(crate) const GLOBAL_CONFIG: &str = "global-config";

/// What a flow file says, by id. Of equal ids the first counts.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) file: FlowFile,
    /// The nodes, in the order of the file.
    pub(crate) nodes: Vec<Entry>,
    /// The places of the tabs in the file.
    pub(crate) tabs: Vec<usize>,
    /// The places of the groups in the file.
    pub(crate) groups: Vec<usize>,
    ids: HashMap<String, What>,
    /// Pairs of places: the one that counts, and one with the same id.
    duplicates: Vec<(usize, usize)>,
}

/// What an id stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A tab, a group or a subflow, at this place in the file.
    Structure(usize),
    /// A node, at this place in [`Model::nodes`].
    Node(usize),
}

/// Whether a node is to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It is.
    Active,
    /// It, or its tab, is disabled.
    Disabled,
    /// It belongs to the definition of a subflow.
    InSubflow,
    /// It has a place on a canvas, and no tab.
    NoTab,
    /// It holds settings for the engine: the environment of all flows.
    Settings,
}

/// A node in the file.
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
        let mut model = Model { file, ..Model::default() };
        let file = model.file.clone();
        for (at, node) in file.nodes().iter().enumerate() {
            model.add(at, node);
        }
        for at in 0..model.nodes.len() {
            model.nodes[at].standing = model.standing(&model.nodes[at]);
        }
        model
    }

    fn add(&mut self, at: usize, node: &Map) {
        let (id, node_type) = (text(node, "id"), text(node, "type"));
        if let Some(&first) = self.ids.get(id) {
            self.duplicates.push((self.place_in_file(first), at));
            return;
        }
        let what = match node_type {
            "tab" | "group" | "subflow" => What::Structure(at),
            _ => What::Node(self.nodes.len()),
        };
        self.ids.insert(id.to_owned(), what);
        match (node_type, what) {
            ("tab", _) => self.tabs.push(at),
            ("group", _) => self.groups.push(at),
            (_, What::Structure(_)) => {}
            (_, What::Node(_)) => self.nodes.push(Entry {
                at,
                id: id.to_owned(),
                node_type: node_type.to_owned(),
                flow: text(node, "z").to_owned(),
                standing: Standing::Active,
            }),
        }
    }

    fn place_in_file(&self, what: What) -> usize {
        match what {
            What::Structure(at) => at,
            What::Node(node) => self.nodes[node].at,
        }
    }

    fn standing(&self, entry: &Entry) -> Standing {
        let node = self.object(entry);
        let flow = self.structure(&entry.flow);
        let is_true = |map: &Map, key| map.get(key).is_some_and(Value::is_truthy);
        let placed = node.contains_key("x") && node.contains_key("y");
        match flow.map(|flow| (text(flow, "type"), flow)) {
            Some(("subflow", _)) => Standing::InSubflow,
            _ if node.get("d") == Some(&Value::Bool(true)) => Standing::Disabled,
            Some(("tab", tab)) if is_true(tab, "disabled") => Standing::Disabled,
            _ if entry.node_type == GLOBAL_CONFIG => Standing::Settings,
            None if entry.flow.is_empty() && placed => Standing::NoTab,
            _ => Standing::Active,
        }
    }

    /// The properties of a node as they stand in the file.
    pub(crate) fn object(&self, entry: &Entry) -> &Map {
        &self.file.nodes()[entry.at]
    }

    pub(crate) fn get(&self, id: &str) -> Option<What> {
        self.ids.get(id).copied()
    }

    pub(crate) fn node(&self, id: &str) -> Option<&Entry> {
        match self.get(id)? {
            What::Node(at) => self.nodes.get(at),
            What::Structure(_) => None,
        }
    }

    /// The tab, group or subflow `id`.
    pub(crate) fn structure(&self, id: &str) -> Option<&Map> {
        match self.get(id)? {
            What::Structure(at) => self.file.nodes().get(at),
            What::Node(_) => None,
        }
    }

    /// All objects that count, by id.
    pub(crate) fn objects(&self) -> impl Iterator<Item = (&str, &Map)> {
        self.ids.iter().map(|(id, what)| {
            let node = &self.file.nodes()[self.place_in_file(*what)];
            (id.as_str(), node)
        })
    }

    /// The groups that the node lies in, the innermost first.
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

    /// The group that a node or group lies in, when that is on the same flow.
    pub(crate) fn outer_group(&self, node: &Map) -> Option<&Map> {
        let group = self.structure(text(node, "g"))?;
        (text(group, "type") == "group" && text(group, "z") == text(node, "z")).then_some(group)
    }

    /// Whether the instance of a subflow shows a status of its own making.
    pub(crate) fn shows_own_status(&self, instance: &Entry) -> bool {
        let definition = instance.node_type.strip_prefix("subflow:");
        let definition = definition.and_then(|id| self.structure(id));
        definition.is_some_and(|definition| definition.get("status").is_some_and(Value::is_truthy))
    }

    /// The nodes that are to run.
    pub(crate) fn active(&self) -> impl Iterator<Item = (usize, &Entry)> {
        let nodes = self.nodes.iter().enumerate();
        nodes.filter(|(_, entry)| entry.standing == Standing::Active)
    }

    pub(crate) fn is_active(&self, id: &str) -> bool {
        self.node(id).is_some_and(|entry| entry.standing == Standing::Active)
    }

    /// Who the node is, with `name` for its name.
    pub(crate) fn info(entry: &Entry, name: &str) -> NodeInfo {
        NodeInfo {
            id: entry.id.clone(),
            node_type: entry.node_type.clone(),
            name: name.to_owned(),
            flow: entry.flow.clone(),
            alias: String::new(),
            path: entry.flow.clone(),
        }
    }

    /// Where the object at `at` in the file is, for a problem.
    pub(crate) fn place(&self, at: usize) -> Place {
        let node = &self.file.nodes()[at];
        let flow = text(node, "z");
        let label = self.structure(flow).map_or("", |flow| match text(flow, "label") {
            "" => text(flow, "name"),
            label => label,
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

    /// The problems with ids and places, which need no knowledge of node types.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let duplicate = |&(first, second): &(usize, usize)| {
            let text = "this id stands in the file more than once, only the first node counts; \
                        give the other one a new id";
            Problem::of_node(self.place(second), "id", text).with_others(vec![self.place(first)])
        };
        let stray = |entry: &Entry| {
            let text = "the node is on no tab and does not start; set `z` to the id of a tab";
            Problem::of_node(self.place(entry.at), "z", text)
        };
        let strays = self.nodes.iter().filter(|entry| entry.standing == Standing::NoTab);
        self.duplicates.iter().map(duplicate).chain(strays.map(stray)).collect()
    }
}

/// The ids that each output port is wired to, and whether all of it could be read.
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
