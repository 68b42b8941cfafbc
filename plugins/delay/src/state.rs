//! `State`: the messages of the node, and the times at which they leave.

use ferrowire::{Message, NodeError, Status};
use tokio::time::Instant;

use crate::held::Held;
use crate::queue::Queue;
use crate::settings::{Mode, Settings};

/// The maximum number of messages that the node keeps.
pub(crate) const MOST_KEPT: usize = 65_536;

#[derive(Debug)]
pub(crate) enum Effect {
    /// The message that has just arrived leaves.
    Send(usize, Message),
    /// A held message leaves, and is complete.
    Release(usize, Message),
    /// A held message is dropped, and is complete.
    Complete(Message),
    Status(Status),
}

/// The effects of a message.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// The message was held, even if it already left.
    pub(crate) kept: bool,
    pub(crate) effects: Vec<Effect>,
}

/// The commands in a message: `msg.reset` and `msg.flush`.
#[derive(Debug)]
pub(crate) struct Orders {
    pub(crate) reset: bool,
    /// The number of messages to send at once.
    pub(crate) flush: Option<usize>,
    /// The message has properties other than its id and the commands.
    pub(crate) is_message: bool,
}

impl Orders {
    pub(crate) fn of(msg: &Message) -> Self {
        let flush = msg.get("flush").map(|count| match count.as_f64() {
            Some(count) => count.max(0.0).floor() as usize,
            None => usize::MAX,
        });
        let is_order = |key: &str| key == "_msgid" || key == "flush";
        Orders {
            reset: msg.contains_key("reset"),
            flush,
            is_message: msg.properties().iter().any(|(key, _)| !is_order(key)),
        }
    }
}

pub(crate) fn too_many() -> NodeError {
    NodeError::new(format!("too many messages: {MOST_KEPT} are waiting; this one was dropped"))
}

pub(crate) fn depth(count: usize) -> Effect {
    Effect::Status(Status::new("blue", "dot", count.to_string()))
}

pub(crate) fn was_reset() -> Effect {
    Effect::Status(Status::new("blue", "ring", "0"))
}

/// The state of the current mode.
#[derive(Debug)]
pub(crate) enum State {
    Held(Held),
    Queue(Queue),
}

impl State {
    pub(crate) fn new(settings: &Settings) -> Self {
        match settings.mode {
            Mode::Hold(_) => State::Held(Held::default()),
            _ => State::Queue(Queue::new(settings)),
        }
    }

    /// Called when the node starts.
    pub(crate) fn begin(&mut self, settings: &Settings, now: Instant) -> Option<Status> {
        match self {
            State::Held(_) => None,
            State::Queue(queue) => queue.begin(settings, now),
        }
    }

    /// Handles a message.
    pub(crate) fn take(
        &mut self,
        settings: &Settings,
        msg: Message,
        now: Instant,
    ) -> Result<Taken, NodeError> {
        match self {
            State::Held(held) => held.take(settings, msg, now),
            State::Queue(queue) => queue.take(settings, msg, now),
        }
    }

    /// When something is due next.
    pub(crate) fn next(&self) -> Option<Instant> {
        match self {
            State::Held(held) => held.next(),
            State::Queue(queue) => queue.next(),
        }
    }

    /// Processes what is due.
    pub(crate) fn advance(&mut self, settings: &Settings, now: Instant) -> Vec<Effect> {
        match self {
            State::Held(held) => held.advance(settings, now),
            State::Queue(queue) => queue.advance(settings, now),
        }
    }

    /// Drops all held messages.
    pub(crate) fn clear(&mut self) -> Vec<Message> {
        match self {
            State::Held(held) => held.clear(),
            State::Queue(queue) => queue.clear(),
        }
    }
}
