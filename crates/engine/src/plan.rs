//! `Plan`: the nodes of a flow file that are to run.

use std::collections::HashMap;
use std::sync::Arc;

use ferrowire_core::{BuiltNode, Links, Map, NodeInfo, NodeType, Value};

use crate::env::Scopes;
use crate::model::{Entry, Model, wires};
use crate::running::NodeRecord;
use crate::validate::References;

/// The nodes of a flow file that are to run, in the order of the file.
pub(crate) struct Plan {
    pub(crate) model: Arc<Model>,
    pub(crate) scopes: Scopes,
    pub(crate) nodes: Vec<PlannedNode>,
    by_id: HashMap<String, usize>,
}

/// A node that is to run.
pub(crate) struct PlannedNode {
    /// What its references lead to.
    pub(crate) references: References,
    pub(crate) node_type: NodeType,
    /// Its properties for the configuration nodes that it refers to, without credentials.
    pub(crate) properties: Arc<Map>,
    pub(crate) origin: Origin,
    /// Its place in [`Model::nodes`].
    pub(crate) entry: usize,
}

/// Where a node of the plan comes from.
pub(crate) enum Origin {
    /// It runs already, and goes on.
    Running(NodeRecord),
    /// It was built for this plan.
    Built(NodeInfo, BuiltNode),
}

impl Plan {
    pub(crate) fn new(model: Arc<Model>, scopes: Scopes, nodes: Vec<PlannedNode>) -> Self {
        let by_id = nodes.iter().enumerate();
        let by_id = by_id.map(|(at, node)| (model.nodes[node.entry].id.clone(), at)).collect();
        Plan { model, scopes, nodes, by_id }
    }

    /// Whether the node is to run.
    pub(crate) fn contains(&self, id: &str) -> bool {
        self.by_id.contains_key(id)
    }

    /// The model's entry for the node at `at`.
    pub(crate) fn entry(&self, at: usize) -> &Entry {
        &self.model.nodes[self.nodes[at].entry]
    }

    /// The properties of the node at `at`, as they are in the file.
    pub(crate) fn object(&self, at: usize) -> &Map {
        self.model.object(self.entry(at))
    }

    /// For each node and port, the nodes that messages go to, including endpoints.
    pub(crate) fn ports(&self) -> Vec<Vec<Vec<usize>>> {
        let known =
            |ids: &[&str]| ids.iter().filter_map(|id| self.by_id.get(*id).copied()).collect();
        let ports_of = |node: &PlannedNode| {
            if node.node_type.is_hosted() {
                // What such a node sends follows its wires in the process that runs it.
                return Vec::new();
            }
            let entry = &self.model.nodes[node.entry];
            wires(self.model.object(entry)).0.iter().map(|ids| known(ids)).collect()
        };
        let mut ports: Vec<Vec<Vec<usize>>> = self.nodes.iter().map(ports_of).collect();
        self.add_links(&mut ports);
        for (at, node) in self.nodes.iter().enumerate() {
            let endpoint = |id: &Option<String>| id.as_ref().and_then(|id| self.by_id.get(id));
            let received = endpoint(&node.references.receives_from).map(|from| (*from, at));
            let sent = endpoint(&node.references.sends_to).map(|to| (at, *to));
            for (from, to) in received.into_iter().chain(sent) {
                if ports[from].is_empty() {
                    ports[from].push(Vec::new());
                }
                ports[from][0].push(to);
            }
        }
        ports
    }

    /// Adds the connections by links.
    fn add_links(&self, ports: &mut [Vec<Vec<usize>>]) {
        let mut add = |from: usize, port: usize, to: usize| {
            if ports[from].len() <= port {
                ports[from].resize(port + 1, Vec::new());
            }
            if !ports[from][port].contains(&to) {
                ports[from][port].push(to);
            }
        };
        let is_in = |at: &usize| matches!(self.nodes[*at].node_type.links, Links::In(_));
        let is_out = |at: &usize| matches!(self.nodes[*at].node_type.links, Links::Out(_));
        for (at, node) in self.nodes.iter().enumerate() {
            let listed = |property| self.listed(at, property);
            match node.node_type.links {
                Links::None | Links::Answers => {}
                Links::Out(property) => {
                    listed(property).into_iter().filter(is_in).for_each(|to| add(at, 0, to));
                }
                Links::In(property) => {
                    listed(property).into_iter().filter(is_out).for_each(|from| add(from, 0, at));
                }
                Links::Call(property) => {
                    let first = listed(property).into_iter().find(is_in);
                    first.into_iter().for_each(|to| add(at, 1, to));
                }
            }
        }
    }

    /// The nodes whose ids are in a property: an array of ids, or a single id.
    fn listed(&self, at: usize, property: &str) -> Vec<usize> {
        let ids = match self.object(at).get(property) {
            Some(Value::Array(ids)) => ids.as_slice(),
            Some(id @ Value::String(_)) => std::slice::from_ref(id),
            _ => &[],
        };
        let ids = ids.iter().filter_map(Value::as_str);
        ids.filter_map(|id| self.by_id.get(id).copied()).collect()
    }

    /// For each node, whether it is a configuration node.
    pub(crate) fn configs(&self) -> Vec<bool> {
        self.nodes.iter().map(|node| node.node_type.is_config()).collect()
    }

    /// For each node, the configuration nodes that it refers to, including its endpoints.
    pub(crate) fn uses(&self) -> Vec<Vec<usize>> {
        let uses_of = |node: &PlannedNode| {
            let ids = node.references.ids();
            let mut uses: Vec<usize> = ids.filter_map(|id| self.by_id.get(id).copied()).collect();
            uses.sort_unstable();
            uses.dedup();
            uses
        };
        self.nodes.iter().map(uses_of).collect()
    }
}
