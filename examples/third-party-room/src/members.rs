//! `Members`: the clients of a room, each with a bounded queue of lines.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use ferrowire::MutexExt as _;

use tokio::sync::mpsc;

/// The number of lines queued for a client. A client that reads too slowly misses further lines.
const QUEUE: usize = 64;

/// The clients of a room.
#[derive(Debug, Default)]
pub(crate) struct Members(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    next: u64,
    queues: BTreeMap<u64, mpsc::Sender<String>>,
}

impl Members {
    /// Adds a client unless there are already `most`; returns its number and queue.
    pub(crate) fn add(&self, most: usize) -> Option<(u64, mpsc::Receiver<String>)> {
        let mut table = self.lock();
        if table.queues.len() >= most {
            return None;
        }
        let (sender, lines) = mpsc::channel(QUEUE);
        table.next += 1;
        let number = table.next;
        table.queues.insert(number, sender);
        Some((number, lines))
    }

    pub(crate) fn remove(&self, number: u64) {
        self.lock().queues.remove(&number);
    }

    /// Puts a line into every queue with room; returns the number of clients that it did not reach.
    pub(crate) fn send(&self, line: &str) -> usize {
        let table = self.lock();
        table.queues.values().filter(|queue| queue.try_send(line.to_owned()).is_err()).count()
    }

    pub(crate) fn numbers(&self) -> Vec<u64> {
        self.lock().queues.keys().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.locked()
    }
}
