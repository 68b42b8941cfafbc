//! The metrics that crates declare as statics, those of libraries included.

use std::collections::{BTreeMap, BTreeSet};

use ferrowire_core::metric::{Descriptor, MetricKind, Metrics, RegisteredMetric};

use super::family::{Family, Kind, Sample, Value};

/// Before the name of each of these metrics.
const PREFIX: &str = "ferrowire_";

/// The metrics that can be shown, by the names of their families.
pub(super) struct Registered {
    by_name: BTreeMap<String, Vec<RegisteredMetric>>,
}

impl Registered {
    /// All of `metrics`, but for those whose names are invalid or collide with others, such as those
    /// of `own` families. Each of them is logged.
    pub(super) fn new(metrics: &Metrics, own: &[Family]) -> Self {
        let mut taken: BTreeSet<String> =
            own.iter().flat_map(|family| names(&family.name, family.kind)).collect();
        let mut by_name: BTreeMap<String, Vec<RegisteredMetric>> = BTreeMap::new();
        for metric in metrics.iter() {
            let descriptor = metric.metric.descriptor();
            let name = full_name(descriptor);
            let first = by_name.get(&name).and_then(|those| those.first());
            let fits = match first {
                Some(first) => first.metric.descriptor().kind == descriptor.kind,
                None => names(&name, kind(descriptor)).iter().all(|it| !taken.contains(it)),
            };
            if !is_valid(descriptor) || !fits {
                tracing::warn!(
                    "the metric `{}` of `{}` is not shown: its name, label or bounds are invalid, \
                     or it collides with another one",
                    descriptor.name,
                    metric.plugin
                );
                continue;
            }
            taken.extend(names(&name, kind(descriptor)));
            by_name.entry(name).or_default().push(*metric);
        }
        Registered { by_name }
    }

    /// Reads all of them.
    pub(super) fn families(&self) -> impl Iterator<Item = Family> + '_ {
        self.by_name.iter().filter_map(|(name, metrics)| {
            let described = metrics.first()?.metric.descriptor();
            let mut family = Family::new(kind(described), name.as_str(), described.help);
            family.unit = described.unit.into();
            family.samples = metrics.iter().map(sample).collect();
            family.samples.sort_by(|one, other| one.labels.cmp(&other.labels));
            Some(family)
        })
    }
}

fn sample(registered: &RegisteredMetric) -> Sample {
    let descriptor = registered.metric.descriptor();
    let (label, value) = descriptor.label;
    let labels = (!label.is_empty()).then(|| (label.into(), value.to_owned()));
    let value = Value::of(registered.metric.read(), descriptor.bounds);
    Sample { labels: labels.into_iter().collect(), value }
}

fn kind(descriptor: &Descriptor) -> Kind {
    match descriptor.kind {
        MetricKind::Counter => Kind::Counter,
        MetricKind::Gauge => Kind::Gauge,
        MetricKind::Histogram => Kind::Histogram,
    }
}

/// The name of the family: with the prefix, and with the unit at its end.
fn full_name(descriptor: &Descriptor) -> String {
    let Descriptor { name, unit, .. } = descriptor;
    match unit.is_empty() || name.ends_with(&format!("_{unit}")) {
        true => format!("{PREFIX}{name}"),
        false => format!("{PREFIX}{name}_{unit}"),
    }
}

/// The names that belong to a family: its own and those of its samples.
fn names(family: &str, kind: Kind) -> Vec<String> {
    let suffixes: &[&str] = match kind {
        Kind::Counter => &["", "_total"],
        Kind::Gauge => &[""],
        Kind::Histogram => &["", "_bucket", "_count", "_sum"],
        Kind::Info => &["", "_info"],
    };
    suffixes.iter().map(|suffix| format!("{family}{suffix}")).collect()
}

/// Whether the texts of a metric can be written: a library may say anything.
fn is_valid(descriptor: &Descriptor) -> bool {
    let is_word = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !text.starts_with(|first: char| first.is_ascii_digit())
    };
    let ascend = |pair: &[f64]| matches!(pair, [low, high] if low < high);
    let bounds = descriptor.bounds;
    !descriptor.name.is_empty()
        && [descriptor.name, descriptor.unit, descriptor.label.0].into_iter().all(is_word)
        && !descriptor.label.0.starts_with("__")
        && descriptor.label.0 != "le"
        && bounds.iter().all(|bound| bound.is_finite())
        && bounds.windows(2).all(ascend)
}

#[cfg(test)]
mod tests {
    use ferrowire_core::metric::{Counter, Gauge, Metric};

    use super::*;

    #[test]
    fn what_cannot_be_written_is_left_out() {
        static GOOD: Counter = Counter::new("good", "x").unit("bytes");
        static SAME: Counter = Counter::new("good_bytes", "x");
        static OWN: Gauge = Gauge::new("nodes", "x");
        static SUFFIX: Gauge = Gauge::new("good_bytes_total", "x");
        static LABEL: Gauge = Gauge::new("label", "x").label("a-b", "c");
        let mut metrics = Metrics::default();
        let all: [&'static dyn Metric; 5] = [&GOOD, &SAME, &OWN, &SUFFIX, &LABEL];
        for metric in all {
            let plugin = "a-plugin";
            metrics.add(RegisteredMetric { metric, plugin, version: "1.0.0" }).unwrap();
        }
        let own = [Family::new(Kind::Gauge, "ferrowire_nodes", "x")];
        let shown: Vec<String> =
            Registered::new(&metrics, &own).families().map(|family| family.name).collect();
        assert_eq!(shown, ["ferrowire_good_bytes"]);
    }
}
