//! `Histogram`: counts of values by range.

use std::sync::atomic::{AtomicU64, Ordering};

use super::shard::{Line, SHARDS, own_shard};
use super::{Descriptor, Metric, MetricKind, Reading, describe};

/// The sum is kept in millionths.
const PRECISION: f64 = 1e6;

/// Counts values in `N` ranges and one above them.
#[derive(Debug)]
pub struct Histogram<const N: usize> {
    descriptor: Descriptor,
    shards: [Line<Shard<N>>; SHARDS],
}

#[derive(Debug)]
struct Shard<const N: usize> {
    counts: [AtomicU64; N],
    above: AtomicU64,
    sum: AtomicU64,
}

impl<const N: usize> Histogram<N> {
    /// A histogram without values. `bounds` are the upper bounds of its buckets: finite and
    /// ascending, which is checked when a static is compiled.
    pub const fn new(name: &'static str, help: &'static str, bounds: &'static [f64; N]) -> Self {
        let mut at = 0;
        while at < N {
            let is_above = at == 0 || bounds[at - 1] < bounds[at];
            assert!(bounds[at].is_finite() && is_above, "the bounds must be finite and ascending");
            at += 1;
        }
        let descriptor =
            Descriptor { bounds, ..Descriptor::new(name, help, MetricKind::Histogram) };
        Histogram {
            descriptor,
            shards: [const {
                Line(Shard {
                    counts: [const { AtomicU64::new(0) }; N],
                    above: AtomicU64::new(0),
                    sum: AtomicU64::new(0),
                })
            }; SHARDS],
        }
    }

    describe!();

    /// Adds a value. Negative values and NaN are ignored.
    pub fn record(&self, value: f64) {
        let Some(Line(shard)) = self.shards.get(own_shard()).filter(|_| value >= 0.0) else {
            return;
        };
        let bucket = self.descriptor.bounds.iter().position(|bound| value <= *bound);
        let count = bucket.and_then(|at| shard.counts.get(at)).unwrap_or(&shard.above);
        count.fetch_add(1, Ordering::Relaxed);
        shard.sum.fetch_add((value * PRECISION) as u64, Ordering::Relaxed);
    }
}

impl<const N: usize> Metric for Histogram<N> {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn read(&self) -> Reading {
        let add = |read: &dyn Fn(&Shard<N>) -> u64| {
            self.shards.iter().map(|line| read(&line.0)).fold(0, u64::wrapping_add)
        };
        let mut counts: Vec<u64> = (0..N)
            .map(|at| add(&|shard| shard.counts.get(at).map_or(0, |it| it.load(Ordering::Relaxed))))
            .collect();
        counts.push(add(&|shard| shard.above.load(Ordering::Relaxed)));
        let sum = add(&|shard| shard.sum.load(Ordering::Relaxed)) as f64 / PRECISION;
        Reading::Distribution { counts, sum }
    }
}
