//! The text formats of metrics: OpenMetrics 1.0, and the older one of Prometheus (0.0.4).

use std::fmt::Write as _;

use super::family::{Family, Kind, Label, Sample, Value};

/// A text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    OpenMetrics,
    Prometheus,
}

impl Format {
    /// The format for a client that sends this `Accept` header; that of Prometheus unless the client
    /// prefers OpenMetrics, since browsers show it.
    pub(crate) fn for_client(accept: &str) -> Self {
        let quality = |wanted: &str| {
            let ranges = accept.split(',').filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                let is_wanted = parts.next()?.eq_ignore_ascii_case(wanted);
                is_wanted.then(|| quality_of(parts))
            });
            ranges.fold(0.0, f64::max)
        };
        let open = quality("application/openmetrics-text");
        match open > 0.0 && open >= quality("text/plain") {
            true => Format::OpenMetrics,
            false => Format::Prometheus,
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Format::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }

    /// Writes families, each of which has a name of its own.
    pub(crate) fn write(self, families: &[Family]) -> String {
        let mut out = String::new();
        families.iter().for_each(|family| self.family(&mut out, family));
        if self == Format::OpenMetrics {
            out.push_str("# EOF\n");
        }
        out
    }

    fn family(self, out: &mut String, family: &Family) {
        let name = match (self, family.kind) {
            (Format::OpenMetrics, _) | (_, Kind::Gauge | Kind::Histogram) => family.name.clone(),
            (Format::Prometheus, kind) => format!("{}{}", family.name, suffix(kind)),
        };
        let help = escape(&family.help, self == Format::OpenMetrics);
        line(out, format_args!("# HELP {name} {help}"));
        line(out, format_args!("# TYPE {name} {}", self.type_of(family.kind)));
        if self == Format::OpenMetrics && !family.unit.is_empty() {
            line(out, format_args!("# UNIT {name} {}", family.unit));
        }
        family.samples.iter().for_each(|it| sample(out, &family.name, family.kind, it));
    }

    fn type_of(self, kind: Kind) -> &'static str {
        match (kind, self) {
            (Kind::Counter, _) => "counter",
            (Kind::Gauge, _) | (Kind::Info, Format::Prometheus) => "gauge",
            (Kind::Histogram, _) => "histogram",
            (Kind::Info, Format::OpenMetrics) => "info",
        }
    }
}

/// The value of the parameter `q`; 1 without one.
fn quality_of<'a>(parameters: impl Iterator<Item = &'a str>) -> f64 {
    let mut values = parameters.filter_map(|it| it.strip_prefix("q="));
    values.next().map_or(1.0, |value| value.parse().unwrap_or(0.0))
}

/// What the name of a sample has beyond that of its family.
pub(super) fn suffix(kind: Kind) -> &'static str {
    match kind {
        Kind::Counter => "_total",
        Kind::Info => "_info",
        Kind::Gauge | Kind::Histogram => "",
    }
}

fn sample(out: &mut String, name: &str, kind: Kind, sample: &Sample) {
    match &sample.value {
        Value::Distribution { bounds, counts, sum } => {
            let mut above = 0_u64;
            let all = bounds.iter().copied().chain([f64::INFINITY]);
            for (bound, count) in all.zip(counts) {
                above = above.wrapping_add(*count);
                let le = [("le".into(), number(bound))];
                write_sample(out, format_args!("{name}_bucket"), (&sample.labels, &le), above);
            }
            write_sample(out, format_args!("{name}_count"), (&sample.labels, &[]), above);
            write_sample(out, format_args!("{name}_sum"), (&sample.labels, &[]), number(*sum));
        }
        Value::Whole(value) => {
            write_sample(out, format_args!("{name}{}", suffix(kind)), (&sample.labels, &[]), value);
        }
        Value::Number(value) => {
            let value = number(*value);
            write_sample(out, format_args!("{name}{}", suffix(kind)), (&sample.labels, &[]), value);
        }
    }
}

fn write_sample(
    out: &mut String,
    name: std::fmt::Arguments<'_>,
    (labels, more): (&[Label], &[Label]),
    value: impl std::fmt::Display,
) {
    let described = |(label, value): &Label| format!("{label}=\"{}\"", escape(value, true));
    let labels: Vec<String> = labels.iter().chain(more).map(described).collect();
    match labels.is_empty() {
        true => line(out, format_args!("{name} {value}")),
        false => line(out, format_args!("{name}{{{}}} {value}", labels.join(","))),
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a text does not fail.
    let _written = writeln!(out, "{text}");
}

fn escape(text: &str, quotes: bool) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            '"' if quotes => escaped.push_str("\\\""),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A number as both formats have it: `1.0`, `0.05`, `+Inf`.
fn number(value: f64) -> String {
    match value {
        _ if value.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        value => format!("{value:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_gets_the_format_that_it_prefers() {
        let prometheus = "application/openmetrics-text;version=1.0.0,\
                          application/openmetrics-text;version=0.0.1;q=0.75,\
                          text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        assert_eq!(Format::for_client(prometheus), Format::OpenMetrics);
        for accept in [
            "",
            "*/*",
            "text/html,application/xhtml+xml,*/*;q=0.8",
            "text/plain;version=0.0.4",
            "text/plain, application/openmetrics-text; q=0.5",
            "application/openmetrics-text;q=0",
        ] {
            assert_eq!(Format::for_client(accept), Format::Prometheus, "{accept}");
        }
    }

    #[test]
    fn both_formats_name_samples_as_they_must() {
        let counts = vec![1, 0, 2];
        let families = [
            Family::new(Kind::Counter, "sent_bytes", "what \"was\"\nsent")
                .unit("bytes")
                .with(&[("to", "a\\\"b\n")], 7_u64),
            Family::new(Kind::Info, "build", "the build").with(&[("version", "1")], true),
            Family::new(Kind::Gauge, "open", "open").with(&[], -2.0),
            Family::new(Kind::Histogram, "took_seconds", "times")
                .unit("seconds")
                .with(&[], Value::Distribution { bounds: &[0.05, 1.0], counts, sum: 5.5 }),
        ];
        let open = "# HELP sent_bytes what \\\"was\\\"\\nsent\n\
                    # TYPE sent_bytes counter\n\
                    # UNIT sent_bytes bytes\n\
                    sent_bytes_total{to=\"a\\\\\\\"b\\n\"} 7\n\
                    # HELP build the build\n\
                    # TYPE build info\n\
                    build_info{version=\"1\"} 1\n\
                    # HELP open open\n\
                    # TYPE open gauge\n\
                    open -2.0\n\
                    # HELP took_seconds times\n\
                    # TYPE took_seconds histogram\n\
                    # UNIT took_seconds seconds\n\
                    took_seconds_bucket{le=\"0.05\"} 1\n\
                    took_seconds_bucket{le=\"1.0\"} 1\n\
                    took_seconds_bucket{le=\"+Inf\"} 3\n\
                    took_seconds_count 3\n\
                    took_seconds_sum 5.5\n\
                    # EOF\n";
        assert_eq!(Format::OpenMetrics.write(&families), open);
        let older = Format::Prometheus.write(&families);
        for line in [
            "# HELP sent_bytes_total what \"was\"\\nsent",
            "# TYPE sent_bytes_total counter",
            "# TYPE build_info gauge",
        ] {
            assert!(older.lines().any(|it| it == line), "{line} is missing in:\n{older}");
        }
        assert!(!older.contains("# UNIT") && !older.contains("# EOF"));
    }
}
