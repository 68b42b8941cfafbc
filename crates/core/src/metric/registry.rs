//! `Metrics`: all metrics of a program.

use std::fmt;

use super::{Descriptor, Metric};

/// A metric and the crate that declares it.
#[derive(Clone, Copy)]
pub struct RegisteredMetric {
    /// The metric.
    pub metric: &'static dyn Metric,
    /// The crate.
    pub plugin: &'static str,
    /// Its version.
    pub version: &'static str,
}

impl fmt::Debug for RegisteredMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisteredMetric")
            .field("metric", self.metric.descriptor())
            .field("plugin", &self.plugin)
            .finish_non_exhaustive()
    }
}

inventory::collect!(RegisteredMetric);

/// Two crates declare the same metric.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the metric `{name}` is declared by both `{first}` and `{second}`; leave one of them out")]
pub struct DuplicateMetric {
    /// The metric's name.
    pub name: &'static str,
    /// The crate that declared it first.
    pub first: &'static str,
    /// The other crate.
    pub second: &'static str,
}

/// All metrics, grouped by name.
#[derive(Clone, Debug, Default)]
pub struct Metrics {
    all: Vec<RegisteredMetric>,
}

impl Metrics {
    /// The metrics linked into this program or library.
    pub fn linked() -> impl Iterator<Item = &'static RegisteredMetric> {
        inventory::iter::<RegisteredMetric>.into_iter()
    }

    /// Adds a metric. Metrics of one crate may share a name if their labels differ.
    ///
    /// # Errors
    /// If another crate has a metric of that name, or this one has it with the same label.
    pub fn add(&mut self, new: RegisteredMetric) -> Result<(), DuplicateMetric> {
        let Descriptor { name, label, .. } = *new.metric.descriptor();
        let clashes = |it: &&RegisteredMetric| {
            let other = it.metric.descriptor();
            other.name == name && (it.plugin != new.plugin || other.label == label)
        };
        if let Some(first) = self.all.iter().find(clashes) {
            return Err(DuplicateMetric { name, first: first.plugin, second: new.plugin });
        }
        let after = self.all.partition_point(|it| it.metric.descriptor().name <= name);
        self.all.insert(after, new);
        Ok(())
    }

    /// All metrics, by name.
    pub fn iter(&self) -> impl Iterator<Item = &RegisteredMetric> {
        self.all.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Counter;
    use super::*;

    #[test]
    fn a_name_belongs_to_one_crate_and_labels_tell_its_metrics_apart() {
        static IN: Counter = Counter::new("frames", "a test").label("direction", "in");
        static OUT: Counter = Counter::new("frames", "a test").label("direction", "out");
        let of = |metric, plugin| RegisteredMetric { metric, plugin, version: "1.0.0" };
        let mut metrics = Metrics::default();
        metrics.add(of(&IN, "one")).unwrap();
        metrics.add(of(&OUT, "one")).unwrap();
        for again in [of(&IN, "one"), of(&OUT, "two")] {
            let error = metrics.add(again).unwrap_err();
            assert_eq!((error.name, error.first), ("frames", "one"));
        }
        assert_eq!(metrics.iter().count(), 2);
    }
}
