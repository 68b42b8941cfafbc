//! `Changed`: the files that have changed since the node looked last.

use std::mem;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use ferrowire::{MutexExt as _, NodeError};
use indexmap::IndexMap;
use indexmap::map::Entry;
use notify::event::{ModifyKind, RenameMode};
use notify::{Event, EventKind};
use tokio::sync::Notify;

/// The bytes of names, and what an entry takes beside its name, that wait while the flow is slow. Further names are
/// counted and dropped.
const MAX_WAITING: usize = 8 * 1024 * 1024;

/// The size of an entry without its name.
const ENTRY: usize = 96;

/// Further errors of the system are dropped: they repeat the first ones.
const MAX_ERRORS: usize = 8;

/// What the system reported; filled by the thread of the watcher.
#[derive(Debug, Default)]
pub(super) struct Changed {
    batch: Mutex<Batch>,
    has_arrived: Notify,
    is_closed: AtomicBool,
}

/// The changes of a while.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// In the order of their first change.
    pub(super) paths: IndexMap<PathBuf, Seen>,
    bytes: usize,
    /// Changes without a place.
    dropped: usize,
    /// The system had no place for changes.
    has_overflowed: bool,
    errors: Vec<notify::Error>,
}

/// What was reported of a path.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// It was removed or moved, and perhaps created again.
    pub(super) is_gone: bool,
    /// More than one change.
    pub(super) is_repeated: bool,
}

/// Closes the changes when the node's task ends.
#[derive(Debug)]
pub(super) struct Closing(pub(super) Arc<Changed>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.is_closed.store(true, Ordering::Relaxed);
    }
}

impl Changed {
    /// Adds what the system reports. Does not wait.
    pub(super) fn report(&self, event: notify::Result<Event>) {
        let event = match event {
            Ok(event) => event,
            Err(error) => return self.add_error(error),
        };
        if event.need_rescan() {
            self.batch.locked().has_overflowed = true;
            self.has_arrived.notify_one();
        }
        let is_gone = match event.kind {
            EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From)) => true,
            // Both sides of a move are reported by themselves as well.
            EventKind::Modify(ModifyKind::Name(RenameMode::Both)) => return,
            EventKind::Create(_) | EventKind::Modify(_) => false,
            EventKind::Any | EventKind::Access(_) | EventKind::Other => return,
        };
        for path in event.paths {
            self.add(path, is_gone);
        }
    }

    /// Adds a path.
    pub(super) fn add(&self, path: PathBuf, is_gone: bool) {
        self.batch.locked().add(path, is_gone);
        self.has_arrived.notify_one();
    }

    fn add_error(&self, error: notify::Error) {
        let errors = &mut self.batch.locked().errors;
        if errors.len() < MAX_ERRORS {
            errors.push(error);
        }
        self.has_arrived.notify_one();
    }

    /// Waits until something has changed.
    pub(super) async fn arrive(&self) {
        self.has_arrived.notified().await;
    }

    /// Takes what has changed.
    pub(super) fn take(&self) -> Batch {
        mem::take(&mut *self.batch.locked())
    }

    /// Whether nobody looks any longer.
    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }
}

impl Batch {
    fn add(&mut self, path: PathBuf, is_gone: bool) {
        let size = path.as_os_str().len() + ENTRY;
        let has_room = self.bytes + size <= MAX_WAITING;
        match self.paths.entry(path) {
            Entry::Occupied(mut known) => {
                known.get_mut().is_repeated = true;
                known.get_mut().is_gone |= is_gone;
            }
            Entry::Vacant(place) if has_room => {
                place.insert(Seen { is_gone, is_repeated: false });
                self.bytes += size;
            }
            Entry::Vacant(_) => self.dropped += 1,
        }
    }

    /// What was lost, if anything was.
    pub(super) fn loss(&self) -> Option<String> {
        let dropped = (self.dropped > 0).then(|| {
            let (dropped, kept) = (self.dropped, self.paths.len());
            format!("{dropped} changes were dropped, since the flow is too slow and {kept} names wait already")
        });
        let lost = "the system has lost changes: there were more than its queue holds \
                    (`fs.inotify.max_queued_events`)";
        match (dropped, self.has_overflowed) {
            (Some(dropped), true) => Some(format!("{dropped}; {lost}")),
            (dropped, has_overflowed) => {
                dropped.or_else(|| has_overflowed.then(|| lost.to_owned()))
            }
        }
    }

    /// The errors that the system reported.
    pub(super) fn errors(&self) -> Vec<NodeError> {
        self.errors.iter().map(|error| NodeError::new(format!("Error: {error}"))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_wait_up_to_a_bound_and_the_rest_is_counted() {
        let changed = Changed::default();
        let names = MAX_WAITING / ENTRY + 1;
        for number in 0..names {
            changed.add(PathBuf::from(number.to_string()), false);
        }
        // A known name takes no room.
        changed.add(PathBuf::from("0"), true);
        let batch = changed.take();
        assert!(batch.bytes <= MAX_WAITING && batch.paths.len() + batch.dropped == names);
        let loss = batch.loss().unwrap();
        assert!(loss.starts_with(&format!("{} changes were dropped", batch.dropped)), "{loss}");
        assert!(changed.take().loss().is_none());
    }

    #[test]
    fn changes_that_the_system_lost_are_told() {
        let changed = Changed::default();
        let lost = Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan);
        changed.report(Ok(lost));
        let loss = changed.take().loss().unwrap();
        assert!(loss.contains("max_queued_events"), "{loss}");
    }
}
