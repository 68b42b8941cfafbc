//! Delivery without wires: to nodes that watch others, and by node id.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::oneshot;

use super::queues::{DROPPED_AT_NODES, used};
use super::{RunningNode, WIRE_QUEUE};
use crate::{Message, MutexExt as _, NodeError, Sending};

/// How long a sender waits for room. The sender may be part of a loop, in which case it would wait
/// for itself.
const PATIENCE: Duration = Duration::from_secs(5);

/// A queue of [`WIRE_QUEUE`] messages to a node. Holding it does not keep the node from stopping.
#[derive(Clone)]
pub struct Aside {
    queue: mpsc::WeakSender<Queued>,
}

/// A message in the queue.
pub(crate) struct Queued {
    msg: Message,
    /// Dropped when the node has handled the message.
    handled: Option<oneshot::Sender<()>>,
}

/// What a sender waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// The message is in the queue.
    Queued,
    /// The node has handled it, or [`PATIENCE`] is over.
    Handled,
}

/// Why a message could not be delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missed {
    /// The node was stopped.
    Stopped,
    /// The queue is full.
    Full,
}

impl Missed {
    /// The queue is full, which counts.
    fn full() -> Self {
        DROPPED_AT_NODES.increment();
        Missed::Full
    }
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
        queue.try_send(Queued { msg, handled: None }).map_err(|error| match error {
            TrySendError::Full(_) => Missed::full(),
            TrySendError::Closed(_) => Missed::Stopped,
        })
    }

    /// Puts a message into the queue; if there is no room within the time limit, calls `late`.
    pub(crate) fn send(
        &self,
        mut msg: Message,
        until: Until,
        late: impl FnOnce(Missed) + Send + 'static,
    ) -> Sending {
        msg.ensure_id();
        let Some(queue) = self.queue.upgrade() else {
            late(Missed::Stopped);
            return Sending::done();
        };
        let (ack, handled) = match until {
            Until::Queued => (None, None),
            Until::Handled => {
                let (ack, handled) = oneshot::channel();
                (Some(ack), Some(handled))
            }
        };
        match queue.try_send(Queued { msg, handled: ack }) {
            Ok(()) => handled.map_or_else(Sending::done, wait_for),
            Err(TrySendError::Closed(_)) => {
                late(Missed::Stopped);
                Sending::done()
            }
            Err(TrySendError::Full(queued)) => Sending::later(Box::pin(async move {
                if queue.send_timeout(queued, PATIENCE).await.is_err() {
                    return late(Missed::full());
                }
                if let Some(handled) = handled {
                    wait_for(handled).await;
                }
            })),
        }
    }
}

fn wait_for(handled: oneshot::Receiver<()>) -> Sending {
    Sending::later(Box::pin(async move {
        // The other end is dropped, or the time is over.
        let _ended = tokio::time::timeout(PATIENCE, handled).await;
    }))
}

impl fmt::Debug for Aside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Aside")
    }
}

/// The node's end of the queue, created on first use.
#[derive(Default)]
pub(super) struct AsideQueue(Mutex<Option<mpsc::Sender<Queued>>>);

impl AsideQueue {
    /// The number of messages in the queue.
    pub(super) fn waiting(&self) -> usize {
        self.0.locked().as_ref().map_or(0, used)
    }

    /// Lets the queue drain and accepts no more messages.
    pub(super) fn close(&self) {
        self.0.locked().take();
    }
}

impl RunningNode {
    /// A queue to this node without a wire. Must be called in a tokio runtime.
    pub fn aside(self: &Arc<Self>) -> Aside {
        let mut queue = self.aside.0.locked();
        let queue =
            queue.get_or_insert_with(|| self.queue(|Queued { msg, handled }| (msg, handled)));
        Aside { queue: queue.downgrade() }
    }
}
