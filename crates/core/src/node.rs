//! `Node` and `ExclusiveNode`: the two forms of a node.

use async_trait::async_trait;
use futures_util::future::BoxFuture;

use crate::{Message, NodeContext, NodeError, Sending, Value};

/// Why a node is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// It was deleted, disabled, or its flow was.
    Removed,
    /// A deploy replaces it: a node with the same id starts next.
    Restarting,
    /// The runtime ends.
    ShuttingDown,
}

/// A node that handles messages through a shared reference, from several tasks at once.
///
/// The life of a node is build, [`start`](Node::start), any number of messages,
/// [`stop`](Node::stop). Building one from its configuration ([`FromConfig`](crate::FromConfig))
/// is pure; whatever touches the world belongs into `start`.
///
/// Delivery is inline: `on_message` runs in the task of whoever sent the message, so messages of
/// one sender arrive in their order, those of different senders in parallel. A handler must not
/// block the thread; what waits for long belongs into an [`ExclusiveNode`] or a task spawned with
/// [`NodeContext::spawn`]. The future may be dropped at any `await` when the runtime stops.
///
/// A panic in any of these functions is caught and becomes this node's error.
#[async_trait]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a flow node",
    note = "write `#[async_trait] impl Node for {Self} {{ async fn on_message(…) }}`"
)]
pub trait Node: Send + Sync + 'static {
    /// Called once, before the first message, when every wire is in place.
    ///
    /// # Errors
    /// An error is logged with the node's name; the node stays in the flow.
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        let _ = cx;
        Ok(())
    }

    /// Handles one message. `Ok` completes it (complete nodes), an error fails it (catch nodes).
    ///
    /// # Errors
    /// Whatever keeps the node from doing its work with this message.
    async fn on_message(&self, msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
        let _ = (msg, cx);
        Err(NodeError::new("the node takes no messages"))
    }

    /// The fast path: handles a message on the spot if that needs no waiting. Called first; the
    /// default hands the message back, and [`on_message`](Node::on_message) gets it.
    fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        let _ = cx;
        Handled::NotNow(msg)
    }

    /// Answers a request of a node that uses this configuration node
    /// ([`NodeContext::ask`]). `from` is the id of the user. Runs in the task of the user, several
    /// at once; dropped when the user gives up or this node stops.
    ///
    /// # Errors
    /// Why it cannot be answered; the user gets the error.
    async fn on_request(
        &self,
        from: &str,
        request: Value,
        cx: &NodeContext,
    ) -> Result<Value, NodeError> {
        let _ = (from, request, cx);
        Err(NodeError::new(crate::bus::NO_REQUESTS))
    }

    /// Switches the node on or off while it runs, as the button of a debug node does, until it
    /// starts again. Returns whether nodes of this type can be switched.
    fn set_active(&self, active: bool) -> bool {
        let _ = active;
        false
    }

    /// Called once at the end, when no more messages arrive. Tasks spawned on the context are
    /// cancelled after it returns, at the latest when the time limit for stopping is over.
    async fn stop(&self, reason: StopReason, cx: &NodeContext) {
        let _ = (reason, cx);
    }
}

/// What [`Node::on_message_now`] did with a message.
pub enum Handled {
    /// Nothing: here it is again for [`Node::on_message`].
    NotNow(Message),
    /// The message is complete and nothing is sent.
    Done,
    /// The message failed.
    Failed(NodeError),
    /// This message leaves through an output port.
    Send(usize, Message),
    /// These messages leave, in order, each through its output port.
    SendAll(Vec<(usize, Message)>),
    /// The node keeps the message and says later what came of it, with
    /// [`NodeContext::complete`] or [`NodeContext::fail_with`]. The sender waits for what is
    /// inside.
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
/// Messages wait in a queue of [`EXCLUSIVE_QUEUE`] places; when it is full, senders wait. The
/// life and the rules are those of [`Node`].
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
    /// Whatever keeps the node from doing its work with this message.
    async fn on_message(&mut self, msg: Message, cx: &NodeContext) -> Result<(), NodeError>;

    /// See [`Node::stop`]. Messages that still wait in the queue were handled before.
    async fn stop(&mut self, reason: StopReason, cx: &NodeContext) {
        let _ = (reason, cx);
    }
}

/// The number of messages that wait for an [`ExclusiveNode`] before their senders have to wait.
pub const EXCLUSIVE_QUEUE: usize = 1024;
