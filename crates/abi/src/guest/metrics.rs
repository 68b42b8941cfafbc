//! The library's metrics as C data.

use std::sync::OnceLock;

use ferrowire_core::metric::{MetricKind, Metrics, Reading, RegisteredMetric};

use crate::{contained, raw};

fn all() -> &'static [&'static RegisteredMetric] {
    static ALL: OnceLock<Vec<&'static RegisteredMetric>> = OnceLock::new();
    ALL.get_or_init(|| Metrics::linked().collect())
}

/// The descriptors, in the order of their indices.
pub(super) fn describe() -> raw::List<raw::Metric> {
    let metrics: Vec<raw::Metric> = all().iter().map(|it| descriptor(it)).collect();
    raw::List::new(metrics.leak())
}

fn descriptor(registered: &'static RegisteredMetric) -> raw::Metric {
    let descriptor = registered.metric.descriptor();
    raw::Metric {
        name: raw::Str::new(descriptor.name),
        help: raw::Str::new(descriptor.help),
        unit: raw::Str::new(descriptor.unit),
        label: raw::Str::new(descriptor.label.0),
        label_value: raw::Str::new(descriptor.label.1),
        kind: match descriptor.kind {
            MetricKind::Counter => 0,
            MetricKind::Gauge => 1,
            MetricKind::Histogram => 2,
        },
        bounds: raw::List::new(descriptor.bounds),
        plugin: raw::Str::new(registered.plugin),
        version: raw::Str::new(registered.version),
    }
}

pub(super) unsafe extern "C" fn read(index: usize, to: *mut raw::Reading) {
    let Some(registered) = all().get(index) else { return };
    let Ok(reading) = contained(|| registered.metric.read()) else { return };
    // SAFETY: the host's place for it.
    let to = unsafe { &mut *to };
    match reading {
        Reading::Count(count) => to.number = count,
        Reading::Level(level) => to.number = level.cast_unsigned(),
        Reading::Distribution { counts, sum } => {
            to.sum = sum;
            for (at, count) in counts.iter().take(to.counts_len).enumerate() {
                // SAFETY: the host's place has so many counts.
                unsafe { to.counts.add(at).write(*count) };
            }
        }
    }
}
