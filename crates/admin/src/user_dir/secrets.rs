//! `Secrets`: the credentials of all nodes, which a deploy changes by Node-RED's rules.

use std::collections::{HashMap, HashSet};
use std::fmt;

use ferrowire_core::{Map, Value};

use super::{Declarations, Declared};

/// The editor's placeholder for a password that was not changed.
const UNCHANGED: &str = "__PWRD__";

/// The credentials of all nodes, by id.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Secrets {
    all: Map,
    /// Whether the file has credentials that could not be decrypted.
    unreadable: bool,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("nodes", &self.all.len()).finish_non_exhaustive()
    }
}

impl Secrets {
    pub(crate) fn all(&self) -> &Map {
        &self.all
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(crate) fn add(&mut self, credentials: &Map) {
        for (id, fields) in credentials.iter() {
            self.all.insert(id.clone(), fields.clone());
        }
    }

    pub(crate) fn set_unreadable(&mut self) {
        self.unreadable = true;
    }

    pub(crate) fn of(&self, id: &str) -> Option<&Map> {
        self.all.get(id)?.as_object()
    }

    /// The credentials as the engine takes them.
    pub(crate) fn by_node(&self) -> HashMap<String, Map> {
        let fields = |(id, fields): (&ferrowire_core::Key, &Value)| {
            Some((id.to_string(), fields.as_object()?.clone()))
        };
        self.all.iter().filter_map(fields).collect()
    }

    /// Moves the credentials out of `nodes`, and removes those of nodes that are not in `nodes`.
    pub(crate) fn take_from(&mut self, nodes: &mut [Value], declarations: &Declarations<'_>) {
        for node in nodes.iter_mut().filter(|node| has_credentials(node)) {
            let Some(node) = node.as_object_mut() else { continue };
            let text = |name: &str| node.get(name).and_then(Value::as_str).unwrap_or_default();
            let (id, node_type) = (text("id").to_owned(), text("type").to_owned());
            if let Some(Value::Object(changes)) = node.remove("credentials") {
                let mut fields = self.of(&id).cloned().unwrap_or_default();
                apply(&mut fields, &changes, &node_type, declarations);
                self.all.insert(id, fields);
            }
        }
        if self.all.is_empty() {
            return;
        }
        let ids = nodes.iter().filter_map(|node| node.get("id")?.as_str());
        let present: HashSet<&str> = ids.collect();
        let is_gone = |id: &&ferrowire_core::Key| !present.contains(id.as_str());
        let gone: Vec<_> = self.all.keys().filter(is_gone).cloned().collect();
        for id in gone {
            self.all.remove(&id);
        }
    }
}

/// Objects without credentials are left alone: changing one would copy it.
fn has_credentials(node: &Value) -> bool {
    node.as_object().is_some_and(|node| node.contains_key("credentials"))
}

/// Applies the changes of one node.
fn apply(fields: &mut Map, changes: &Map, node_type: &str, declarations: &Declarations<'_>) {
    let is_subflow = node_type == "subflow" || node_type.starts_with("subflow:");
    if node_type == "global-config" {
        return apply_to_variables(fields, changes);
    }
    let known = declarations.registry.get(node_type).filter(|_| !is_subflow);
    match known.and_then(|known| declarations.of_type(known)) {
        Some(declared) => {
            for Declared { name, is_password } in declared {
                let change = changes.get(&name);
                set(fields, &name, change.filter(|value| !(is_password && is_unchanged(value))));
            }
        }
        None => {
            for (name, value) in changes.iter().filter(|(_, value)| !is_unchanged(value)) {
                set(fields, name, Some(value));
            }
        }
    }
    if is_subflow {
        let gone: Vec<_> =
            fields.keys().filter(|name| !changes.contains_key(name)).cloned().collect();
        for name in gone {
            fields.remove(&name);
        }
    }
}

fn is_unchanged(value: &Value) -> bool {
    value.as_str() == Some(UNCHANGED)
}

/// Sets a credential. An empty text deletes it.
fn set(fields: &mut Map, name: &str, value: Option<&Value>) {
    match value {
        None => {}
        Some(value) if value.as_str().is_some_and(|text| text.trim().is_empty()) => {
            fields.remove(name);
        }
        Some(value) => {
            fields.insert(name, value.clone());
        }
    }
}

/// Replaces the secret global environment variables by those in `changes`.
fn apply_to_variables(fields: &mut Map, changes: &Map) {
    let stored = fields.get("map").and_then(Value::as_object).cloned().unwrap_or_default();
    let wanted = changes.get("map").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut kept = Map::new();
    let names = wanted.iter().filter(|(name, _)| !name.starts_with("has_"));
    for (name, value) in names {
        let value = match stored.get(name) {
            Some(stored) if is_unchanged(value) => stored,
            _ => value,
        };
        kept.insert(name.clone(), value.clone());
        kept.insert(format!("has_{name}"), true);
    }
    fields.insert("map", kept);
}
