//! The library's node types as C data.

use std::sync::OnceLock;

use super::raw;
use crate::{Endpoint, NodeType, Reference};

/// Node types whose C data lives for ever.
pub(super) struct Types {
    /// The types, in the order of their indices.
    pub(super) list: Vec<&'static NodeType>,
    /// The same as C data.
    pub(super) raw: Vec<raw::NodeType>,
}

// SAFETY: strings and arrays that live for ever and never change.
unsafe impl Send for Types {}
// SAFETY: as above.
unsafe impl Sync for Types {}

/// The node types that are linked into this library.
pub(super) fn types() -> &'static Types {
    static TYPES: OnceLock<Types> = OnceLock::new();
    TYPES.get_or_init(|| {
        let mut list: Vec<_> = NodeType::linked().collect();
        list.sort_by_key(|node_type| node_type.name);
        let raw = list.iter().map(|node_type| describe(node_type)).collect();
        Types { list, raw }
    })
}

fn describe(node_type: &NodeType) -> raw::NodeType {
    let endpoint = match node_type.endpoint {
        Endpoint::None => 0,
        Endpoint::ReceivesFrom(_) => 1,
        Endpoint::SendsTo(_) => 2,
    };
    let (endpoint_refs, endpoint_len) = references(node_type.endpoint.references());
    let (uses, uses_len) = references(node_type.uses);
    let unique: Vec<_> = node_type.unique.iter().map(|name| raw::Str::new(name)).collect();
    let unique: &'static [raw::Str] = unique.leak();
    raw::NodeType {
        name: raw::Str::new(node_type.name),
        summary: raw::Str::new(node_type.summary),
        category: raw::Str::new(node_type.category),
        plugin: raw::Str::new(node_type.plugin),
        version: raw::Str::new(node_type.version),
        endpoint,
        endpoint_refs,
        endpoint_len,
        uses,
        uses_len,
        unique: unique.as_ptr(),
        unique_len: unique.len(),
    }
}

fn references(references: &[Reference]) -> (*const raw::Reference, usize) {
    let describe = |reference: &Reference| raw::Reference {
        property: raw::Str::new(reference.property),
        node_type: raw::Str::new(reference.node_type),
    };
    let list: &'static [raw::Reference] =
        references.iter().map(describe).collect::<Vec<_>>().leak();
    (list.as_ptr(), list.len())
}
