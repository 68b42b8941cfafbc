//! The metrics of a library, as the host reads them.

use ferrowire_abi::raw;
use ferrowire_core::metric::{Descriptor, Metric, MetricKind, Reading, RegisteredMetric};

type Read = unsafe extern "C" fn(usize, *mut raw::Reading);

/// The metrics that `read` reads.
///
/// # Safety
/// `metrics` must be lent for ever, and `read` must read them.
pub(super) unsafe fn of(
    metrics: raw::List<raw::Metric>,
    read: Option<Read>,
) -> Vec<RegisteredMetric> {
    let Some(read) = read else { return Vec::new() };
    // SAFETY: as above.
    let metrics = unsafe { metrics.get() };
    let registered = |(index, metric): (usize, &raw::Metric)| {
        // SAFETY: as above.
        unsafe {
            RegisteredMetric {
                metric: Box::leak(Box::new(Loaded { descriptor: descriptor(metric), index, read })),
                plugin: metric.plugin.get(),
                version: metric.version.get(),
            }
        }
    };
    metrics.iter().enumerate().map(registered).collect()
}

/// # Safety
/// `metric` must be lent for ever.
unsafe fn descriptor(metric: &raw::Metric) -> Descriptor {
    // SAFETY: as above.
    unsafe {
        Descriptor {
            name: metric.name.get(),
            help: metric.help.get(),
            unit: metric.unit.get(),
            label: (metric.label.get(), metric.label_value.get()),
            kind: match metric.kind {
                0 => MetricKind::Counter,
                1 => MetricKind::Gauge,
                _ => MetricKind::Histogram,
            },
            bounds: metric.bounds.get(),
        }
    }
}

/// A metric of a library.
struct Loaded {
    descriptor: Descriptor,
    index: usize,
    read: Read,
}

impl Metric for Loaded {
    fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }

    fn read(&self) -> Reading {
        let mut counts = match self.descriptor.kind {
            MetricKind::Histogram => vec![0; self.descriptor.bounds.len() + 1],
            MetricKind::Counter | MetricKind::Gauge => Vec::new(),
        };
        let mut reading = raw::Reading {
            number: 0,
            sum: 0.0,
            counts: counts.as_mut_ptr(),
            counts_len: counts.len(),
        };
        // SAFETY: the library's function; the place is lent for the call.
        unsafe { (self.read)(self.index, &raw mut reading) };
        match self.descriptor.kind {
            MetricKind::Counter => Reading::Count(reading.number),
            MetricKind::Gauge => Reading::Level(reading.number.cast_signed()),
            MetricKind::Histogram => Reading::Distribution { counts, sum: reading.sum },
        }
    }
}
