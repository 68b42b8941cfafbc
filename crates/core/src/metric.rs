//! Counters, gauges and histograms that nodes update without waiting.
//!
//! A crate declares them as statics and registers them with `metrics!`. An update takes no lock and
//! does not allocate, whether or not metrics are read. Counters and histograms are spread over
//! [`SHARDS`] cache lines, so that threads do not slow each other down. A read adds up the shards;
//! concurrent updates may or may not be included.

mod histogram;
mod registry;
mod shard;
mod traffic;

use std::sync::atomic::{AtomicI64, Ordering};

pub use histogram::Histogram;
pub use registry::{DuplicateMetric, Metrics, RegisteredMetric};
pub use shard::SHARDS;
pub(crate) use shard::Sharded;
pub(crate) use traffic::Stopwatch;
pub use traffic::{Traffic, TrafficCounts, WORK_BOUNDS};

/// The name and description of a metric, in the terms of OpenMetrics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Descriptor {
    /// Lower-case letters, digits and `_`; without the suffix `_total` and without a prefix for the
    /// program.
    pub name: &'static str,
    /// One line.
    pub help: &'static str,
    /// The unit, such as `bytes` or `seconds`, which is appended to the name; empty if there is
    /// none.
    pub unit: &'static str,
    /// A label and its value that distinguish metrics of the same name; both empty if there are
    /// none.
    pub label: (&'static str, &'static str),
    /// Counter, gauge or histogram.
    pub kind: MetricKind,
    /// The upper bounds of a histogram's buckets, inclusive and ascending, without the last bucket,
    /// which is unbounded.
    pub bounds: &'static [f64],
}

impl Descriptor {
    const fn new(name: &'static str, help: &'static str, kind: MetricKind) -> Self {
        assert!(is_name(name), "a metric needs a name of lower-case letters, digits and `_`");
        assert!(!help.is_empty(), "a metric needs a line of help");
        Descriptor { name, help, unit: "", label: ("", ""), kind, bounds: &[] }
    }
}

const fn is_name(name: &str) -> bool {
    let mut rest = name.as_bytes();
    if rest.is_empty() || !rest[0].is_ascii_lowercase() {
        return false;
    }
    while let [byte, after @ ..] = rest {
        if !byte.is_ascii_lowercase() && !byte.is_ascii_digit() && *byte != b'_' {
            return false;
        }
        rest = after;
    }
    true
}

/// The kinds of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows, starting at 0 when the program starts.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts values by range.
    Histogram,
}

/// The value of a metric at one moment.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// Of a counter.
    Count(u64),
    /// Of a gauge.
    Level(i64),
    /// Of a histogram.
    Distribution {
        /// The number of values in each bucket; the last is for values above all bounds.
        counts: Vec<u64>,
        /// The sum of all values.
        sum: f64,
    },
}

/// A readable metric.
pub trait Metric: Sync {
    /// Its name and description.
    fn descriptor(&self) -> &Descriptor;
    /// Its current value.
    fn read(&self) -> Reading;
}

macro_rules! describe {
    () => {
        /// Sets the unit, such as `bytes`.
        pub const fn unit(mut self, unit: &'static str) -> Self {
            self.descriptor.unit = unit;
            self
        }

        /// Adds a label that distinguishes this metric from others of the same name.
        pub const fn label(mut self, label: &'static str, value: &'static str) -> Self {
            self.descriptor.label = (label, value);
            self
        }
    };
}
pub(crate) use describe;

/// Counts events.
///
/// ```
/// use ferrowire_core::metric::Counter;
///
/// static RECEIVED: Counter = Counter::new("readings_received", "readings that a sensor sent");
///
/// RECEIVED.increment();
/// ```
#[derive(Debug)]
pub struct Counter {
    descriptor: Descriptor,
    count: Sharded,
}

impl Counter {
    /// A counter at 0.
    pub const fn new(name: &'static str, help: &'static str) -> Self {
        let descriptor = Descriptor::new(name, help, MetricKind::Counter);
        Counter { descriptor, count: Sharded::new() }
    }

    describe!();

    /// Adds one.
    #[inline]
    pub fn increment(&self) {
        self.count.add(1);
    }

    /// Adds `amount`. Wraps around at 2^64.
    #[inline]
    pub fn add(&self, amount: u64) {
        self.count.add(amount);
    }

    /// The current count.
    pub fn get(&self) -> u64 {
        self.count.sum()
    }
}

impl Metric for Counter {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn read(&self) -> Reading {
        Reading::Count(self.get())
    }
}

/// Shows a current amount.
#[derive(Debug)]
pub struct Gauge {
    descriptor: Descriptor,
    level: AtomicI64,
}

impl Gauge {
    /// A gauge at 0.
    pub const fn new(name: &'static str, help: &'static str) -> Self {
        let descriptor = Descriptor::new(name, help, MetricKind::Gauge);
        Gauge { descriptor, level: AtomicI64::new(0) }
    }

    describe!();

    /// Adds `change`, which may be negative.
    #[inline]
    pub fn add(&self, change: i64) {
        self.level.fetch_add(change, Ordering::Relaxed);
    }

    /// Sets the level.
    #[inline]
    pub fn set(&self, level: i64) {
        self.level.store(level, Ordering::Relaxed);
    }

    /// The current level.
    pub fn get(&self) -> i64 {
        self.level.load(Ordering::Relaxed)
    }
}

impl Metric for Gauge {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn read(&self) -> Reading {
        Reading::Level(self.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "lower-case letters")]
    fn a_name_that_no_exporter_takes_does_not_compile() {
        // What a static evaluates at compile time.
        let _ = Counter::new("readings received", "a test");
    }

    #[test]
    #[should_panic(expected = "finite and ascending")]
    fn bounds_that_do_not_ascend_do_not_compile() {
        let _ = Histogram::new("sizes", "a test", &[1.0, 1.0]);
    }

    #[test]
    fn counts_of_several_threads_add_up() {
        static COUNTED: Counter = Counter::new("counted", "a test").label("of", "threads");
        static OPEN: Gauge = Gauge::new("open", "a test");
        static SIZES: Histogram<2> = Histogram::new("sizes_bytes", "a test", &[10.0, 100.0]);
        std::thread::scope(|scope| {
            for _ in 0..SHARDS + 3 {
                scope.spawn(|| {
                    for at in 0..1000 {
                        COUNTED.increment();
                        SIZES.record(f64::from(at % 3) * 50.0);
                        OPEN.add(1);
                        OPEN.add(-1);
                    }
                    COUNTED.add(7);
                });
            }
        });
        let threads = SHARDS as u64 + 3;
        assert_eq!(COUNTED.read(), Reading::Count(threads * 1007));
        assert_eq!(OPEN.read(), Reading::Level(0));
        let counts = [334, 666, 0].map(|count| count * threads).to_vec();
        let sum = (333 * 50 + 333 * 100) as f64 * threads as f64;
        assert_eq!(SIZES.read(), Reading::Distribution { counts, sum });
        assert_eq!(COUNTED.descriptor().label, ("of", "threads"));
    }

    #[test]
    fn a_value_falls_into_the_bucket_whose_bound_it_does_not_exceed() {
        static SIZES: Histogram<2> = Histogram::new("more_sizes", "a test", &[1.0, 2.0]);
        for value in [0.5, 1.0, 1.5, 2.0, 2.5, f64::NAN, -1.0] {
            SIZES.record(value);
        }
        let Reading::Distribution { counts, sum } = SIZES.read() else { panic!("not a histogram") };
        assert_eq!((counts, sum), (vec![2, 2, 1], 7.5), "NaN is left out");
    }
}
