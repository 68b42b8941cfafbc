//! `Outgoing`: the messages that wait for the connection to the cluster.

use std::collections::VecDeque;
use std::sync::Mutex;

use bytes::{Bytes, BytesMut};
use ferrowire_core::MutexExt as _;
use tokio::sync::Notify;

use crate::envelope;
use crate::metrics;

/// What each message counts beside its bytes.
const OVERHEAD: usize = 64;

/// A queue of messages in the order in which they were published. It has a bound in bytes; at the bound
/// the oldest messages are dropped and counted.
#[derive(Debug)]
pub(crate) struct Outgoing {
    limit: usize,
    waiting: Mutex<Waiting>,
    ready: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    messages: VecDeque<(String, Bytes)>,
    bytes: usize,
    sequence: u64,
    /// Dropped since it was asked for the last time.
    dropped: u64,
}

impl Outgoing {
    /// An empty queue for `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Outgoing { limit, waiting: Mutex::default(), ready: Notify::new() }
    }

    /// Appends a message, and numbers it. Returns whether this is the first one for which others were
    /// dropped.
    pub(crate) fn push(&self, subject: String, mut message: BytesMut) -> bool {
        let mut waiting = self.waiting.locked();
        waiting.sequence += 1;
        envelope::number(&mut message, waiting.sequence);
        waiting.bytes += size(&subject, message.len());
        waiting.messages.push_back((subject, message.freeze()));
        let before = waiting.dropped;
        while waiting.bytes > self.limit
            && let Some((subject, message)) = waiting.messages.pop_front()
        {
            waiting.bytes -= size(&subject, message.len());
            waiting.dropped += 1;
            metrics::DROPPED_QUEUE.increment();
        }
        let is_first = before == 0 && waiting.dropped > 0;
        drop(waiting);
        self.ready.notify_one();
        is_first
    }

    /// The next message. Waits for one; may be dropped while it waits.
    pub(crate) async fn next(&self) -> (String, Bytes) {
        loop {
            if let Some(next) = self.try_next() {
                return next;
            }
            self.ready.notified().await;
        }
    }

    /// The next message, if there is one.
    pub(crate) fn try_next(&self) -> Option<(String, Bytes)> {
        let mut waiting = self.waiting.locked();
        let (subject, message) = waiting.messages.pop_front()?;
        waiting.bytes -= size(&subject, message.len());
        Some((subject, message))
    }

    /// How many messages were dropped since the last call, if none is waiting any more.
    pub(crate) fn take_dropped(&self) -> u64 {
        let mut waiting = self.waiting.locked();
        match waiting.messages.is_empty() {
            true => std::mem::take(&mut waiting.dropped),
            false => 0,
        }
    }
}

fn size(subject: &str, length: usize) -> usize {
    subject.len() + length + OVERHEAD
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::{Envelope, Head, Kind};

    fn message(body: &str) -> BytesMut {
        let head = Head {
            kind: Kind::Message,
            from: "a".into(),
            life: 1,
            question: 0,
            about: String::new(),
        };
        head.with(&[body.as_bytes()])
    }

    #[tokio::test]
    async fn at_the_bound_the_oldest_messages_are_dropped_and_counted() {
        let one = size("s", message("0").len());
        let queue = Outgoing::new(3 * one);
        let first: Vec<bool> =
            (0..5).map(|n| queue.push("s".into(), message(&n.to_string()))).collect();
        assert_eq!(first, [false, false, false, true, false]);
        for (body, sequence) in [("2", 3), ("3", 4), ("4", 5)] {
            assert_eq!(queue.take_dropped(), 0, "some wait");
            let (_, bytes) = queue.next().await;
            let envelope = Envelope::parse(bytes).unwrap();
            assert_eq!((&*envelope.body, envelope.sequence), (body.as_bytes(), sequence));
        }
        assert_eq!(queue.take_dropped(), 2);
        assert_eq!(queue.take_dropped(), 0);
    }
}
