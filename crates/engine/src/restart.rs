//! Which nodes restart at a deploy, and why: [`decide`]. `running` carries the decision out.
//!
//! The rules are Node-RED's. Deploys of the types `full` and `reload` restart every node. For the
//! other two:
//!
//! 1. A node restarts when one of its properties or its credentials changed. `x`, `y` and `wires`
//!    don't count.
//! 2. A node restarts when something that it refers to changed or is gone: a configuration node,
//!    its group, the environment of its tab, the definition of its subflow. References are
//!    followed through other nodes.
//! 3. A node restarts when its references lead to other configuration nodes than before, for
//!    example because one of these can run now.
//! 4. A deploy of `flows` also restarts every node whose wires changed, and every node that is or
//!    was connected to a change by wires or links, directly or through others. A deploy of
//!    `nodes` gives such nodes their new wires while they go on.
//!
//! A node that restarts by rule 3 or 4 does not restart the nodes that refer to it.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::fmt;

use ferrowire_core::{Map, Value};

use crate::DeployType;
use crate::flow_file::text;
use crate::model::{GLOBAL_CONFIG, Model, wires};
use crate::validate::References;

/// What [`decide`] decides from: the flows before and after a deploy.
pub(crate) struct Deploy<'a> {
    pub(crate) deploy_type: DeployType,
    pub(crate) old: &'a Model,
    pub(crate) new: &'a Model,
    /// The nodes that run now, and what their references lead to.
    pub(crate) running: HashMap<&'a str, &'a References>,
    /// The nodes that are to run, and what their references will lead to.
    pub(crate) planned: Vec<(&'a str, &'a References)>,
}

/// What a deploy does with a node of the next plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// The running node goes on, with its next wires.
    Keep,
    /// A new node starts; the old one, if there is one, stops before.
    Restart(Reason),
}

/// The decisions for all nodes of the next plan, by id.
pub(crate) type Decisions = HashMap<String, Decision>;

/// Why a node starts or restarts. If several reasons apply, it is the first in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The node does not run yet.
    New,
    /// The deploy restarts every node, whatever changed.
    DeployType(DeployType),
    /// A `global-config` node changed. All nodes may depend on its variables.
    GlobalConfig,
    /// One of the node's own properties changed, or its credentials.
    Properties,
    /// The node refers to the object with this id, which changed, restarts or is gone.
    RefersTo(String),
    /// The node's own wires changed.
    Wires,
    /// The node is or was connected to the one with this id, which changed, restarts or is gone.
    WiredTo(String),
    /// The node's references lead to other configuration nodes than before.
    References,
}

/// Decides for every planned node whether it goes on or restarts.
pub(crate) fn decide(deploy: &Deploy<'_>) -> Decisions {
    let for_all = reason_for_all(deploy);
    let changes = if for_all.is_some() { Changes::new() } else { changes(deploy) };
    let decision = |id: &str, next: &References| {
        let Some(now) = deploy.running.get(id) else { return Decision::Restart(Reason::New) };
        match for_all.as_ref().or_else(|| changes.get(id)) {
            Some(reason) => Decision::Restart(reason.clone()),
            None if *now != next => Decision::Restart(Reason::References),
            None => Decision::Keep,
        }
    };
    deploy.planned.iter().map(|(id, next)| ((*id).to_owned(), decision(id, next))).collect()
}

/// The reason that holds for every node, if there is one.
fn reason_for_all(deploy: &Deploy<'_>) -> Option<Reason> {
    let deploy_type = deploy.deploy_type;
    if matches!(deploy_type, DeployType::Full | DeployType::Reload) {
        return Some(Reason::DeployType(deploy_type));
    }
    (global_config(deploy.old) != global_config(deploy.new)).then_some(Reason::GlobalConfig)
}

fn global_config(model: &Model) -> Vec<(&Map, Option<&Map>)> {
    let entries = model.nodes.iter().filter(|entry| entry.node_type == GLOBAL_CONFIG);
    entries.map(|entry| (&**model.object(entry), model.credentials_of(&entry.id))).collect()
}

/// What changed, by id. Tabs, groups, subflows and removed nodes are included, because nodes that
/// refer or are wired to them restart.
type Changes<'a> = HashMap<&'a str, Reason>;

fn changes<'a>(deploy: &Deploy<'a>) -> Changes<'a> {
    let (old, new) = (deploy.old, deploy.new);
    let mut changes = changes_of_their_own(old, new);
    spread(&mut changes, &references(old, new), Reason::RefersTo);
    if deploy.deploy_type == DeployType::Flows {
        add_rewired(old, new, &mut changes);
        spread(&mut changes, &connections(old, new), Reason::WiredTo);
    }
    changes
}

