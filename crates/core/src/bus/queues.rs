//! What waits in the queues of the bus, and what was dropped because they were full.

use tokio::sync::mpsc::Sender;

use super::{Handler, RunningNode, Way};
use crate::NodeInfo;
use crate::metric::Counter;

const DROPPED: &str = "messages_dropped";
const DROPPED_HELP: &str = "messages between nodes that were dropped because a queue was full";

/// Messages dropped because the queue of a wire that closes a cycle was full.
pub static DROPPED_IN_LOOPS: Counter = Counter::new(DROPPED, DROPPED_HELP).label("queue", "loop");
/// Messages dropped because the queue of a node was full that they were sent to without a wire.
pub static DROPPED_AT_NODES: Counter = Counter::new(DROPPED, DROPPED_HELP).label("queue", "node");

impl RunningNode {
    /// Tells `add` how many messages wait in each queue that belongs to this node: its own, for this
    /// node, and those of its wires, for their receivers.
    pub fn waiting(&self, add: &mut dyn FnMut(&NodeInfo, usize)) {
        if let Handler::Exclusive(exclusive) = &self.handler {
            add(self.info(), used(&exclusive.queue));
        }
        add(self.info(), self.aside.waiting());
        for wire in self.outlet.wires.load().iter().flatten() {
            add(wire.to.info(), wire.way.waiting());
        }
    }
}

impl Way {
    pub(super) fn waiting(&self) -> usize {
        match self {
            Way::Direct => 0,
            Way::Queue(queue) | Way::LoopBack(queue) => used(queue),
            Way::Held(hold) => hold.count(),
        }
    }
}

/// The number of messages in a queue.
pub(super) fn used<T>(queue: &Sender<T>) -> usize {
    queue.max_capacity() - queue.capacity()
}
