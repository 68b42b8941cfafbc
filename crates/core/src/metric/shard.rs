//! `Sharded`: a sum that several threads add to, each on its own cache line.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The number of cache lines of a counter.
pub const SHARDS: usize = 12;

/// So many of them belong to one thread each, as long as it lives. All other threads share the rest.
pub(super) const OWNED: usize = 8;

/// Two cache lines, because processors prefetch them in pairs.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Line<T>(pub(super) T);

#[derive(Debug)]
pub(crate) struct Sharded([Line<AtomicU64>; SHARDS]);

impl Sharded {
    pub(crate) const fn new() -> Self {
        Sharded([const { Line(AtomicU64::new(0)) }; SHARDS])
    }

    #[inline]
    pub(crate) fn add(&self, amount: u64) {
        let shard = own_shard();
        if let Some(Line(count)) = self.0.get(shard) {
            add_to(count, amount, shard < OWNED);
        }
    }

    pub(crate) fn sum(&self) -> u64 {
        let counts = self.0.iter().map(|line| line.0.load(Ordering::Relaxed));
        counts.fold(0, u64::wrapping_add)
    }
}

/// Adds to a count of the thread's shard, which may be `owned` by the thread. Returns the sum.
#[inline]
pub(super) fn add_to(count: &AtomicU64, amount: u64, owned: bool) -> u64 {
    if owned {
        // Nobody else writes, and this costs a fraction of an atomic addition.
        let sum = count.load(Ordering::Relaxed).wrapping_add(amount);
        count.store(sum, Ordering::Relaxed);
        sum
    } else {
        count.fetch_add(amount, Ordering::Relaxed).wrapping_add(amount)
    }
}

/// A thread's shard, which it gives back when it ends.
struct Own(Cell<usize>);

/// The shards that belong to a thread: a bit for each.
static TAKEN: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static OWN: Own = const { Own(Cell::new(usize::MAX)) };
}

impl Drop for Own {
    fn drop(&mut self) {
        let own = self.0.replace(OWNED);
        if own < OWNED {
            TAKEN.fetch_and(!(1 << own), Ordering::Release);
        }
    }
}

/// The shard of the current thread, always below [`SHARDS`].
#[inline]
pub(super) fn own_shard() -> usize {
    let own = OWN.try_with(|own| match own.0.get() {
        usize::MAX => own.choose(),
        own => own,
    });
    // Thread-local storage is already destroyed when the thread ends.
    own.unwrap_or(OWNED)
}

impl Own {
    #[cold]
    fn choose(&self) -> usize {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let lowest_free = |taken: usize| {
            let free = taken.trailing_ones() as usize;
            (free < OWNED).then(|| taken | 1 << free)
        };
        // What the thread before has added must be seen by the one after.
        let taken = TAKEN.fetch_update(Ordering::Acquire, Ordering::Relaxed, lowest_free);
        let shared = || OWNED + NEXT.fetch_add(1, Ordering::Relaxed) % (SHARDS - OWNED);
        let own = taken.map_or_else(|_| shared(), |before| before.trailing_ones() as usize);
        self.0.set(own);
        own
    }
}
