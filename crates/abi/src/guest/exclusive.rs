//! An [`ExclusiveNode`] as a [`Node`], so that the C functions call one kind of node.

use async_trait::async_trait;
use futures_util::lock::Mutex;

use ferrowire_core::{ExclusiveNode, Message, Node, NodeContext, NodeError, StopReason};

/// The host hands over one message at a time, so that the lock is free.
pub(super) struct Exclusive(Mutex<Box<dyn ExclusiveNode>>);

impl Exclusive {
    pub(super) fn new(node: Box<dyn ExclusiveNode>) -> Self {
        Exclusive(Mutex::new(node))
    }
}

#[async_trait]
impl Node for Exclusive {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        self.0.lock().await.start(cx).await
    }

    async fn on_message(&self, msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
        self.0.lock().await.on_message(msg, cx).await
    }

    async fn stop(&self, reason: StopReason, cx: &NodeContext) {
        self.0.lock().await.stop(reason, cx).await;
    }
}
