//! `Deliveries`: messages from the child on their way to native nodes.
//!
//! Each native node has a task, so that one that waits does not delay the others; the messages to one
//! node keep their order. The child bounds what waits in all of them together, and is told what was
//! handled.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use ferrowire_core::bus::RunningNode;
use ferrowire_core::{Message, Sending};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::outbox::Outbox;
use crate::records::{ToldTrace, to_child};

/// What the child counts for a message beside its bytes. As in `child.js`.
const MESSAGE_COST: usize = 256;

/// The child is told what was handled in steps of this many bytes, which are little of what it lets
/// wait.
const STEP: usize = 256 << 10;

/// The running nodes of the engine, by id.
pub(crate) type Nodes = HashMap<String, Arc<RunningNode>>;

/// Where messages go.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) nodes: Arc<ArcSwap<Nodes>>,
    /// True while a deploy replaces nodes.
    pub(crate) held: watch::Receiver<bool>,
    pub(crate) outbox: Arc<Outbox>,
}

/// What one child is told of its messages.
#[derive(Debug, Default)]
struct Account {
    /// The bytes that were handled since it was told.
    handled: AtomicUsize,
    /// The next child is not told.
    is_closed: AtomicBool,
}

impl Account {
    fn handled(&self, bytes: usize, outbox: &Outbox) {
        let before = self.handled.fetch_add(bytes + MESSAGE_COST, Ordering::Relaxed);
        if before + bytes + MESSAGE_COST < STEP || self.is_closed.load(Ordering::Relaxed) {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "the child lets 64 MiB wait")]
        let bytes = self.handled.swap(0, Ordering::Relaxed) as f64;
        if let Ok(frame) = to_child("taken", [("bytes", bytes.into())]) {
            outbox.control(frame);
        }
    }
}

/// Messages from children on their way to native nodes. They outlive their child, so that those of the
/// next one come after them.
pub(crate) struct Deliveries {
    target: Target,
    /// That of the present child.
    account: Arc<Account>,
    queues: HashMap<String, mpsc::UnboundedSender<Delivery>>,
    tasks: JoinSet<()>,
}

struct Delivery {
    msg: Message,
    trace: ToldTrace,
    /// The bytes of its frame.
    bytes: usize,
    account: Arc<Account>,
}

impl Deliveries {
    pub(crate) fn new(target: Target) -> Self {
        let account = Arc::default();
        Deliveries { target, account, queues: HashMap::new(), tasks: JoinSet::new() }
    }

    /// Delivers a message whose frame had `bytes`.
    pub(crate) fn deliver(&mut self, id: String, (msg, trace): (Message, ToldTrace), bytes: usize) {
        let queue = self.queues.entry(id).or_insert_with_key(|id| {
            #[expect(clippy::disallowed_methods, reason = "the child bounds what waits")]
            let (queue, waiting) = mpsc::unbounded_channel();
            self.tasks.spawn(deliver_all(id.clone(), waiting, self.target.clone()));
            queue
        });
        // The task ends only after the queue is dropped.
        let account = Arc::clone(&self.account);
        let _delivered = queue.send(Delivery { msg, trace, bytes, account });
    }

    /// Ends the tasks of nodes that do not run any more.
    pub(crate) fn retain(&mut self) {
        let nodes = self.target.nodes.load();
        self.queues.retain(|id, _| nodes.contains_key(id));
        while self.tasks.try_join_next().is_some() {}
    }

    /// The child has ended: it is told nothing more.
    pub(crate) fn child_ended(&mut self) {
        std::mem::take(&mut self.account).is_closed.store(true, Ordering::Relaxed);
    }

    /// Waits until all that came from children is delivered. What takes longer than `limit` goes on
    /// by itself.
    pub(crate) async fn finish(&mut self, limit: Duration) {
        self.queues.clear();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        // Native nodes that wait for a child may take until there is one.
        if tokio::time::timeout(limit, all).await.is_err() {
            self.tasks.detach_all();
        }
    }
}

async fn deliver_all(
    id: String,
    mut waiting: mpsc::UnboundedReceiver<Delivery>,
    mut target: Target,
) {
    while let Some(Delivery { mut msg, trace, bytes, account }) = waiting.recv().await {
        msg.ensure_id();
        if let Some(node) = target.nodes.load().get(&id) {
            trace.continue_in(&mut msg, node.context());
        }
        match target.accepted(&id, msg).await {
            Some(sending) => sending.await,
            None => tracing::debug!("a message to the node `{id}` was dropped: it was removed"),
        }
        account.handled(bytes, &target.outbox);
    }
}

impl Target {
    /// Gives a message to the node `id`: to the next one of that id if a deploy stops the node at this
    /// moment. `None` if there is none.
    async fn accepted(&mut self, id: &str, mut msg: Message) -> Option<Sending> {
        let mut stopped = None;
        loop {
            // The sender lives as long as this task.
            drop(self.held.wait_for(|held| !held).await);
            let node = self.nodes.load().get(id).cloned();
            let node =
                node.filter(|node| !stopped.as_ref().is_some_and(|it| Arc::ptr_eq(it, node)))?;
            match node.try_deliver(msg) {
                Ok(sending) => return Some(sending),
                Err(back) => msg = back,
            }
            stopped = Some(node);
        }
    }
}
