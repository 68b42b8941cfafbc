//! `Outbox`: what waits to be sent to the child.
//!
//! Messages are bounded: senders wait, in the order in which they came, when [`MAX_MESSAGES`] or
//! [`MAX_BYTES`] of them are queued or were sent and are not taken yet. They are held back while the flows
//! of the child change. Control records, such as deploys, are few and pass at once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use ferrowire_core::{MutexExt as _, NodeError};
use tokio::sync::{Notify, Semaphore, TryAcquireError};

/// How many messages may wait for the child.
pub(crate) const MAX_MESSAGES: usize = 1024;

/// How many bytes of messages may wait for the child. A single larger message passes.
pub(crate) const MAX_BYTES: u32 = 16 << 20;

/// The part of [`MAX_BYTES`] that a small message takes, so that there are [`MAX_MESSAGES`] of them.
#[expect(clippy::cast_possible_truncation, reason = "1,024")]
const LEAST: u32 = MAX_BYTES / MAX_MESSAGES as u32;

/// Whether messages are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// They wait: the child starts, or its flows change.
    Held,
    /// The flows run.
    Open,
    /// There is no child to wait for, for this reason.
    Refusing(Arc<str>),
}

#[derive(Debug)]
struct State {
    phase: Phase,
    control: VecDeque<Bytes>,
    messages: VecDeque<Bytes>,
    /// What the messages take of the room that were sent, and that the child has not taken yet.
    sent: VecDeque<u32>,
    /// The bytes that may still be queued. Closed when messages are refused.
    room: Arc<Semaphore>,
}

/// What waits to be sent to the child.
#[derive(Debug)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    /// There is something to send.
    filled: Notify,
}

impl Outbox {
    /// An outbox without a child.
    pub(crate) fn new() -> Self {
        let state = State {
            phase: Phase::Refusing("no node from npm runs".into()),
            control: VecDeque::new(),
            messages: VecDeque::new(),
            sent: VecDeque::new(),
            room: all_room(),
        };
        Outbox { state: Mutex::new(state), filled: Notify::new() }
    }

    /// Queues a message; returns it if there is no room, or others wait for it.
    ///
    /// # Errors
    /// If there is no child.
    pub(crate) fn try_push(&self, frame: Bytes) -> Result<Option<Bytes>, NodeError> {
        let mut state = self.state.locked();
        state.accepts()?;
        match state.room.try_acquire_many(cost(&frame)) {
            Ok(taken) => taken.forget(),
            Err(TryAcquireError::NoPermits | TryAcquireError::Closed) => return Ok(Some(frame)),
        }
        self.queue(&mut state, frame);
        Ok(None)
    }

    /// Queues a message as soon as there is room. Senders get room in the order in which they came.
    ///
    /// # Errors
    /// If there is no child, or messages are refused meanwhile.
    pub(crate) async fn push(&self, frame: Bytes) -> Result<(), NodeError> {
        let room = Arc::clone(&self.state.locked().room);
        let taken = room.acquire_many(cost(&frame)).await;
        let mut state = self.state.locked();
        state.accepts()?;
        match taken {
            // Unless messages were refused in between: the room is another one then.
            Ok(taken) if Arc::ptr_eq(&room, &state.room) => taken.forget(),
            _ => return Err(NodeError::new("the message did not reach the node: Node.js ended")),
        }
        self.queue(&mut state, frame);
        Ok(())
    }

    fn queue(&self, state: &mut State, frame: Bytes) {
        state.messages.push_back(frame);
        if state.phase == Phase::Open {
            self.filled.notify_one();
        }
    }

    /// Queues a control record.
    pub(crate) fn control(&self, frame: Bytes) {
        self.state.locked().control.push_back(frame);
        self.filled.notify_one();
    }

    /// What is to be sent next; waits for it. Cancel-safe.
    pub(crate) async fn next(&self) -> Vec<Bytes> {
        loop {
            let frames = self.state.locked().take();
            if !frames.is_empty() {
                return frames;
            }
            self.filled.notified().await;
        }
    }

    /// The child took messages.
    pub(crate) fn taken(&self, messages: usize) {
        self.state.locked().free(messages);
    }

    /// Holds messages back from now on.
    pub(crate) fn hold(&self) {
        self.state.locked().phase = Phase::Held;
    }

    /// Sends messages from now on.
    pub(crate) fn open(&self) {
        self.state.locked().phase = Phase::Open;
        self.filled.notify_one();
    }

