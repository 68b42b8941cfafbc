//! `Presence`: the other instances that are alive, by their life signs.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use ferrowire_core::MutexExt as _;
use tokio::time::Instant;

use crate::metrics;

/// The other instances, each for its time to live.
#[derive(Debug)]
pub(crate) struct Presence {
    time_to_live: Duration,
    seen: Mutex<BTreeMap<String, Seen>>,
}

#[derive(Debug)]
struct Seen {
    life: u64,
    at: Instant,
}

impl Presence {
    /// Nobody yet.
    pub(crate) fn new(time_to_live: Duration) -> Self {
        Presence { time_to_live, seen: Mutex::default() }
    }

    /// Notes a sign of life. Returns whether that life of the instance was unknown.
    pub(crate) fn hello(&self, instance: &str, life: u64) -> bool {
        let mut seen = self.seen.locked();
        let now = Seen { life, at: Instant::now() };
        let before = seen.insert(instance.to_owned(), now);
        metrics::INSTANCES.set(seen.len() as i64);
        before.is_none_or(|before| before.life != life)
    }

    /// Removes an instance that ends. Returns whether it was known.
    pub(crate) fn bye(&self, instance: &str, life: u64) -> bool {
        let mut seen = self.seen.locked();
        let is_it = seen.get(instance).is_some_and(|seen| seen.life == life);
        if is_it {
            seen.remove(instance);
            metrics::INSTANCES.set(seen.len() as i64);
        }
        is_it
    }

    /// Removes those whose time to live has passed, and returns their names.
    pub(crate) fn expire(&self) -> Vec<String> {
        let (mut seen, now) = (self.seen.locked(), Instant::now());
        let limit = self.time_to_live;
        let late = seen.extract_if(.., |_, seen| now.duration_since(seen.at) > limit);
        let late: Vec<String> = late.map(|(name, _)| name).collect();
        metrics::INSTANCES.set(seen.len() as i64);
        late
    }

    /// Gives all instances a new time to live: while there was no connection, none could show that it
    /// is alive.
    pub(crate) fn renew(&self) {
        let now = Instant::now();
        self.seen.locked().values_mut().for_each(|seen| seen.at = now);
    }

    /// Whether an instance is known.
    pub(crate) fn knows(&self, instance: &str) -> bool {
        self.seen.locked().contains_key(instance)
    }

    /// The names of those that are known.
    pub(crate) fn names(&self) -> Vec<String> {
        self.seen.locked().keys().cloned().collect()
    }
}
