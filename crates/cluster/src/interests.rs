//! `Interests`: what this instance is subscribed to, and who receives it.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex};

use ferrowire_core::MutexExt as _;
use ferrowire_core::cluster::{Interest, Receiver};
use tokio::sync::Notify;

/// The subjects with their receivers. The connection follows the changes by itself, so that a change
/// needs not wait: what waits is bounded by the number of subjects.
#[derive(Default)]
pub(crate) struct Interests {
    table: Mutex<Table>,
    changed: Notify,
}

/// A receiver, with the number of its interest.
type Numbered = (u64, Arc<dyn Receiver>);

#[derive(Default)]
struct Table {
    by_subject: HashMap<String, Vec<Numbered>>,
    /// The subjects whose subscription may have to change.
    changed: HashSet<String>,
    last: u64,
}

impl Interests {
    /// Adds a receiver, until the interest is dropped.
    pub(crate) fn add(self: &Arc<Self>, subject: String, receiver: Arc<dyn Receiver>) -> Interest {
        let mut table = self.table.locked();
        table.last += 1;
        let number = table.last;
        let receivers = table.by_subject.entry(subject.clone()).or_default();
        receivers.push((number, receiver));
        if receivers.len() == 1 {
            table.changed.insert(subject.clone());
            self.changed.notify_one();
        }
        Interest::new(Guard { interests: Arc::clone(self), subject, number })
    }

    /// Those who receive what comes to `subject`.
    pub(crate) fn receivers(&self, subject: &str) -> Vec<Arc<dyn Receiver>> {
        let table = self.table.locked();
        let receivers = table.by_subject.get(subject).into_iter().flatten();
        receivers.map(|(_, receiver)| Arc::clone(receiver)).collect()
    }

    /// Waits for changes: the subjects, each with whether somebody receives it now.
    pub(crate) async fn changes(&self) -> Vec<(String, bool)> {
        loop {
            let changes = self.take_changes();
            if !changes.is_empty() {
                return changes;
            }
            self.changed.notified().await;
        }
    }

    fn take_changes(&self) -> Vec<(String, bool)> {
        let mut table = self.table.locked();
        let changed = std::mem::take(&mut table.changed);
        let with_wish = |subject: String| {
            let wanted = table.by_subject.contains_key(&subject);
            (subject, wanted)
        };
        changed.into_iter().map(with_wish).collect()
    }

    fn remove(&self, subject: &str, number: u64) {
        let mut table = self.table.locked();
        let Some(receivers) = table.by_subject.get_mut(subject) else { return };
        receivers.retain(|(at, _)| *at != number);
        if receivers.is_empty() {
            table.by_subject.remove(subject);
            table.changed.insert(subject.to_owned());
            self.changed.notify_one();
        }
    }
}

impl fmt::Debug for Interests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.table.locked().by_subject.keys()).finish()
    }
}

struct Guard {
    interests: Arc<Interests>,
    subject: String,
    number: u64,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.interests.remove(&self.subject, self.number);
    }
}
