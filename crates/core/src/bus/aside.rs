//! Delivery without wires: to nodes that watch others, and by node id.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::{self, error::TrySendError};

use super::{RunningNode, WIRE_QUEUE};
use crate::{Message, NodeError, Sending};

/// How long a sender waits for room. The sender may be part of a loop, in which case it would wait
/// for itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// A queue of [`WIRE_QUEUE`] messages to a node. Holding it does not keep the node from stopping.
#[derive(Clone)]
pub struct Aside {
    queue: mpsc::WeakSender<Message>,
}

/// Why a message could not be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missed {
    /// The node was stopped.
    Stopped,
    /// The queue is full.
    Full,
}

impl From<Missed> for NodeError {
    fn from(missed: Missed) -> Self {
        NodeError::new(match missed {
            Missed::Stopped => "the receiving node was stopped".to_owned(),
            Missed::Full => format!(
                "{WIRE_QUEUE} messages wait at the receiving node, \
                 it was dropped"
            ),
        })
    }
}

impl Aside {
    /// Puts a message into the queue if there is room.
    pub(crate) fn try_send(&self, mut msg: Message) -> Result<(), Missed> {
        msg.ensure_id();
        let queue = self.queue.upgrade().ok_or(Missed::Stopped)?;
        queue.try_send(msg).map_err(|error| match error {
            TrySendError::Full(_) => Missed::Full,
            TrySendError::Closed(_) => Missed::Stopped,
        })
    }

    /// Puts a message into the queue; if there is no room within the time limit, calls `late`.
    pub(crate) fn send(
        &self,
        mut msg: Message,
        late: impl FnOnce(Missed) + Send + 'static,
    ) -> Sending {
        msg.ensure_id();
        let Some(queue) = self.queue.upgrade() else {
            late(Missed::Stopped);
            return Sending::done();
        };
        match queue.try_send(msg) {
            Ok(()) => Sending::done(),
            Err(TrySendError::Closed(_)) => {
                late(Missed::Stopped);
                Sending::done()
            }
            Err(TrySendError::Full(msg)) => Sending::later(Box::pin(async move {
                if queue.send_timeout(msg, PATIENCE).await.is_err() {
                    late(Missed::Full);
                }
            })),
        }
    }
}

impl fmt::Debug for Aside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Aside")
    }
}

/// The node's end of the queue, created on first use.
#[derive(Default)]
pub(super) struct AsideQueue(Mutex<Option<mpsc::Sender<Message>>>);

impl AsideQueue {
    /// Lets the queue drain and accepts no more messages.
    pub(super) fn close(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl RunningNode {
    /// A queue to this node without a wire. Must be called in a tokio runtime.
    pub fn aside(self: &Arc<Self>) -> Aside {
        let mut queue = self.aside.0.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = queue.get_or_insert_with(|| self.queue());
        Aside { queue: queue.downgrade() }
    }
}
