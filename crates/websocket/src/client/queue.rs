//! The messages that wait while a client is not connected.

use std::collections::VecDeque;

use ferrowire_core::NodeConfig;

use crate::frame::Payload;

/// What happens to a message that the queue has no room for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum QueuePolicy {
    /// The oldest messages are dropped until it fits.
    #[default]
    DropOldest,
    /// It is dropped.
    DropNewest,
    /// It fails, which catch nodes receive.
    Fail,
}

/// The properties `queue` and `queuePolicy`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueueOptions {
    /// The number of messages.
    most: usize,
    policy: QueuePolicy,
}

/// More would be a mistake: `maxQueue` bounds the bytes.
const MOST: f64 = 1_000_000.0;

impl QueueOptions {
    /// Reads them; `None` without a queue. A queue without room whose policy is `fail` makes a
    /// failure of each message that cannot be sent.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Option<Self> {
        let most = config.number_in("queue", 0.0..=MOST).map_or(0, |most| most as usize);
        let policy = match config.text("queuePolicy").as_str() {
            "" | "dropOldest" => QueuePolicy::DropOldest,
            "dropNewest" => QueuePolicy::DropNewest,
            "fail" => QueuePolicy::Fail,
            other => {
                let expected = "expected `dropOldest`, `dropNewest` or `fail`";
                config.problem("queuePolicy", format!("{expected}, found `{other}`"));
                QueuePolicy::DropOldest
            }
        };
        (most > 0 || policy == QueuePolicy::Fail).then_some(QueueOptions { most, policy })
    }
}

/// What [`Queue::put`] did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Put {
    /// The message waits; this many older ones were dropped for it.
    Queued {
        dropped: u64,
    },
    Dropped,
    Failed,
}

/// Messages in the order in which they are to be sent.
#[derive(Debug)]
pub(crate) struct Queue {
    options: QueueOptions,
    most_bytes: usize,
    messages: VecDeque<Payload>,
    bytes: usize,
}

impl Queue {
    /// An empty queue of at most `most_bytes`.
    pub(crate) fn new(options: QueueOptions, most_bytes: usize) -> Self {
        Queue { options, most_bytes, messages: VecDeque::new(), bytes: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The number of messages that wait.
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether a message of this size fits without dropping another.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.messages.len() < self.options.most && self.bytes + bytes <= self.most_bytes
    }

    /// Adds a message, as the policy says.
    pub(crate) fn put(&mut self, payload: Payload) -> Put {
        let size = payload.as_bytes().len();
        let mut dropped = 0;
        if !self.has_room(size) {
            match self.options.policy {
                QueuePolicy::Fail => return Put::Failed,
                QueuePolicy::DropOldest if self.options.most > 0 && size <= self.most_bytes => {
                    dropped = self.make_room(size);
                }
                QueuePolicy::DropOldest | QueuePolicy::DropNewest => return Put::Dropped,
            }
        }
        self.bytes += size;
        self.messages.push_back(payload);
        Put::Queued { dropped }
    }

    /// Drops the oldest messages until one of `size` bytes fits; how many there were.
    fn make_room(&mut self, size: usize) -> u64 {
        let before = self.messages.len();
        while !self.has_room(size) && self.take().is_some() {}
        (before - self.messages.len()) as u64
    }

    /// Removes the first message.
    pub(crate) fn take(&mut self) -> Option<Payload> {
        let payload = self.messages.pop_front()?;
        self.bytes -= payload.as_bytes().len();
        Some(payload)
    }

    /// Returns a message that was taken and could not be sent to its place.
    pub(crate) fn put_back(&mut self, payload: Payload) {
        self.bytes += payload.as_bytes().len();
        self.messages.push_front(payload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(most: usize, policy: QueuePolicy) -> Queue {
        Queue::new(QueueOptions { most, policy }, 10)
    }

    fn text(text: &'static str) -> Payload {
        Payload::Text(text.into())
    }

    fn rest(mut queue: Queue) -> Vec<Payload> {
        std::iter::from_fn(|| queue.take()).collect()
    }

    #[test]
    fn the_oldest_are_dropped_until_a_message_fits() {
        let mut queue = queue(3, QueuePolicy::DropOldest);
        for one in ["a", "b", "c"] {
            assert_eq!(queue.put(text(one)), Put::Queued { dropped: 0 });
        }
        assert_eq!(queue.put(text("d")), Put::Queued { dropped: 1 });
        assert_eq!(queue.put(text("123456789")), Put::Queued { dropped: 2 });
        assert_eq!(rest(queue), [text("d"), text("123456789")]);
    }

    #[test]
    fn a_message_that_never_fits_drops_no_other() {
        let mut queue = queue(3, QueuePolicy::DropOldest);
        queue.put(text("a"));
        assert_eq!(queue.put(text("12345678901")), Put::Dropped);
        assert_eq!(rest(queue), [text("a")]);
    }

    #[test]
    fn the_newest_is_dropped_or_fails() {
        let mut newest = queue(1, QueuePolicy::DropNewest);
        newest.put(text("a"));
        assert_eq!(newest.put(text("b")), Put::Dropped);
        assert_eq!(rest(newest), [text("a")]);
        let mut fails = queue(0, QueuePolicy::Fail);
        assert_eq!(fails.put(text("a")), Put::Failed);
    }

    #[test]
    fn what_is_put_back_is_first() {
        let mut queue = queue(3, QueuePolicy::DropOldest);
        queue.put(text("a"));
        queue.put(text("b"));
        let first = queue.take().unwrap();
        queue.put_back(first);
        assert_eq!((queue.len(), queue.bytes), (2, 2));
        assert_eq!(rest(queue), [text("a"), text("b")]);
    }
}
