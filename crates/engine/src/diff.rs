//! What a deploy has to restart, by Node-RED's rules.
//!
//! A node changes when one of its properties does, `x`, `y` and `wires` aside; when it refers to
//! a node that changed or is gone; when its group or the environment of its tab changed. Deploys
//! of `nodes` restart these; deploys of `flows` also all that is wired to them, or was.

use std::collections::{HashMap, HashSet};

use ferrowire_core::{Map, Value};

use crate::DeployType;
use crate::flow_file::text;
use crate::model::{GLOBAL_CONFIG, Model, wires};

/// The nodes that a deploy leaves running, as far as the flow files say.
#[derive(Debug)]
pub(crate) enum Restart {
    /// None.
    All,
    /// All but these.
    These(HashSet<String>),
}

impl Restart {
    /// What a deploy of `new` in place of `old` restarts.
    pub(crate) fn between(old: &Model, new: &Model, how: DeployType) -> Self {
        if matches!(how, DeployType::Full | DeployType::Reload) || settings(old) != settings(new) {
            return Restart::All;
        }
        let mut changed = own_changes(old, new);
        spread(old, new, &mut changed);
        if how == DeployType::Flows {
            spread_along_wires(old, new, &mut changed);
        }
        Restart::These(changed.into_iter().map(str::to_owned).collect())
    }

    pub(crate) fn spares(&self, id: &str) -> bool {
        match self {
            Restart::All => false,
            Restart::These(ids) => !ids.contains(id),
        }
    }
}

fn settings(model: &Model) -> Vec<(&Map, Option<&Map>)> {
    let settings = model.nodes.iter().filter(|entry| entry.node_type == GLOBAL_CONFIG);
    settings.map(|entry| (model.object(entry), model.credentials_of(&entry.id))).collect()
}

/// The nodes and groups that changed themselves, and the nodes that are gone or disabled.
fn own_changes<'a>(old: &'a Model, new: &'a Model) -> HashSet<&'a str> {
    let after: HashMap<&str, &Map> = new.objects().collect();
    let mut changed = HashSet::new();
    for (id, before) in old.objects() {
        let same = after.get(id).is_some_and(|after| !differs(before, after))
            && old.credentials_of(id) == new.credentials_of(id);
        let gone = old.is_active(id) && !new.is_active(id);
        if !same || gone {
            changed.insert(id);
        }
    }
    changed
}

/// Whether one of them has a property that says something else in the other.
fn differs(before: &Map, after: &Map) -> bool {
    let ignored: &[&str] = match text(before, "type") {
        "tab" => return before.get("env") != after.get("env") || text(after, "type") != "tab",
        // What is wired inside is said by the nodes that the instances become.
        "subflow" => &["x", "y", "in", "out", "info", "color", "icon", "category", "meta"],
        "group" => &["x", "y", "wires", "nodes", "style", "w", "h"],
        _ => &["x", "y", "wires"],
    };
    let relevant = |map: &Map| map.keys().filter(|key| !ignored.contains(&key.as_str())).count();
    let mut properties = after.iter().filter(|(key, _)| !ignored.contains(&key.as_str()));
    relevant(before) != relevant(after)
        || properties.any(|(key, value)| before.get(key) != Some(value))
}

/// Adds what refers to something changed, directly or through others.
fn spread<'a>(old: &'a Model, new: &'a Model, changed: &mut HashSet<&'a str>) {
    let mut referring: HashMap<&str, Vec<&str>> = HashMap::new();
    for (id, node) in new.objects() {
        for (key, value) in node.iter() {
            // Tabs change only with their environment, which concerns all that is on them.
            let named = value.as_str().filter(|_| !matches!(key.as_str(), "id" | "wires"));
            let named = named.filter(|named| new.get(named).or(old.get(named)).is_some());
            if let Some(named) = named {
                referring.entry(named).or_default().push(id);
            }
        }
    }
    let mut waiting: Vec<&str> = changed.iter().copied().collect();
    while let Some(id) = waiting.pop() {
        for &user in referring.get(id).into_iter().flatten() {
            if changed.insert(user) {
                waiting.push(user);
            }
        }
    }
}

/// Adds everything that is or was wired to what is new, changed, gone or wired differently.
fn spread_along_wires<'a>(old: &'a Model, new: &'a Model, changed: &mut HashSet<&'a str>) {
    let mut linked: HashMap<&str, Vec<&str>> = HashMap::new();
    for (id, node) in old.objects().chain(new.objects()) {
        let without_wire = node.get("links").and_then(Value::as_array).unwrap_or_default();
        let without_wire = without_wire.iter().filter_map(Value::as_str);
        for to in wires(node).0.into_iter().flatten().chain(without_wire) {
            linked.entry(id).or_default().push(to);
            linked.entry(to).or_default().push(id);
        }
    }
    let before: HashMap<&str, Option<&Value>> =
        old.objects().map(|(id, node)| (id, node.get("wires"))).collect();
    for (id, node) in new.objects() {
        if before.get(id) != Some(&node.get("wires")) {
            changed.insert(id);
        }
    }
    let mut waiting: Vec<&str> = changed.iter().copied().collect();
    while let Some(id) = waiting.pop() {
        for &next in linked.get(id).into_iter().flatten() {
            if changed.insert(next) {
                waiting.push(next);
            }
        }
    }
}
