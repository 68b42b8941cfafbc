//! `Timers`: the due times and owners of the callbacks of `setTimeout` and `setInterval`. As in Node-RED, a
//! function may clear a timer of another one, which it finds in a context.

pub(crate) mod owner;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use ferrowire::{Map, Value};
use tokio::time::Instant;

use owner::Owner;

/// The only property of the object that represents a timer outside of its function: its number.
pub(crate) const MARK: &str = "_functionTimer";

/// The number of the timer that `object` represents.
pub(crate) fn number_in(object: &Map) -> Option<f64> {
    if object.len() != 1 {
        return None;
    }
    object.get(MARK).and_then(Value::as_f64)
}

/// The timers of one node, by number.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BTreeSet<(Instant, u64)>,
    at: HashMap<u64, (Instant, Duration)>,
    /// Timers that other functions have cleared, until the interpreter forgets them.
    cleared: Vec<u64>,
    /// The timers that other functions can reach.
    pub(crate) owner: Option<Owner>,
}

impl Timers {
    /// Sets timer `id` to be due after `wait`.
    pub(crate) fn schedule(&mut self, id: u64, wait: Duration) {
        self.cancel(id);
        let at = Instant::now() + wait;
        self.due.insert((at, id));
        self.at.insert(id, (at, wait));
    }

    /// Restarts timer `id` from now on; false if it is not waiting.
    pub(crate) fn refresh(&mut self, id: u64) -> bool {
        let wait = self.at.get(&id).map(|(_, wait)| *wait);
        wait.is_some_and(|wait| {
            self.schedule(id, wait);
            true
        })
    }

    /// Whether timer `id` is waiting.
    pub(crate) fn contains(&self, id: u64) -> bool {
        self.at.contains_key(&id)
    }

    /// Ends timer `id`; false if it is not waiting.
    pub(crate) fn cancel(&mut self, id: u64) -> bool {
        let Some((at, _)) = self.at.remove(&id) else { return false };
        self.due.remove(&(at, id))
    }

    /// Clears timer `id` for another function than its owner.
    pub(crate) fn cancel_from_outside(&mut self, id: u64) {
        if self.cancel(id) {
            self.cleared.push(id);
        }
    }

    /// The timers that other functions have cleared since the last call.
    pub(crate) fn take_cleared(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.cleared)
    }

    /// Whether other functions have cleared timers since then.
    pub(crate) fn has_cleared(&self) -> bool {
        !self.cleared.is_empty()
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

    /// Ends all timers. Objects of them that are kept elsewhere have no effect any more.
    pub(crate) fn clear(&mut self) {
        *self = Timers::default();
    }
}
