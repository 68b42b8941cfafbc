//! A wire that holds messages until its target has started. A deploy uses it between a node that
//! keeps running and a new one.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::Notify;

use super::{WIRE_QUEUE, Way, Wire};
use crate::{Message, MutexExt as _, Sending};

/// The messages on a wire that is not open yet, at most [`WIRE_QUEUE`]; senders wait when it is
/// full.
pub(super) struct Hold {
    wire: Wire,
    waiting: Mutex<VecDeque<Message>>,
    /// Changed only while `waiting` is locked, so that no message overtakes the held ones.
    open: AtomicBool,
    changed: Notify,
}

/// The result of putting a message on the wire.
enum Put {
    Waits,
    /// The wire is open: deliver the message directly.
    Open(Message),
    /// The wire is full.
    Full(Message),
}

impl Wire {
    /// The same wire, closed until its target has started and received the held messages. Must be
    /// called in a tokio runtime.
    #[must_use]
    pub fn held(self) -> Self {
        let to = Arc::clone(&self.to);
        let hold = Arc::new(Hold {
            wire: self,
            waiting: Mutex::default(),
            open: AtomicBool::new(false),
            changed: Notify::new(),
        });
        let opening = Opening(Arc::clone(&hold));
        let stopping = to.outlet.stopping.clone();
        let open = async move { opening.0.empty().await };
        to.outlet.inbox.spawn(stopping.run_until_cancelled_owned(open));
        Wire { to, way: Way::Held(hold) }
    }

    /// Waits until the wire is open; returns at once if it is not [held](Self::held).
    pub async fn opened(&self) {
        if let Way::Held(hold) = &self.way {
            hold.opened().await;
        }
    }
}

/// Opens the wire on drop: the target takes no more messages then, and no sender may wait for it.
struct Opening(Arc<Hold>);

impl Drop for Opening {
    fn drop(&mut self) {
        let mut waiting = self.0.waiting();
        waiting.clear();
        self.0.open.store(true, Ordering::Release);
        drop(waiting);
        self.0.changed.notify_waiters();
    }
}

impl Hold {
    fn waiting(&self) -> MutexGuard<'_, VecDeque<Message>> {
        self.waiting.locked()
    }

    /// The number of messages that wait, here and in the queue of the wire.
    pub(super) fn count(&self) -> usize {
        self.waiting().len() + self.wire.way.waiting()
    }

    pub(super) fn closes_cycle(&self) -> bool {
        self.wire.closes_cycle()
    }

    pub(super) fn carry(self: &Arc<Self>, msg: Message) -> Sending {
        let mut msg = match self.put(msg) {
            Put::Waits => return Sending::done(),
            Put::Open(msg) => return self.wire.carry(msg),
            Put::Full(msg) => msg,
        };
        let this = Arc::clone(self);
        Sending::later(Box::pin(async move {
            loop {
                let mut changed = pin!(this.changed.notified());
                changed.as_mut().enable();
                msg = match this.put(msg) {
                    Put::Waits => return,
                    Put::Open(msg) => return this.wire.carry(msg).await,
                    Put::Full(msg) => msg,
                };
                changed.await;
            }
        }))
    }

    fn put(&self, msg: Message) -> Put {
        if self.open.load(Ordering::Acquire) {
            return Put::Open(msg);
        }
        let mut waiting = self.waiting();
        if self.open.load(Ordering::Acquire) {
            return Put::Open(msg);
        }
        if waiting.len() >= WIRE_QUEUE {
            return Put::Full(msg);
        }
        waiting.push_back(msg);
        Put::Waits
    }

    /// Delivers the held messages once the node has started, then opens the wire.
    async fn empty(&self) {
        self.wire.to.started.cancelled().await;
        while let Some(msg) = self.next() {
            self.changed.notify_waiters();
            self.wire.carry(msg).await;
        }
        self.changed.notify_waiters();
    }

    fn next(&self) -> Option<Message> {
        let mut waiting = self.waiting();
        let next = waiting.pop_front();
        if next.is_none() {
            self.open.store(true, Ordering::Release);
        }
        next
    }

    async fn opened(&self) {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            if self.open.load(Ordering::Acquire) {
                return;
            }
            changed.await;
        }
    }
}
