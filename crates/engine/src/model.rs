//! `Model`: who is who in a flow file: tabs, groups, subflows, and the nodes in them.

use std::collections::{HashMap, HashSet};

use ferrowire_core::{Map, NodeInfo, Value};

use crate::flow_file::text;
use crate::problem::Place;
use crate::subflow::expand;
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
    /// The instances of subflows: the places in the file of the instance's node.
    instances: HashMap<String, usize>,
    aliases: HashMap<String, String>,
    status_outputs: HashSet<String>,
    /// For each instance that is refused, by its place, why.
    refused: HashMap<usize, String>,
    /// For each instance, the path of the nodes in it.
    paths: HashMap<String, String>,
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
    /// It is an instance of a subflow that cannot be made.
    Refused,
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

    /// The path of each instance: its flow's, and its id in the definition around it.
    fn paths(&self) -> HashMap<String, String> {
        let mut paths: HashMap<String, String> = HashMap::new();
        for entry in self.instances() {
            let around = paths.get(&entry.flow).unwrap_or(&entry.flow);
            let path = format!("{around}/{}", self.alias(&entry.id).unwrap_or(&entry.id));
            paths.insert(entry.id.clone(), path);
        }
        paths
    }

    /// The instances of subflows that are made, outer ones first.
    pub(crate) fn instances(&self) -> impl Iterator<Item = &Entry> {
        self.nodes.iter().filter(|entry| self.instances.get(&entry.id) == Some(&entry.at))
    }

    /// The instance of a subflow that the node lies in.
    pub(crate) fn instance_around(&self, entry: &Entry) -> Option<&Entry> {
        self.node(&entry.flow).filter(|around| self.is_instance(around))
    }

    pub(crate) fn is_instance(&self, entry: &Entry) -> bool {
        self.instances.get(&entry.id) == Some(&entry.at)
    }

    /// The id of a node in an instance as it stands in the definition.
    pub(crate) fn alias(&self, id: &str) -> Option<&str> {
        self.aliases.get(id).map(String::as_str)
    }

    /// What is kept out of the file for an object. Nodes in instances share that of the
    /// definition's.
    pub(crate) fn credentials_of(&self, id: &str) -> Option<&Map> {
        self.file.credentials_of(self.alias(id).unwrap_or(id))
    }

    /// The status output of an instance, when it has one.
    pub(crate) fn status_output(&self, instance: &Entry) -> Option<&str> {
        self.status_outputs.get(&format!("{}:status", instance.id)).map(String::as_str)
    }

    pub(crate) fn is_status_output(&self, entry: &Entry) -> bool {
        self.status_outputs.contains(&entry.id)
    }

    /// The path of a flow: its tab and the instances around it.
    pub(crate) fn path<'a>(&'a self, flow: &'a str) -> &'a str {
        self.paths.get(flow).map_or(flow, String::as_str)
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
            _ if self.refused.contains_key(&entry.at) => Standing::Refused,
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

    /// The nodes that are to run.
    pub(crate) fn active(&self) -> impl Iterator<Item = (usize, &Entry)> {
        let nodes = self.nodes.iter().enumerate();
        nodes.filter(|(_, entry)| entry.standing == Standing::Active)
    }

    pub(crate) fn is_active(&self, id: &str) -> bool {
        self.node(id).is_some_and(|entry| entry.standing == Standing::Active)
    }

    /// Who the node is, with `name` for its name.
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

    /// Where the object at `at` in the file is, for a problem.
    pub(crate) fn place(&self, at: usize) -> Place {
        let node = &self.file.nodes()[at];
        let flow = text(node, "z");
        let holder = self.structure(flow).or_else(|| Some(self.object(self.node(flow)?)));
        let label = holder.map_or("", |flow| match (text(flow, "label"), text(flow, "name")) {
            // An instance without a name of its own.
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
        let mut problems: Vec<Problem> =
            self.duplicates.iter().map(duplicate).chain(strays.map(stray)).collect();
        let mut reported = HashSet::new();
        for entry in self.nodes.iter().filter(|entry| entry.standing == Standing::Refused) {
            // Once, however many instances there are around it.
            let id = self.alias(&entry.id).unwrap_or(&entry.id);
            if let Some(why) = self.refused.get(&entry.at).filter(|_| reported.insert(id)) {
                problems.push(Problem::of_node(self.place(entry.at), "type", why.as_str()));
            }
        }
        problems
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
