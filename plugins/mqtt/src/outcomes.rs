//! `Outcomes`: what became of messages, until their senders have been told.

use std::collections::VecDeque;
use std::sync::Mutex;

use ferrowire::MutexExt as _;
use tokio::sync::Notify;

use crate::session::Outcome;

/// The outcomes that were not reported yet. Bounded by [`Outbox`](crate::outbox::Outbox): a message counts
/// there until its outcome is dropped.
#[derive(Debug, Default)]
pub(crate) struct Outcomes {
    items: Mutex<VecDeque<Outcome>>,
    added: Notify,
}

impl Outcomes {
    /// Adds one, if its sender wants to know.
    pub(crate) fn add(&self, outcome: Outcome) {
        if outcome.ticket.sender.is_some() {
            self.items.locked().push_back(outcome);
            self.added.notify_one();
        }
    }

    /// Waits for the next one.
    pub(crate) async fn next(&self) -> Outcome {
        loop {
            let next = self.items.locked().pop_front();
            match next {
                Some(outcome) => return outcome,
                None => self.added.notified().await,
            }
        }
    }
}
