//! `Queue`: the messages that wait until a journal has them.

use std::collections::VecDeque;
use std::sync::Mutex;

use bytes::Bytes;
use ferrowire_core::MutexExt as _;
use ferrowire_core::cluster::JournalError;
use tokio::sync::{Notify, oneshot};
use tracing::warn;

use crate::metrics;

/// What each message counts beside its bytes.
const OVERHEAD: usize = 128;

/// Messages in their order. At the bound, which is in bytes, new ones are refused.
pub(super) struct Queue {
    limit: usize,
    waiting: Mutex<Messages>,
    ready: Notify,
}

#[derive(Default)]
struct Messages {
    list: VecDeque<Waiting>,
    /// Those of messages that are on their way, too.
    bytes: usize,
    last: u64,
    /// Some were refused since there was room for all.
    is_full: bool,
}

/// A message that waits, and who wants to hear what becomes of it.
pub(super) struct Waiting {
    pub(super) number: u64,
    pub(super) subject: String,
    pub(super) message: Bytes,
    told: oneshot::Sender<Result<(), JournalError>>,
}

impl Waiting {
    fn bytes(&self) -> usize {
        self.subject.len() + self.message.len() + OVERHEAD
    }
}

impl Queue {
    /// An empty queue for `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Queue { limit, waiting: Mutex::default(), ready: Notify::new() }
    }

    /// Appends a message.
    ///
    /// # Errors
    /// If the queue is full.
    pub(super) fn push(
        &self,
        subject: String,
        message: Bytes,
    ) -> Result<oneshot::Receiver<Result<(), JournalError>>, JournalError> {
        let (told, outcome) = oneshot::channel();
        let mut messages = self.waiting.locked();
        let waiting = Waiting { number: messages.last + 1, subject, message, told };
        if messages.bytes > 0 && messages.bytes + waiting.bytes() > self.limit {
            metrics::JOURNAL_FULL.increment();
            if !std::mem::replace(&mut messages.is_full, true) {
                warn!(
                    "messages for histories fail: more than `cluster-queue` ({} bytes) wait for NATS",
                    self.limit
                );
            }
            return Err(JournalError::Full(self.limit));
        }
        messages.last += 1;
        messages.bytes += waiting.bytes();
        messages.list.push_back(waiting);
        drop(messages);
        metrics::JOURNAL_WAITING.add(1);
        self.ready.notify_one();
        Ok(outcome)
    }

    /// The next message. Waits for one; may be dropped while it waits.
    pub(super) async fn next(&self) -> Waiting {
        loop {
            if let Some(next) = self.waiting.locked().list.pop_front() {
                return next;
            }
            self.ready.notified().await;
        }
    }

    /// Puts messages back that are to be sent again, in their order.
    pub(super) fn put_back(&self, again: Vec<Waiting>) {
        let mut messages = self.waiting.locked();
        for waiting in again.into_iter().rev() {
            messages.list.push_front(waiting);
        }
        drop(messages);
        self.ready.notify_one();
    }

    /// Tells what became of a message that was taken out.
    pub(super) fn done(&self, waiting: Waiting, outcome: Result<(), JournalError>) {
        match outcome {
            Ok(()) => metrics::JOURNAL_WRITTEN.increment(),
            Err(_) => metrics::JOURNAL_REFUSED.increment(),
        }
        metrics::JOURNAL_WAITING.add(-1);
        let mut messages = self.waiting.locked();
        messages.bytes -= waiting.bytes();
        messages.is_full &= messages.bytes > 0;
        drop(messages);
        // Nobody may have waited so long.
        if let Err(Err(error)) = waiting.told.send(outcome) {
            warn!("a message for a history was not kept: {error}");
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.locked().list.is_empty()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let left = self.waiting.locked().list.len();
        metrics::JOURNAL_WAITING.add(-i64::try_from(left).unwrap_or_default());
        if left > 0 {
            warn!("{left} messages for a history were not written: NATS could not be reached");
        }
    }
}
