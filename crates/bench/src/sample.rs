//! The result of a measurement: named numbers, so that every workload can report its own.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

/// A number in a result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Metric {
    /// Messages, deliveries or handshakes per second of the server's CPU time.
    PerCpuSecond,
    /// Messages, deliveries or handshakes per second.
    PerSecond,
    /// The load's CPU time per second of the server's.
    LoadCpu,
    /// The server's CPU time per second of wall-clock time.
    CpuUse,
    /// The median round trip, in microseconds.
    P50,
    /// The 99th percentile of round trips, in microseconds.
    P99,
    /// The 99.9th percentile of round trips, in microseconds.
    P999,
    /// Resident memory of the server, in MiB.
    Rss,
    /// Resident memory per connection, in KiB.
    RssPerConnection,
    /// From exec to the first handshake, in milliseconds.
    StartMillis,
    /// The additional time compared with everything linked in, in milliseconds.
    ExtraMillis,
    /// The throughput of two workers relative to one, for the same CPU time.
    Scaling,
}

/// The numbers of one measurement.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Sample(BTreeMap<Metric, f64>);

impl Sample {
    /// Adds a number.
    pub(crate) fn with(mut self, metric: Metric, value: f64) -> Self {
        self.0.insert(metric, value);
        self
    }

    /// Adds the percentiles of round trips, recorded in nanoseconds.
    pub(crate) fn with_latency(self, nanos: &Histogram<u64>) -> Self {
        let micros = |quantile| nanos.value_at_quantile(quantile) as f64 / 1_000.0;
        self.with(Metric::P50, micros(0.5))
            .with(Metric::P99, micros(0.99))
            .with(Metric::P999, micros(0.999))
    }

    /// The number, if it was measured.
    pub(crate) fn get(&self, metric: Metric) -> Option<f64> {
        self.0.get(&metric).copied()
    }

    /// The median of each number over several measurements.
    pub(crate) fn median<'a>(samples: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut values = BTreeMap::<Metric, Vec<f64>>::new();
        for sample in samples {
            for (&metric, &value) in &sample.0 {
                values.entry(metric).or_default().push(value);
            }
        }
        Self(values.into_iter().filter_map(|(k, v)| Some((k, median(v)?))).collect())
    }
}

/// The middle value, or the mean of the two in the middle.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = values.len() / 2;
    let high = values.get(upper)?;
    if values.len() % 2 == 1 {
        return Some(*high);
    }
    values.get(upper - 1).map(|low| f64::midpoint(*low, *high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_whatever_the_order() {
        assert_eq!(median(vec![9.0, 1.0, 5.0]), Some(5.0));
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn each_number_has_its_own_median() {
        let samples =
            [1.0, 2.0, 9.0].map(|n| Sample::default().with(Metric::P50, n).with(Metric::Rss, -n));
        let middle = Sample::median(&samples);
        assert_eq!(middle.get(Metric::P50), Some(2.0));
        assert_eq!(middle.get(Metric::Rss), Some(-2.0));
        assert_eq!(middle.get(Metric::P99), None);
    }
}
