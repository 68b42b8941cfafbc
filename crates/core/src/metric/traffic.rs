//! `Traffic`: how many messages a group of nodes receives and sends, how often it fails, and how long it
//! works.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::shard::{Line, OWNED, SHARDS, add_to, own_shard};

/// Counts the messages of a group of nodes. The counts of a thread are on one cache line.
#[derive(Debug)]
pub struct Traffic {
    shards: [Line<Shard>; SHARDS],
    errors: AtomicU64,
    work: Work,
}

/// One in so many messages is measured, the first one included.
const MEASURED: u64 = 64;

/// The upper bounds of the buckets of work, in seconds.
pub const WORK_BOUNDS: [f64; 8] = [1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0];

#[derive(Debug, Default)]
struct Work {
    counts: [AtomicU64; WORK_BOUNDS.len() + 1],
    nanoseconds: AtomicU64,
}

/// Measures the work of a node at one message, and adds it to the node's counts when it is dropped.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    traffic: Arc<Traffic>,
    nanoseconds: AtomicU64,
}

impl Stopwatch {
    pub(crate) fn new(traffic: &Arc<Traffic>) -> Self {
        Stopwatch { traffic: Arc::clone(traffic), nanoseconds: AtomicU64::new(0) }
    }

    pub(crate) fn add(&self, time: Duration) {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(time, Ordering::Relaxed);
    }
}

impl Drop for Stopwatch {
    fn drop(&mut self) {
        let nanoseconds = *self.nanoseconds.get_mut();
        let seconds = Duration::from_nanos(nanoseconds).as_secs_f64();
        let work = &self.traffic.work;
        let bucket = WORK_BOUNDS.iter().position(|bound| seconds <= *bound);
        if let Some(count) = work.counts.get(bucket.unwrap_or(WORK_BOUNDS.len())) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        work.nanoseconds.fetch_add(nanoseconds, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Shard {
    received: AtomicU64,
    sent: AtomicU64,
}

/// What a [`Traffic`] has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TrafficCounts {
    /// Messages that nodes received: over wires, by their id, and from nodes that they watch.
    pub received: u64,
    /// Messages that nodes sent; one that several wires carry counts once.
    pub sent: u64,
    /// Errors of nodes, those that catch nodes received included.
    pub errors: u64,
    /// How many of the measured messages the nodes worked at for up to each of [`WORK_BOUNDS`] but longer than
    /// the one before; the last are longer than all.
    pub work: [u64; WORK_BOUNDS.len() + 1],
    /// The work at all of these, in nanoseconds.
    pub work_nanoseconds: u64,
}

impl Default for Traffic {
    fn default() -> Self {
        let shard = || Shard { received: AtomicU64::new(0), sent: AtomicU64::new(0) };
        Traffic {
            shards: std::array::from_fn(|_| Line(shard())),
            errors: AtomicU64::new(0),
            work: Work::default(),
        }
    }
}

impl Traffic {
    /// Counts a received message. Whether the work at it is to be measured.
    #[inline]
    pub fn received(&self) -> bool {
        self.add(|shard| &shard.received) % MEASURED == 1
    }

    /// Counts a sent message.
    #[inline]
    pub fn sent(&self) {
        self.add(|shard| &shard.sent);
    }

    /// Counts an error.
    pub fn failed(&self) {
        self.errors.fetch_add(1, Ordering::Relaxed);
    }

    #[inline]
    fn add(&self, which: impl FnOnce(&Shard) -> &AtomicU64) -> u64 {
        let shard = own_shard();
        match self.shards.get(shard) {
            Some(Line(counts)) => add_to(which(counts), 1, shard < OWNED),
            None => 0,
        }
    }

    /// The counts so far.
    pub fn read(&self) -> TrafficCounts {
        let sum = |which: fn(&Shard) -> &AtomicU64| {
            let counts = self.shards.iter().map(|line| which(&line.0).load(Ordering::Relaxed));
            counts.fold(0, u64::wrapping_add)
        };
        TrafficCounts {
            received: sum(|shard| &shard.received),
            sent: sum(|shard| &shard.sent),
            errors: self.errors.load(Ordering::Relaxed),
            work: self.work.counts.each_ref().map(|count| count.load(Ordering::Relaxed)),
            work_nanoseconds: self.work.nanoseconds.load(Ordering::Relaxed),
        }
    }
}

impl std::ops::AddAssign for TrafficCounts {
    fn add_assign(&mut self, other: Self) {
        self.received = self.received.wrapping_add(other.received);
        self.sent = self.sent.wrapping_add(other.sent);
        self.errors = self.errors.wrapping_add(other.errors);
        for (count, more) in self.work.iter_mut().zip(other.work) {
            *count = count.wrapping_add(more);
        }
        self.work_nanoseconds = self.work_nanoseconds.wrapping_add(other.work_nanoseconds);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_several_threads_add_up() {
        let traffic = Traffic::default();
        std::thread::scope(|scope| {
            for _ in 0..SHARDS + 3 {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        traffic.received();
                        traffic.sent();
                        traffic.sent();
                    }
                    traffic.failed();
                });
            }
        });
        let threads = SHARDS as u64 + 3;
        let expected = TrafficCounts {
            received: threads * 1000,
            sent: threads * 2000,
            errors: threads,
            ..TrafficCounts::default()
        };
        assert_eq!(traffic.read(), expected);
        let mut twice = expected;
        twice += expected;
        assert_eq!(twice.sent, threads * 4000);
    }
}
