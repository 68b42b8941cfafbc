//! `Outbox`: what waits to be sent to the broker, in its order.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use ferrowire::{MutexExt as _, NodeError, Text};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::publication::Publication;
use crate::subscriptions::Wanted;

/// Subscriptions are refused while so many things wait.
const MOST_ITEMS: usize = 65_536;

/// Who published a message, and what it holds of the bound on waiting bytes.
#[derive(Debug)]
pub(crate) struct Ticket {
    /// The node that is told the outcome, and its number of the message.
    pub(crate) sender: Option<(Text, f64)>,
    _held: Option<OwnedSemaphorePermit>,
}

impl Ticket {
    /// The ticket of a message of the broker node itself.
    pub(crate) const fn own() -> Self {
        Ticket { sender: None, _held: None }
    }
}

/// Something to send.
#[derive(Debug)]
pub(crate) enum Outgoing {
    Message(Publication, Ticket),
    Subscription(Wanted),
    End(String),
}

/// What waits. Messages count with their bytes, until the broker has them.
#[derive(Debug)]
pub(crate) struct Outbox {
    items: Mutex<VecDeque<Outgoing>>,
    /// Notified when something was added.
    pub(crate) added: Notify,
    room: Arc<Semaphore>,
    limit: usize,
}

impl Outbox {
    /// For `limit` bytes of messages.
    pub(crate) fn new(limit: usize) -> Self {
        let limit = limit.clamp(1, Semaphore::MAX_PERMITS.min(u32::MAX as usize));
        Outbox {
            items: Mutex::default(),
            added: Notify::new(),
            room: Arc::new(Semaphore::new(limit)),
            limit,
        }
    }

    fn share(&self, size: usize) -> u32 {
        u32::try_from(size.clamp(1, self.limit)).unwrap_or(u32::MAX)
    }

    /// Adds a message if there is room.
    ///
    /// # Errors
    /// The message, if there is not.
    pub(crate) fn try_publish(
        &self,
        publication: Publication,
        sender: (Text, f64),
    ) -> Result<(), Publication> {
        let room = Arc::clone(&self.room);
        match room.try_acquire_many_owned(self.share(publication.weight())) {
            Ok(held) => {
                self.add(Outgoing::Message(
                    publication,
                    Ticket { sender: Some(sender), _held: Some(held) },
                ));
                Ok(())
            }
            Err(_) => Err(publication),
        }
    }

    /// Adds a message as soon as there is room; messages are added in the order of these calls.
    pub(crate) async fn publish(&self, publication: Publication, sender: (Text, f64)) {
        let room = Arc::clone(&self.room);
        // The semaphore is never closed.
        let held = room.acquire_many_owned(self.share(publication.weight())).await.ok();
        self.add(Outgoing::Message(publication, Ticket { sender: Some(sender), _held: held }));
    }

    /// Adds something that does not count with bytes.
    pub(crate) fn add(&self, item: Outgoing) {
        self.items.locked().push_back(item);
        self.added.notify_one();
    }

    /// Adds a subscription or its end.
    ///
    /// # Errors
    /// If 65,536 things wait already.
    pub(crate) fn add_subscription(&self, item: Outgoing) -> Result<(), NodeError> {
        if self.items.locked().len() >= MOST_ITEMS {
            return Err(NodeError::new("too many messages and subscriptions wait for the broker"));
        }
        self.add(item);
        Ok(())
    }

    /// Takes the next one if it is admitted.
    pub(crate) fn next_if(&self, is_admitted: impl FnOnce(&Outgoing) -> bool) -> Option<Outgoing> {
        let mut items = self.items.locked();
        if is_admitted(items.front()?) { items.pop_front() } else { None }
    }

    /// Whether nothing waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.items.locked().is_empty()
    }

    /// Drops subscriptions and their ends: a new connection begins with all that are wanted.
    pub(crate) fn keep_messages(&self) {
        self.items.locked().retain(|item| matches!(item, Outgoing::Message(..)));
    }

    /// Takes all messages.
    pub(crate) fn clear(&self) -> Vec<Ticket> {
        let items = std::mem::take(&mut *self.items.locked());
        let ticket = |item| match item {
            Outgoing::Message(_, ticket) => Some(ticket),
            Outgoing::Subscription(_) | Outgoing::End(_) => None,
        };
        items.into_iter().filter_map(ticket).collect()
    }
}
