//! `Owner`: finds the function that a timer belongs to by the number of the timer.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, Weak};

use ferrowire::{MutexExt as _, generate_id};

use crate::host::Shared;

/// The numbers of one interpreter's timers are its own number times this, and more.
const TIMERS: u64 = 1 << 32;

/// The number of an interpreter is below this, so that its timers' numbers are exact in JavaScript.
const OWNERS: u64 = 1 << 21;

static OWNED: LazyLock<Mutex<HashMap<u64, Weak<Shared>>>> = LazyLock::new(Mutex::default);

fn owned() -> MutexGuard<'static, HashMap<u64, Weak<Shared>>> {
    OWNED.locked()
}

/// An interpreter with timers, known to the others until this is dropped.
#[derive(Debug)]
pub(crate) struct Owner(u64);

impl Owner {
    /// Draws a number for `shared`. It is random, since timers may be kept in files: those of an
    /// earlier process then mean nothing.
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        let mut owned = owned();
        loop {
            let bits = u64::from_str_radix(&generate_id(), 16).unwrap_or_default();
            let number = bits % (OWNERS - 1) + 1;
            if let Entry::Vacant(vacant) = owned.entry(number) {
                vacant.insert(Arc::downgrade(shared));
                return Owner(number);
            }
        }
    }

    pub(crate) fn number(&self) -> u64 {
        self.0
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        owned().remove(&self.0);
    }
}

/// What the interpreter with this timer shares with its node, as long as it runs.
pub(crate) fn of(timer: u64) -> Option<Arc<Shared>> {
    owned().get(&(timer / TIMERS))?.upgrade()
}
