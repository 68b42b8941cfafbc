//! `Outbox`: what waits to be sent to the child.
//!
//! Messages are bounded: senders wait when [`MAX_MESSAGES`] or [`MAX_BYTES`] of them are queued or were
//! sent and are not taken yet. They are held back while the flows of the child change. Control records,
//! such as deploys, are few and pass at once.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use ferrowire_core::{MutexExt as _, NodeError};
use tokio::sync::Notify;

/// How many messages may wait for the child.
pub(crate) const MAX_MESSAGES: usize = 1024;

/// How many bytes of messages may wait for the child. A single larger message passes.
pub(crate) const MAX_BYTES: usize = 16 << 20;

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
    /// Messages in the queue, and those that the child has not taken yet.
    waiting: Count,
    /// Those of them that were sent.
    sent: Count,
}

/// A number of messages and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    messages: usize,
    bytes: usize,
}

impl Count {
    fn add(&mut self, messages: usize, bytes: usize) {
        self.messages += messages;
        self.bytes += bytes;
    }

    /// The child says what it took; it is not trusted to count correctly.
    fn subtract(&mut self, messages: usize, bytes: usize) {
        self.messages = self.messages.saturating_sub(messages);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    fn is_full(self) -> bool {
        self.messages >= MAX_MESSAGES || self.bytes >= MAX_BYTES
    }
}

/// What waits to be sent to the child.
#[derive(Debug)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    /// There is something to send.
    filled: Notify,
    /// Messages were taken, or are refused from now on.
    room: Notify,
}

impl Outbox {
    /// An outbox without a child.
    pub(crate) fn new() -> Self {
        let phase = Phase::Refusing("no node from npm runs".into());
        let state = State {
            phase,
            control: VecDeque::new(),
            messages: VecDeque::new(),
            waiting: Count::default(),
            sent: Count::default(),
        };
        Outbox { state: Mutex::new(state), filled: Notify::new(), room: Notify::new() }
    }

    /// Queues a message; returns it if there is no room.
    ///
    /// # Errors
    /// If there is no child.
    pub(crate) fn try_push(&self, frame: Bytes) -> Result<Option<Bytes>, NodeError> {
        let mut state = self.state.locked();
        if let Phase::Refusing(why) = &state.phase {
            return Err(NodeError::new(format!("the message cannot reach the node: {why}")));
        }
        if state.waiting.is_full() {
            return Ok(Some(frame));
        }
        state.waiting.add(1, counted(&frame));
        state.messages.push_back(frame);
        let is_open = state.phase == Phase::Open;
        drop(state);
        if is_open {
            self.filled.notify_one();
        }
        Ok(None)
    }

    /// Queues a message as soon as there is room.
    ///
    /// # Errors
    /// If there is no child, or it ends meanwhile.
    pub(crate) async fn push(&self, mut frame: Bytes) -> Result<(), NodeError> {
        loop {
            let mut room = pin!(self.room.notified());
            room.as_mut().enable();
            match self.try_push(frame)? {
                None => return Ok(()),
                Some(back) => frame = back,
            }
            room.await;
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
    pub(crate) fn taken(&self, messages: usize, bytes: usize) {
        let mut state = self.state.locked();
        state.sent.subtract(messages, bytes);
        state.waiting.subtract(messages, bytes);
        drop(state);
        self.room.notify_waiters();
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
        state.messages.clear();
        state.sent = Count::default();
        let dropped = std::mem::take(&mut state.waiting).messages;
        drop(state);
        self.room.notify_waiters();
        dropped
    }

    /// The child has ended: holds messages back until there is another one, and forgets those that
    /// it had not taken. Returns how many.
    pub(crate) fn child_ended(&self) -> usize {
        let mut state = self.state.locked();
        state.phase = Phase::Held;
        state.control.clear();
        let lost = std::mem::take(&mut state.sent);
        state.waiting.subtract(lost.messages, lost.bytes);
        drop(state);
        self.room.notify_waiters();
        lost.messages
    }
}

impl State {
    fn take(&mut self) -> Vec<Bytes> {
        let mut frames: Vec<Bytes> = self.control.drain(..).collect();
        if self.phase == Phase::Open {
            for frame in self.messages.drain(..) {
                self.sent.add(1, counted(&frame));
                frames.push(frame);
            }
        }
        frames
    }
}

/// The bytes that the child says it took: those of the body.
fn counted(frame: &Bytes) -> usize {
    frame.len() - 4
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
            outbox.taken(1, 1);
        };
        tokio::join!(outbox.push(message(2)), taken).0.unwrap();
        assert_eq!(outbox.next().await, [message(2)]);
    }

    #[tokio::test]
    async fn bytes_are_bounded_and_a_large_message_passes() {
        let outbox = open();
        assert_eq!(outbox.try_push(message(MAX_BYTES * 2)).unwrap(), None);
        assert_eq!(outbox.try_push(message(1)).unwrap(), Some(message(1)));
        outbox.next().await;
        outbox.taken(1, MAX_BYTES * 2);
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
        outbox.try_push(message(MAX_BYTES)).unwrap();
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
