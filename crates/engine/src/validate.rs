//! `check`: finds all problems of a flow file at once, without side effects.

use std::collections::{BTreeMap, HashMap};

use ferrowire_core::{Map, NodeType, Reference, Registry};

use crate::draft::Draft;
use crate::flow_file::text;
use crate::instance::{INSTANCE, STATUS};
use crate::model::{Entry, Model, Standing, wires};
use crate::problem::Place;
use crate::{Environment, FlowFile, Problem};

/// All problems of a flow file, with the node types of `registry` and the variables of
/// `environment`. Nodes are built, because they check their own properties, but not started.
pub fn check(file: &FlowFile, registry: &Registry, environment: &Environment) -> Vec<Problem> {
    let (_, problems) = Draft::new(file.clone(), registry, environment).build(|_| None);
    problems
}

/// One problem for each node type that is used and not in the registry.
pub(crate) fn missing_types(model: &Model, registry: &Registry) -> Vec<Problem> {
    let mut missing: BTreeMap<usize, Vec<Place>> = BTreeMap::new();
    let mut first: HashMap<&str, usize> = HashMap::new();
    for (at, entry) in model.active() {
        if type_of(model, entry, registry).is_none() {
            let first = *first.entry(&entry.node_type).or_insert(at);
            missing.entry(first).or_default().push(model.place(entry.at));
        }
    }
    let problem = |places: Vec<Place>| {
        let package = places.first().and_then(|first| registry.package_of(&first.node_type));
        Problem::missing_type(places, package)
    };
    missing.into_values().filter_map(problem).collect()
}

/// The type of a node: one of the engine's own, or one of the registry.
pub(crate) fn type_of<'a>(
    model: &Model,
    entry: &Entry,
    registry: &'a Registry,
) -> Option<&'a NodeType> {
    if model.is_instance(entry) {
        return Some(&INSTANCE);
    }
    if model.is_status_output(entry) {
        return Some(&STATUS);
    }
    registry.of_node(&entry.node_type, model.object(entry))
}

/// The problems with a node's wires.
pub(crate) fn wire_problems(model: &Model, entry: &Entry, out: &mut Vec<Problem>) {
    let place = || model.place(entry.at);
    let (ports, clean) = wires(model.object(entry));
    if !clean {
        let text = "expected an array of arrays of node ids; everything else in it is ignored";
        out.push(Problem::warning(place(), "wires", text));
    }
    for (port, targets) in ports.iter().enumerate() {
        for target in targets.iter().filter(|target| model.node(target).is_none()) {
            let what = match model.structure(target) {
                None => format!("leads to `{target}`, which does not exist"),
                Some(other) => format!("leads to `{target}`, a `{}`", text(other, "type")),
            };
            let text = format!("a wire of output {} {what}; remove the wire", port + 1);
            out.push(Problem::warning(place(), "wires", text));
        }
    }
}

/// The ids of the configuration nodes that a node's references lead to. References that lead to no
/// active node are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct References {
    pub(crate) receives_from: Option<String>,
    pub(crate) sends_to: Option<String>,
    pub(crate) uses: Vec<String>,
}

impl References {
    /// The endpoint that the node is told of.
    pub(crate) fn endpoint(&self) -> Option<&String> {
        self.receives_from.as_ref().or(self.sends_to.as_ref())
    }

    /// All of them.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &String> {
        self.receives_from.iter().chain(&self.sends_to).chain(&self.uses)
    }
}

/// Resolves the references of a node and reports the broken ones.
pub(crate) fn resolve_references(
    model: &Model,
    entry: &Entry,
    node_type: &NodeType,
    properties: &Map,
    out: &mut Vec<Problem>,
) -> References {
    let mut resolved = References::default();
    let filled = |reference: &&Reference| !text(properties, reference.property).is_empty();
    let mut resolve = |reference: &Reference| {
        let id = text(properties, reference.property);
        match broken(model, id, reference.node_type) {
            None => Some(id.to_owned()),
            Some(why) => {
                out.push(Problem::warning(model.place(entry.at), reference.property, why));
                None
            }
        }
    };
    resolved.receives_from = node_type.receives_from.iter().find(filled).and_then(&mut resolve);
    resolved.sends_to = node_type.sends_to.iter().find(filled).and_then(&mut resolve);
    resolved.uses = node_type.uses.iter().filter(filled).filter_map(&mut resolve).collect();
    for endpoints in [node_type.receives_from, node_type.sends_to] {
        if let Some(first) = endpoints.first()
            && !endpoints.iter().any(|reference| filled(&reference))
        {
            let types: Vec<String> =
                endpoints.iter().map(|it| format!("`{}`", it.node_type)).collect();
            let text = format!("no {} is selected; the node stays idle", types.join(" or "));
            out.push(Problem::warning(model.place(entry.at), first.property, text));
        }
    }
    resolved
}

/// Why `id` does not refer to an active node of the type `expected`.
fn broken(model: &Model, id: &str, expected: &str) -> Option<String> {
    let Some(target) = model.node(id) else {
        return Some(format!("there is no `{expected}` with the id `{id}`; select another one"));
    };
    if target.node_type != expected {
        let found = &target.node_type;
        return Some(format!("`{id}` is a `{found}`; select a `{expected}` instead"));
    }
    match target.standing {
        Standing::Active | Standing::Settings => None,
        _ => Some(format!("the `{expected}` `{id}` is disabled; enable it or select another one")),
    }
}
