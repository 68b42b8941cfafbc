//! `Queue`: the messages that wait until a journal has them.
//!
//! Of each place one message is on its way at a time, so that their order is kept whatever becomes of one.

use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;

use bytes::Bytes;
use ferrowire_core::MutexExt as _;
use ferrowire_core::cluster::JournalError;
use tokio::sync::{Notify, oneshot};
use tracing::warn;

use crate::metrics;

/// What each message counts beside its bytes.
const OVERHEAD: usize = 128;

/// Messages of each place in their order. At the bound, which is in bytes, new ones are refused.
pub(super) struct Queue {
    limit: usize,
    waiting: Mutex<Messages>,
    ready: Notify,
}

#[derive(Default)]
struct Messages {
    /// The places with a message that waits or is on its way.
    by_place: HashMap<String, VecDeque<Waiting>>,
    /// The places of which a message waits and none is on its way.
    ready: VecDeque<String>,
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
    /// The subject without the key.
    fn place(&self) -> &str {
        self.subject.rsplit_once('.').map_or(&self.subject, |(place, _)| place)
    }

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
        let place = waiting.place().to_owned();
        match messages.by_place.get_mut(&place) {
            Some(list) => list.push_back(waiting),
            None => {
                messages.by_place.insert(place.clone(), VecDeque::from([waiting]));
                messages.ready.push_back(place);
            }
        }
        drop(messages);
        metrics::JOURNAL_WAITING.add(1);
        self.ready.notify_one();
        Ok(outcome)
    }

    /// The next message of a place of which none is on its way. Waits for one; may be dropped while it waits.
    pub(super) async fn next(&self) -> Waiting {
        loop {
            if let Some(next) = self.waiting.locked().next() {
                return next;
            }
            self.ready.notified().await;
        }
    }

    /// Puts a message back that is to be sent again.
    pub(super) fn put_back(&self, waiting: Waiting) {
        let mut messages = self.waiting.locked();
        let place = waiting.place().to_owned();
        messages.by_place.entry(place.clone()).or_default().push_front(waiting);
        messages.ready.push_front(place);
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
        messages.arrived(waiting.place());
        drop(messages);
        self.ready.notify_one();
        // Nobody may have waited so long.
        if let Err(Err(error)) = waiting.told.send(outcome) {
            warn!("a message for a history was not kept: {error}");
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.locked().by_place.is_empty()
    }
}

impl Messages {
    fn next(&mut self) -> Option<Waiting> {
        let place = self.ready.pop_front()?;
        self.by_place.get_mut(&place)?.pop_front()
    }

    /// The message of a place that was on its way has arrived.
    fn arrived(&mut self, place: &str) {
        match self.by_place.get(place) {
            Some(list) if list.is_empty() => {
                self.by_place.remove(place);
            }
            Some(_) => self.ready.push_back(place.to_owned()),
            None => {}
        }
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let left: usize = self.waiting.locked().by_place.values().map(VecDeque::len).sum();
        metrics::JOURNAL_WAITING.add(-i64::try_from(left).unwrap_or_default());
        if left > 0 {
            warn!("{left} messages for a history were not written: NATS could not be reached");
        }
    }
}