    /// Refuses messages from now on, and drops those that wait. Returns how many.
    pub(crate) fn refuse(&self, why: &str) -> usize {
        let mut state = self.state.locked();
        state.phase = Phase::Refusing(why.into());
        state.control.clear();
        let dropped = state.messages.len() + state.sent.len();
        state.messages.clear();
        state.sent.clear();
        state.room.close();
        state.room = all_room();
        dropped
    }

    /// The child has ended: holds messages back until there is another one, and forgets those that
    /// it had not taken. Returns how many.
    pub(crate) fn child_ended(&self) -> usize {
        let mut state = self.state.locked();
        state.phase = Phase::Held;
        state.control.clear();
        let lost = state.sent.len();
        state.free(lost);
        lost
    }
}

impl State {
    fn accepts(&self) -> Result<(), NodeError> {
        match &self.phase {
            Phase::Refusing(why) => {
                Err(NodeError::new(format!("the message cannot reach the node: {why}")))
            }
            Phase::Held | Phase::Open => Ok(()),
        }
    }

    fn take(&mut self) -> Vec<Bytes> {
        let mut frames: Vec<Bytes> = self.control.drain(..).collect();
        if self.phase == Phase::Open {
            for frame in self.messages.drain(..) {
                self.sent.push_back(cost(&frame));
                frames.push(frame);
            }
        }
        frames
    }

    /// Frees the room of the first messages that were sent. The child is not trusted to count correctly.
    fn free(&mut self, messages: usize) {
        let count = messages.min(self.sent.len());
        let freed = self.sent.drain(..count).map(|cost| usize::try_from(cost).unwrap_or_default());
        self.room.add_permits(freed.sum());
    }
}

fn all_room() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(usize::try_from(MAX_BYTES).unwrap_or_default()))
}

/// What a message takes of the room.
fn cost(frame: &Bytes) -> u32 {
    u32::try_from(frame.len()).unwrap_or(MAX_BYTES).clamp(LEAST, MAX_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(bytes: usize) -> Bytes {
        vec![0; bytes + 4].into()
    }

    fn open() -> Outbox {
        let outbox = Outbox::new();
        outbox.open();
        outbox
    }

    #[tokio::test]
    async fn senders_wait_until_the_child_took_messages() {
        let outbox = open();
        for _ in 0..MAX_MESSAGES {
            assert_eq!(outbox.try_push(message(1)).unwrap(), None);
        }
        assert_eq!(outbox.try_push(message(1)).unwrap(), Some(message(1)));
        assert_eq!(outbox.next().await.len(), MAX_MESSAGES);
        assert_eq!(outbox.try_push(message(1)).unwrap(), Some(message(1)), "sent, not taken");
        let taken = async {
            tokio::task::yield_now().await;
            outbox.taken(1);
        };
        tokio::join!(outbox.push(message(2)), taken).0.unwrap();
        assert_eq!(outbox.next().await, [message(2)]);
    }

    #[tokio::test]
    async fn bytes_are_bounded_and_a_large_message_passes() {
        let outbox = open();
        assert_eq!(outbox.try_push(message(2 * MAX_BYTES as usize)).unwrap(), None);
        assert_eq!(outbox.try_push(message(1)).unwrap(), Some(message(1)));
        outbox.next().await;
        outbox.taken(1);
        assert_eq!(outbox.try_push(message(1)).unwrap(), None);
    }

    #[tokio::test]
    async fn held_messages_follow_the_deploy() {
        let outbox = open();
        outbox.hold();
        assert_eq!(outbox.try_push(message(3)).unwrap(), None);
        outbox.control(message(9));
        assert_eq!(outbox.next().await, [message(9)]);
        outbox.open();
        assert_eq!(outbox.next().await, [message(3)]);
    }

    #[tokio::test]
    async fn messages_that_were_not_sent_outlive_a_child() {
        let outbox = open();
        outbox.try_push(message(1)).unwrap();
        outbox.next().await;
        outbox.try_push(message(2)).unwrap();
        outbox.control(message(9));
        assert_eq!(outbox.child_ended(), 1);
        outbox.open();
        assert_eq!(outbox.next().await, [message(2)]);
    }

    #[tokio::test]
    async fn a_sender_that_waits_for_room_is_told_of_the_end() {
        let outbox = open();
        outbox.try_push(message(MAX_BYTES as usize)).unwrap();
        let refused = async {
            tokio::task::yield_now().await;
            outbox.refuse("it ended")
        };
        let (sent, dropped) = tokio::join!(outbox.push(message(2)), refused);
        let error = sent.unwrap_err();
        assert_eq!(dropped, 1);
        assert_eq!(error.to_string(), "the message cannot reach the node: it ended");
    }
}
