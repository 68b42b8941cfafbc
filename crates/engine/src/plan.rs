//! `Plan`: the nodes of a flow file that can run, built but not started, and all its problems.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use ferrowire_core::{
    BuiltNode, ConfigProblem, Links, Map, NodeConfig, NodeError, NodeInfo, NodeType, Registry,
    Value,
};

use crate::env::Scopes;
use crate::model::{Entry, Model, wires};
use crate::problem::Severity;
use crate::validate::{
    Claims, References, missing_types, resolve_references, type_of, wire_problems,
};
use crate::{Environment, FlowFile, Problem};

/// The nodes of a flow file that can run, and all problems in it.
pub(crate) struct Plan {
    pub(crate) model: Arc<Model>,
    pub(crate) scopes: Scopes,
    pub(crate) problems: Vec<Problem>,
    /// The nodes that can run, in the order of the file.
    pub(crate) nodes: Vec<PlannedNode>,
    by_id: HashMap<String, usize>,
}

/// A node that can run.
pub(crate) struct PlannedNode {
    pub(crate) info: NodeInfo,
    /// What its references lead to.
    pub(crate) references: References,
    pub(crate) built: BuiltNode,
    pub(crate) node_type: NodeType,
    /// Its properties for the configuration nodes that it refers to, without credentials.
    pub(crate) properties: Arc<Map>,
    /// Its place in [`Model::nodes`].
    entry: usize,
}

/// A node's info and properties, with the environment variables replaced.
type Resolved = (NodeInfo, Map);

impl Plan {
    pub(crate) fn new(file: FlowFile, registry: &Registry, environment: &Environment) -> Self {
        let model = Model::new(file);
        let mut problems = model.problems();
        problems.extend(missing_types(&model, registry));
        let scopes = Scopes::new(&model, environment, &mut problems);
        let resolved: HashMap<&str, Resolved> = model
            .active()
            .map(|(_, entry)| (entry.id.as_str(), resolve(&model, entry, &scopes)))
            .collect();
        let mut claims = Claims::default();
        let mut nodes = Vec::new();
        for (at, entry) in model.active() {
            wire_problems(&model, entry, &mut problems);
            let Some(node_type) = type_of(&model, entry, registry) else { continue };
            let planned = plan_node(&model, at, node_type, &resolved, &mut claims, &mut problems);
            nodes.extend(planned);
        }
        let by_id = nodes.iter().enumerate().map(|(at, node)| (node.info.id.clone(), at)).collect();
        Plan { model: Arc::new(model), scopes, problems, nodes, by_id }
    }

    /// Whether a node type is missing, so that no node may start.
    pub(crate) fn is_blocked(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::MissingType)
    }

    /// For each node, by id, what its references lead to.
    pub(crate) fn references(&self) -> Vec<(&str, &References)> {
        self.nodes.iter().map(|node| (node.info.id.as_str(), &node.references)).collect()
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
                Links::None => {}
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

fn resolve(model: &Model, entry: &Entry, scopes: &Scopes) -> Resolved {
    let properties = model.object(entry);
    match model.credentials_of(&entry.id) {
        None => scopes.substitute(model, entry, properties),
        Some(credentials) => {
            let mut properties = properties.clone();
            properties.insert("credentials", credentials.clone());
            scopes.substitute(model, entry, &properties)
        }
    }
}

fn plan_node(
    model: &Model,
    at: usize,
    node_type: &NodeType,
    resolved: &HashMap<&str, Resolved>,
    claims: &mut Claims,
    problems: &mut Vec<Problem>,
) -> Option<PlannedNode> {
    let entry = &model.nodes[at];
    let (info, properties) = resolved.get(entry.id.as_str())?.clone();
    let mut references = resolve_references(model, entry, node_type, &properties, problems);
    if model.is_instance(entry) {
        // A status output shows its status at its users: the instance.
        references.uses.extend(model.status_output(entry).map(str::to_owned));
    }
    let free = claims.claim(model, entry, node_type, &properties, problems);
    let built = build(model, entry, node_type, resolved, problems)?;
    let mut properties = properties;
    properties.remove("credentials");
    free.then_some(PlannedNode {
        info,
        references,
        built,
        node_type: *node_type,
        properties: Arc::new(properties),
        entry: at,
    })
}

/// Builds the node; `None` if there is a problem with its properties or it panics.
fn build(
    model: &Model,
    entry: &Entry,
    node_type: &NodeType,
    resolved: &HashMap<&str, Resolved>,
    problems: &mut Vec<Problem>,
) -> Option<BuiltNode> {
    let (info, properties) = resolved.get(entry.id.as_str())?.clone();
    let find = |id: &str| resolved.get(id).map(|(_, properties)| properties.clone());
    let mut config = NodeConfig::new(info, properties, &find);
    let built = catch_unwind(AssertUnwindSafe(|| node_type.build(&mut config)));
    let mut found = config.take_problems();
    if let Err(panic) = &built {
        let text =
            format!("the node panicked while it was built: {}", NodeError::panic_text(&**panic));
        found.push(ConfigProblem { property: String::new(), text });
    }
    let fine = found.is_empty();
    let place = || model.place(entry.at);
    problems.extend(found.into_iter().map(|p| Problem::of_node(place(), &p.property, p.text)));
    built.ok().filter(|_| fine)
}
