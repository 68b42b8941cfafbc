//! Reads metrics as a runtime does.

use ferrowire::Registry;
use ferrowire::metric::Reading;

/// The metric `name` with the label `value`.
pub(crate) fn read(name: &str, value: &str) -> Reading {
    let registry = Registry::linked().unwrap();
    let mut metrics = registry.metrics().iter();
    let found = metrics.find(|it| {
        let descriptor = it.metric.descriptor();
        (descriptor.name, descriptor.label.1) == (name, value)
    });
    found.unwrap().metric.read()
}
