//! `Node` and `ExclusiveNode`: the two forms of a node.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;

use crate::{Message, NodeContext, NodeError, Sending, Value};

/// Why a node stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// It or its flow was deleted or disabled.
    Removed,
    /// A deploy replaces it: a node with the same id starts next.
    Restarting,
    /// The runtime shuts down.
    ShuttingDown,
}

/// A node that handles messages through a shared reference, several at once.
///
/// Its lifecycle is build, [`start`](Node::start), any number of messages, [`stop`](Node::stop).
/// Building it from its configuration ([`FromConfig`](crate::FromConfig)) is pure; side effects
/// belong in `start`.
///
/// Delivery is inline: `on_message` runs in the sender's task, so messages of one sender arrive in
/// order and those of different senders in parallel. A handler must not block the thread; long
/// waits belong in an [`ExclusiveNode`] or a task spawned with [`NodeContext::spawn`]. The future
/// may be dropped at any `await` when the runtime stops.
///
/// A panic in any of these functions is caught and becomes an error of this node.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a flow node",
    note = "write `#[async_trait] impl Node for {Self} {{ async fn on_message(…) }}`"
)]
pub trait Node: Send + Sync + 'static {
    /// Called once, before the first message, when all wires are in place.
    ///
    /// # Errors
    /// An error is logged with the node's name; the node stays in the flow.
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        let _ = cx;
        Ok(())
    }

    /// Handles one message. `Ok` completes it (complete nodes); an error fails it (catch nodes).
    ///
    /// # Errors
    /// If the node cannot process the message.
    async fn on_message(&self, msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
        let _ = (msg, cx);
        Err(NodeError::new("the node takes no messages"))
    }

    /// The fast path: handles a message without waiting. Called first; the default returns the
    /// message, which then goes to [`on_message`](Node::on_message).
    fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        let _ = cx;
        Handled::NotNow(msg)
    }

    /// Answers a request of a node that uses this configuration node ([`NodeContext::ask`]). `from`
    /// is the user's id. Runs in the user's task, several at once; dropped when the user cancels
    /// the request or this node stops.
    ///
    /// # Errors
    /// Why it cannot be answered; the user receives the error.
    async fn on_request(
        &self,
        from: &str,
        request: Value,
        cx: &NodeContext,
    ) -> Result<Value, NodeError> {
        let _ = (from, request, cx);
        Err(NodeError::new(crate::bus::NO_REQUESTS))
    }

    /// Enables or disables the node until its next start, like the button of a debug node. Returns
    /// whether nodes of this type support that.
    fn set_active(&self, active: bool) -> bool {
        let _ = active;
        false
    }

    /// Called before the runtime stops, while messages still flow: a node that holds connections of
    /// clients ends them, spread over `window`, so that they do not all connect elsewhere at once. Ends
    /// when none is left. Dropped when the runtime no longer waits.
    async fn drain(&self, window: Duration, cx: &NodeContext) {
        let _ = (window, cx);
    }

    /// Called once at the end, when no more messages arrive. Tasks spawned on the context are
    /// cancelled after it returns, or when the time limit for stopping expires.
    async fn stop(&self, reason: StopReason, cx: &NodeContext) {
        let _ = (reason, cx);
    }
}

/// What [`Node::on_message_now`] did with a message.
pub enum Handled {
    /// Not handled: [`Node::on_message`] gets it.
    NotNow(Message),
    /// The message is complete and nothing is sent.
    Done,
    /// The message failed.
    Failed(NodeError),
    /// This message leaves through an output port.
    Send(usize, Message),
    /// These messages leave, in order, each through its output port.
    SendAll(Vec<(usize, Message)>),
    /// The node keeps the message and reports its outcome later, with [`NodeContext::complete`] or
    /// [`NodeContext::fail_with`]. The sender waits for the contained delivery.
    Kept(Sending),
    /// The message is complete when the future ends. The sender waits for it.
    Later(BoxFuture<'static, Result<(), NodeError>>),
}

impl std::fmt::Debug for Handled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Handled::NotNow(_) => "NotNow",
            Handled::Done => "Done",
            Handled::Failed(_) => "Failed",
            Handled::Send(..) => "Send",
            Handled::SendAll(_) => "SendAll",
            Handled::Kept(_) => "Kept",
            Handled::Later(_) => "Later",
        })
    }
}

/// A node that handles one message at a time, in the order of arrival, through `&mut self`.
///
/// Messages wait in a queue of [`EXCLUSIVE_QUEUE`] places; senders wait when it is full. Lifecycle
/// and rules are those of [`Node`].
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an exclusive flow node",
    note = "write `#[async_trait] impl ExclusiveNode for {Self} {{ async fn on_message(…) }}`"
)]
pub trait ExclusiveNode: Send + 'static {
    /// See [`Node::start`].
    ///
    /// # Errors
    /// An error is logged with the node's name; the node stays in the flow.
    async fn start(&mut self, cx: &NodeContext) -> Result<(), NodeError> {
        let _ = cx;
        Ok(())
    }

    /// See [`Node::on_message`].
    ///
    /// # Errors
    /// If the node cannot process the message.
    async fn on_message(&mut self, msg: Message, cx: &NodeContext) -> Result<(), NodeError>;

    /// See [`Node::stop`]. Messages still queued were handled before.
    async fn stop(&mut self, reason: StopReason, cx: &NodeContext) {
        let _ = (reason, cx);
    }
}

/// The queue length of an [`ExclusiveNode`]; senders wait when it is full.
pub const EXCLUSIVE_QUEUE: usize = 1024;
