//! `Sharded`: a sum that several threads add to, each on its own cache line.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The number of cache lines of a counter. More threads than that share them.
pub const SHARDS: usize = 8;

/// Two cache lines, because processors prefetch them in pairs.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Line<T>(pub(super) T);

#[derive(Debug)]
pub(super) struct Sharded([Line<AtomicU64>; SHARDS]);

impl Sharded {
    pub(super) const fn new() -> Self {
        Sharded([const { Line(AtomicU64::new(0)) }; SHARDS])
    }

    #[inline]
    pub(super) fn add(&self, amount: u64) {
        if let Some(line) = self.0.get(own_shard()) {
            line.0.fetch_add(amount, Ordering::Relaxed);
        }
    }

    pub(super) fn sum(&self) -> u64 {
        let counts = self.0.iter().map(|line| line.0.load(Ordering::Relaxed));
        counts.fold(0, u64::wrapping_add)
    }
}

thread_local! {
    static SHARD: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// The shard of the current thread, always below [`SHARDS`].
#[inline]
pub(super) fn own_shard() -> usize {
    let own = SHARD.try_with(|shard| match shard.get() {
        usize::MAX => choose(shard),
        own => own,
    });
    // Thread-local storage is already destroyed when the thread ends.
    own.unwrap_or(0)
}

#[cold]
fn choose(shard: &Cell<usize>) -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let own = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
    shard.set(own);
    own
}
