//! `Family`: samples of one name, in the terms of OpenMetrics.

use std::borrow::Cow;

use ferrowire_core::metric::Reading;

/// What a family is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
    /// Facts as labels; the value is 1.
    Info,
}

/// The value of a sample.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Whole(i128),
    Number(f64),
    Distribution { bounds: &'static [f64], counts: Vec<u64>, sum: f64 },
}

/// A label and its value.
pub(crate) type Label = (Cow<'static, str>, String);

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) labels: Vec<Label>,
    pub(crate) value: Value,
}

/// Samples of one name. They differ in the values of their labels.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Family {
    /// Ends with the unit if there is one, and has no suffix such as `_total`.
    pub(crate) name: String,
    pub(crate) help: Cow<'static, str>,
    pub(crate) unit: Cow<'static, str>,
    pub(crate) kind: Kind,
    pub(crate) samples: Vec<Sample>,
}

impl Family {
    /// A family without samples.
    pub(crate) fn new(
        kind: Kind,
        name: impl Into<String>,
        help: impl Into<Cow<'static, str>>,
    ) -> Self {
        let unit = Cow::Borrowed("");
        Family { name: name.into(), help: help.into(), unit, kind, samples: Vec::new() }
    }

    /// Sets the unit, which the name ends with.
    pub(crate) fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit.into();
        self
    }

    /// Adds a sample.
    pub(crate) fn with(mut self, labels: &[(&'static str, &str)], value: impl Into<Value>) -> Self {
        self.push(labels, value);
        self
    }

    /// Adds a sample.
    pub(crate) fn push(&mut self, labels: &[(&'static str, &str)], value: impl Into<Value>) {
        let own =
            |(name, value): &(&'static str, &str)| (Cow::Borrowed(*name), (*value).to_owned());
        let labels = labels.iter().map(own).collect();
        self.samples.push(Sample { labels, value: value.into() });
    }
}

impl Value {
    /// A reading of a metric with these bounds.
    pub(crate) fn of(reading: Reading, bounds: &'static [f64]) -> Self {
        match reading {
            Reading::Count(count) => Value::Whole(count.into()),
            Reading::Level(level) => Value::Whole(level.into()),
            Reading::Distribution { counts, sum } => Value::Distribution { bounds, counts, sum },
        }
    }
}

impl From<u64> for Value {
    fn from(count: u64) -> Self {
        Value::Whole(count.into())
    }
}

impl From<usize> for Value {
    fn from(count: usize) -> Self {
        Value::Whole(count as i128)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Value::Whole(flag.into())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Number(number)
    }
}
