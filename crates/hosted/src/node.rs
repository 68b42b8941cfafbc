//! `HostedNode`: the native side of a node in the child.

use std::sync::Arc;

use ferrowire_core::{
    BuildNode, BuiltNode, Handled, Message, Node, NodeConfig, NodeContext, NodeError,
};

use crate::outbox::Outbox;
use crate::records;

/// Builds the native sides of nodes.
pub(crate) struct HostedNodes(pub(crate) Arc<Outbox>);

impl BuildNode for HostedNodes {
    fn build(&self, _: &mut NodeConfig<'_>) -> BuiltNode {
        BuiltNode::Shared(Box::new(HostedNode(Arc::clone(&self.0))))
    }
}

/// Passes messages on to the child. What the node sends does not come back to it: the child knows
/// its wires, and delivers to the native nodes at their ends.
struct HostedNode(Arc<Outbox>);

impl Node for HostedNode {
    fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        match self.send(msg, cx) {
            Ok(None) => Handled::Done,
            Err(error) => Handled::Failed(error),
            Ok(Some(frame)) => {
                let outbox = Arc::clone(&self.0);
                Handled::Later(Box::pin(async move { outbox.push(frame).await }))
            }
        }
    }
}

impl HostedNode {
    fn send(&self, msg: Message, cx: &NodeContext) -> Result<Option<bytes::Bytes>, NodeError> {
        let frame = records::message(cx.id(), msg);
        self.0.try_push(frame.map_err(|error| NodeError::new(error.to_string()))?)
    }
}
