//! `Directory`: the nodes that other nodes can address by id or by name, without a wire.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use ferrowire_core::bus::RunningNode;
use ferrowire_core::{Links, NodeError, NodeInfo};

/// The nodes that other nodes can address without a wire.
#[derive(Default)]
pub(crate) struct Directory {
    nodes: HashMap<String, Arc<RunningNode>>,
    /// The ids of those that can be called.
    callable: HashSet<String>,
    /// The same nodes, by name.
    named: HashMap<String, Vec<Named>>,
}

struct Named {
    id: String,
    flow: String,
    in_subflow: bool,
}

impl Directory {
    /// Adds a node if its links make it addressable.
    pub(crate) fn add(&mut self, links: Links, node: &Arc<RunningNode>) {
        let info = node.info();
        match links {
            Links::None | Links::Out(_) => return,
            Links::Answers => {
                let address = format!("{}{}", Links::ANSWER, info.id);
                self.nodes.insert(address, Arc::clone(node));
                return;
            }
            Links::Call(_) => {}
            Links::In(_) => {
                self.callable.insert(info.id.clone());
                let name = if info.name.is_empty() { &info.id } else { &info.name };
                self.named.entry(name.clone()).or_default().push(Named {
                    id: info.id.clone(),
                    flow: info.flow.clone(),
                    in_subflow: !info.alias.is_empty(),
                });
            }
        }
        self.nodes.insert(info.id.clone(), Arc::clone(node));
    }

    pub(crate) fn get(&self, id: &str) -> Option<Arc<RunningNode>> {
        self.nodes.get(id).cloned()
    }

    /// The id of the node that `name` refers to when `node` uses it: the node with this id, else
    /// the only one with this name on the same flow, else the only one with it outside of subflows.
    pub(crate) fn find(&self, node: &NodeInfo, name: &str) -> Result<String, NodeError> {
        if self.callable.contains(name) {
            return Ok(name.to_owned());
        }
        let named = self.named.get(name).map_or(&[][..], Vec::as_slice);
        let only = |chosen: &dyn Fn(&&Named) -> bool| {
            let mut chosen = named.iter().filter(chosen);
            let first = chosen.next();
            (first, chosen.count())
        };
        if let (Some(found), 0) = only(&|named| named.flow == node.flow) {
            return Ok(found.id.clone());
        }
        match only(&|named| !named.in_subflow) {
            (Some(found), 0) => Ok(found.id.clone()),
            // Node-RED's text: flows may compare it.
            (None, _) => Err(NodeError::new(format!("target link-in node '{name}' not found"))),
            (Some(_), more) => Err(NodeError::new(format!(
                "Multiple link-in nodes named '{name}' found: {}; give them different names",
                more + 1
            ))),
        }
    }
}
