//! A node that does nothing, for tests of code that needs a node's context.

use std::sync::Arc;

use ferrowire_core::bus::RunningNode;
use ferrowire_core::{BuiltNode, Node, NodeInfo, Value};

use crate::record::{Provided, World};

struct Idle;

impl Node for Idle {}

/// A node in the flow `flow`, with context stores of its own and the variables `env`.
pub fn idle_node(flow: &str, env: &[(&str, Value)]) -> Arc<RunningNode> {
    let info = NodeInfo { flow: flow.to_owned(), ..NodeInfo::default() };
    let env = env.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let world = World::new(Provided { env, ..Provided::default() });
    RunningNode::new(info, BuiltNode::Shared(Box::new(Idle)), Arc::new(world))
}
