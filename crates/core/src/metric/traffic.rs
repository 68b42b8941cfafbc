//! `Traffic`: how many messages a group of nodes receives and sends, and how often it fails.

use std::sync::atomic::{AtomicU64, Ordering};

use super::shard::{Line, OWNED, SHARDS, add_to, own_shard};

/// Counts the messages of a group of nodes. The counts of a thread are on one cache line.
#[derive(Debug)]
pub struct Traffic {
    shards: [Line<Shard>; SHARDS],
    errors: AtomicU64,
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
}

impl Default for Traffic {
    fn default() -> Self {
        let shard = || Shard { received: AtomicU64::new(0), sent: AtomicU64::new(0) };
        Traffic { shards: std::array::from_fn(|_| Line(shard())), errors: AtomicU64::new(0) }
    }
}

impl Traffic {
    /// Counts a received message.
    #[inline]
    pub fn received(&self) {
        self.add(|shard| &shard.received);
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
    fn add(&self, which: impl FnOnce(&Shard) -> &AtomicU64) {
        let shard = own_shard();
        if let Some(Line(counts)) = self.shards.get(shard) {
            add_to(which(counts), 1, shard < OWNED);
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
        }
    }
}

impl std::ops::AddAssign for TrafficCounts {
    fn add_assign(&mut self, other: Self) {
        self.received = self.received.wrapping_add(other.received);
        self.sent = self.sent.wrapping_add(other.sent);
        self.errors = self.errors.wrapping_add(other.errors);
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
        let expected =
            TrafficCounts { received: threads * 1000, sent: threads * 2000, errors: threads };
        assert_eq!(traffic.read(), expected);
        let mut twice = expected;
        twice += expected;
        assert_eq!(twice.sent, threads * 4000);
    }
}