/// The objects with a property that changed, and those that are gone or disabled.
fn changes_of_their_own<'a>(old: &'a Model, new: &'a Model) -> Changes<'a> {
    let is_same = |id: &str, before: &Map| {
        new.object_of(id).is_some_and(|after| !differs(before, after))
            && old.credentials_of(id) == new.credentials_of(id)
    };
    let is_gone = |id: &str| old.is_active(id) && !new.is_active(id);
    let changed = old.objects().filter(|(id, before)| !is_same(id, before) || is_gone(id));
    changed.map(|(id, _)| (id, Reason::Properties)).collect()
}

/// Whether the two objects differ in a property that matters to a running node.
fn differs(before: &Map, after: &Map) -> bool {
    if std::ptr::eq(before, after) {
        return false;
    }
    let ignored: &[&str] = match text(before, "type") {
        "tab" => return before.get("env") != after.get("env") || text(after, "type") != "tab",
        // The nodes and wires inside are compared in each instance.
        "subflow" => &["x", "y", "in", "out", "info", "color", "icon", "category", "meta"],
        "group" => &["x", "y", "wires", "nodes", "style", "w", "h"],
        _ => &["x", "y", "wires"],
    };
    let relevant = |map: &Map| map.keys().filter(|key| !ignored.contains(&key.as_str())).count();
    let mut properties = after.iter().filter(|(key, _)| !ignored.contains(&key.as_str()));
    relevant(before) != relevant(after)
        || properties.any(|(key, value)| before.get(key) != Some(value))
}

/// Adds the nodes whose own wires changed, new nodes included.
fn add_rewired<'a>(old: &'a Model, new: &'a Model, changes: &mut Changes<'a>) {
    let is_same = |before: &Map, node: &Map| {
        std::ptr::eq(before, node) || before.get("wires") == node.get("wires")
    };
    for (id, node) in new.objects() {
        if !old.object_of(id).is_some_and(|before| is_same(before, node)) {
            changes.entry(id).or_insert(Reason::Wires);
        }
    }
}

/// For each id the ids that a change of it spreads to.
type Edges<'a> = HashMap<&'a str, Vec<&'a str>>;

/// From each object to those that refer to it.
fn references<'a>(old: &'a Model, new: &'a Model) -> Edges<'a> {
    let mut edges = Edges::new();
    let longest = new.longest_id().max(old.longest_id());
    for (id, node) in new.objects() {
        for (key, value) in node.iter() {
            let named = value.as_str().filter(|_| !matches!(key.as_str(), "id" | "wires"));
            let named = named.filter(|named| (1..=longest).contains(&named.len()));
            if let Some(named) = named.filter(|named| new.get(named).or(old.get(named)).is_some()) {
                edges.entry(named).or_default().push(id);
            }
        }
    }
    edges
}

/// From each node to those at the other end of its wires and links, old and new, both ways.
fn connections<'a>(old: &'a Model, new: &'a Model) -> Edges<'a> {
    let mut edges = Edges::new();
    for (id, node) in old.objects().chain(new.objects()) {
        let links = node.get("links").and_then(Value::as_array).unwrap_or_default();
        let links = links.iter().filter_map(Value::as_str);
        for to in wires(node).0.into_iter().flatten().chain(links) {
            edges.entry(id).or_default().push(to);
            edges.entry(to).or_default().push(id);
        }
    }
    edges
}

/// Follows the edges from everything that changed. What is reached changes because of the id that
/// it was reached from.
fn spread<'a>(changes: &mut Changes<'a>, edges: &Edges<'a>, reason: fn(String) -> Reason) {
    let mut waiting: Vec<&str> = changes.keys().copied().collect();
    // In a fixed order, so that the same deploy always gives the same reasons.
    waiting.sort_unstable();
    let mut waiting = VecDeque::from(waiting);
    while let Some(id) = waiting.pop_front() {
        for &next in edges.get(id).into_iter().flatten() {
            if !changes.contains_key(next) {
                changes.insert(next, reason(id.to_owned()));
                waiting.push_back(next);
            }
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::New => f.write_str("it was not running"),
            Reason::DeployType(DeployType::Reload) => f.write_str("a reload restarts every node"),
            Reason::DeployType(_) => f.write_str("a full deploy restarts every node"),
            Reason::GlobalConfig => f.write_str("the global configuration changed"),
            Reason::Properties => f.write_str("its properties or credentials changed"),
            Reason::RefersTo(id) => write!(f, "it refers to `{id}`, which changed or is gone"),
            Reason::Wires => f.write_str("its wires changed"),
            Reason::WiredTo(id) => write!(f, "it is connected to `{id}`, which changed or is gone"),
            Reason::References => f.write_str("it refers to other configuration nodes than before"),
        }
    }
}
