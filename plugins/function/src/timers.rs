//! `Timers`: when the functions that wait in `setTimeout` and `setInterval` are due.

use std::collections::{BTreeSet, HashMap};

use tokio::time::Instant;

/// The timers of one node, by number.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BTreeSet<(Instant, u64)>,
    at: HashMap<u64, Instant>,
}

impl Timers {
    /// Sets when timer `id` is due.
    pub(crate) fn schedule(&mut self, id: u64, at: Instant) {
        self.cancel(id);
        self.due.insert((at, id));
        self.at.insert(id, at);
    }

    pub(crate) fn cancel(&mut self, id: u64) {
        if let Some(at) = self.at.remove(&id) {
            self.due.remove(&(at, id));
        }
    }

    /// When the next one is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Takes one that is due.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<u64> {
        let (at, id) = *self.due.first()?;
        if at > now {
            return None;
        }
        self.cancel(id);
        Some(id)
    }

    pub(crate) fn clear(&mut self) {
        self.due.clear();
        self.at.clear();
    }
}
