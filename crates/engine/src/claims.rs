//! The values of unique properties, such as the paths of listeners: each belongs to one node.
//!
//! A value may be a path with parameters (`/ocpp/:id`) and a trailing wildcard (`/live/*`).

use std::collections::HashMap;

use ferrowire_core::{Map, NodeType, Value};

use crate::Problem;
use crate::model::{Entry, Model};

/// A node type and its property.
type Property = (&'static str, &'static str);

/// The values that are in use, with the place in the file of the node that uses them.
#[derive(Default)]
pub(crate) struct Claims {
    taken: HashMap<(Property, String), usize>,
    by_property: HashMap<Property, Values>,
}

/// The values of one property.
#[derive(Default)]
struct Values {
    literals: Vec<(String, usize)>,
    /// With parameters or a wildcard.
    patterns: Vec<(String, usize)>,
}

impl Claims {
    /// Claims the unique properties of a node. Returns false if another node uses one of them.
    pub(crate) fn claim(
        &mut self,
        model: &Model,
        entry: &Entry,
        node_type: &NodeType,
        properties: &Map,
        out: &mut Vec<Problem>,
    ) -> bool {
        let mut free = true;
        for &property in node_type.unique {
            let value = match properties.get(property) {
                Some(Value::String(text)) if !text.is_empty() => text.as_str().to_owned(),
                Some(value @ Value::Number(_)) => value.to_json(),
                _ => continue,
            };
            let of = (node_type.name, property);
            let bare = without_names(value.strip_prefix('/').unwrap_or(&value));
            let owner = *self.taken.entry((of, bare.clone())).or_insert(entry.at);
            if owner != entry.at {
                let first = model.place(owner);
                let text = format!(
                    "`{value}` is already used by `{}`, so `{}` does not start; \
                     give one of them a different {property}",
                    first.id, entry.id
                );
                let problem = Problem::of_node(model.place(entry.at), property, text);
                out.push(problem.with_others(vec![first]));
                free = false;
            } else if let Some(other) = self.overlapping(of, bare, entry.at) {
                let first = model.place(other);
                let text = format!(
                    "some requests match `{value}` and the {property} of `{}`; \
                     the more exact one gets them",
                    first.id
                );
                let problem = Problem::warning(model.place(entry.at), property, text);
                out.push(problem.with_others(vec![first]));
            }
        }
        free
    }

    /// A node with a value that matches some of the same paths: at least one of both has variables.
    fn overlapping(&mut self, of: Property, value: String, at: usize) -> Option<usize> {
        let values = self.by_property.entry(of).or_default();
        let is_same = |(other, _): &&(String, usize)| overlap(&value, other);
        let mut other = values.patterns.iter().find(is_same);
        let is_pattern = has_variables(&value);
        if is_pattern && other.is_none() {
            other = values.literals.iter().find(is_same);
        }
        let other = other.map(|(_, at)| *at);
        if is_pattern {
            values.patterns.push((value, at));
        } else {
            values.literals.push((value, at));
        }
        other
    }
}

/// Two parameters match the same, whatever their names are.
fn without_names(path: &str) -> String {
    let segments = path.split('/').map(|part| if is_parameter(part) { ":" } else { part });
    segments.collect::<Vec<_>>().join("/")
}

fn is_parameter(part: &str) -> bool {
    part.len() > 1 && part.starts_with(':')
}

fn has_variables(value: &str) -> bool {
    value.split('/').any(|part| part == ":" || part == "*")
}

fn overlap(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.split('/'), b.split('/'));
    loop {
        match (a.next(), b.next()) {
            (None, None) | (Some("*"), Some(_)) | (Some(_), Some("*")) => return true,
            (Some(a), Some(b)) if a == b || (a == ":" && !b.is_empty()) => {}
            (Some(a), Some(":")) if !a.is_empty() => {}
            _ => return false,
        }
    }
}
