//! The report: medians and ratios as a table, as JSON and as a chart.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::chart;
use crate::plan::Workload;
use crate::sample::{Metric, Sample, median};
use crate::server::{BEFORE, COMMON, FERROWIRE, LOADED, NODE_RED, TUNED, WS, ZLIB};

/// The servers that all others are compared with.
const REFERENCES: [&str; 5] = [TUNED, COMMON, NODE_RED, ZLIB, WS];

/// All samples of one workload.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    workload: String,
    cores: usize,
    cases: Vec<Case>,
}

/// One load, and the results of each server.
#[derive(Debug, Serialize)]
pub(crate) struct Case {
    /// A description of the load.
    pub(crate) name: String,
    /// The servers in the order in which they were measured.
    pub(crate) servers: Vec<Measured>,
}

/// The results of one server.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    /// The server.
    pub(crate) name: String,
    /// One sample for each round.
    pub(crate) rounds: Vec<Sample>,
}

/// A column of the table.
struct Column {
    title: &'static str,
    metric: Metric,
    digits: usize,
}

const COLUMNS: [Column; 12] = [
    Column { title: "per CPU-s", metric: Metric::PerCpuSecond, digits: 0 },
    Column { title: "per s", metric: Metric::PerSecond, digits: 0 },
    Column { title: "p50 us", metric: Metric::P50, digits: 0 },
    Column { title: "p99 us", metric: Metric::P99, digits: 0 },
    Column { title: "p99.9 us", metric: Metric::P999, digits: 0 },
    Column { title: "RSS MiB", metric: Metric::Rss, digits: 1 },
    Column { title: "KiB each", metric: Metric::RssPerConnection, digits: 1 },
    Column { title: "start ms", metric: Metric::StartMillis, digits: 1 },
    Column { title: "ms more", metric: Metric::ExtraMillis, digits: 1 },
    Column { title: "scaling", metric: Metric::Scaling, digits: 2 },
    Column { title: "CPUs", metric: Metric::CpuUse, digits: 2 },
    Column { title: "load CPU", metric: Metric::LoadCpu, digits: 2 },
];

impl Report {
    /// An empty report.
    pub(crate) fn new(workload: Workload) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { workload: workload.to_string(), cores, cases: Vec::new() }
    }

    /// Adds the result of a server in one round.
    pub(crate) fn add(&mut self, case: &str, server: &str, sample: Sample) {
        let position = self.cases.iter().position(|it| it.name == case).unwrap_or_else(|| {
            self.cases.push(Case { name: case.to_owned(), servers: Vec::new() });
            self.cases.len() - 1
        });
        let Some(case) = self.cases.get_mut(position) else { return };
        match case.servers.iter_mut().find(|it| it.name == server) {
            Some(measured) => measured.rounds.push(sample),
            None => case.servers.push(Measured { name: server.to_owned(), rounds: vec![sample] }),
        }
    }

    /// Prints a table for each case.
    pub(crate) fn print(&self) {
        for case in &self.cases {
            println!("\n{}", case.name);
            print!("{}", table(&case.rows()));
            for measured in &case.servers {
                let load = Sample::median(&measured.rounds).get(Metric::LoadCpu);
                if load.is_some_and(|load| load > 1.0) {
                    println!("note: the load used more CPU time than {}", measured.name);
                }
            }
        }
        println!("\nratios are medians of the rounds' own ratios; more than 1 is better\n");
    }

    /// Writes JSON and the chart.
    pub(crate) fn write(&self, folder: &Path) -> Result<()> {
        let json = folder.join(format!("{}.json", self.workload));
        let chart = folder.join(format!("{}.svg", self.workload));
        for (path, text) in [
            (&json, serde_json::to_string_pretty(self)?),
            (&chart, chart::draw(self.title(), &self.cases)),
        ] {
            fs::write(path, text)
                .with_context(|| format!("could not write `{}`", path.display()))?;
            println!("wrote {}", path.display());
        }
        Ok(())
    }

    fn title(&self) -> &'static str {
        match self.workload.as_str() {
            "fanout" | "rooms" => "Deliveries for each CPU-second of the server",
            "idle" => "Memory for each idle connection, KiB (less is better)",
            "churn" => "Handshakes for each CPU-second of the server",
            "startup" => "Start to first handshake, ms (less is better)",
            "latency" => "p99 round trip, microseconds (less is better)",
            "json" => "JSON messages for each CPU-second of the server",
            "nodes" => "Messages through one node for each CPU-second of the server",
            "compression" => "Compressed messages for each CPU-second of the server",
            "hosted" => "Messages to a node in Node.js and back for each CPU-second of the server",
            "palette" => "Messages through nodes of the palette for each CPU-second of the server",
            "plugins" => "Messages for each CPU-second: nodes linked in, and loaded",
            "cores" => "Messages for each CPU-second of the server, by workers",
            _ => "Messages for each CPU-second of the server",
        }
    }
}

impl Case {
    /// The metric by which servers are compared, and whether more is better.
    pub(crate) fn measure(&self) -> (Metric, bool) {
        let has = |metric| {
            self.servers.iter().flat_map(|it| &it.rounds).any(|it| it.get(metric).is_some())
        };
        if self.name.ends_with("half rate") {
            (Metric::P99, false)
        } else if has(Metric::RssPerConnection) {
            (Metric::RssPerConnection, false)
        } else if has(Metric::StartMillis) {
            (Metric::StartMillis, false)
        } else if has(Metric::Scaling) {
            (Metric::Scaling, true)
        } else {
            (Metric::PerCpuSecond, true)
        }
    }

    /// The ratio of two servers: the median of the rounds' ratios.
    pub(crate) fn ratio(&self, server: &Measured, reference: &str) -> Option<f64> {
        let (metric, more_is_better) = self.measure();
        let reference = self.servers.iter().find(|it| it.name == reference)?;
        let ratios = server.rounds.iter().zip(&reference.rounds).filter_map(|(ours, theirs)| {
            let ratio = ours.get(metric)? / theirs.get(metric)?;
            Some(if more_is_better { ratio } else { 1.0 / ratio })
        });
        median(ratios.collect())
    }

    fn has(&self, server: &str) -> bool {
        self.servers.iter().any(|it| it.name == server)
    }

    fn rows(&self) -> Vec<Vec<String>> {
        let medians: Vec<_> = self.servers.iter().map(|it| Sample::median(&it.rounds)).collect();
        let columns: Vec<_> = COLUMNS
            .iter()
            .filter(|column| medians.iter().any(|it| it.get(column.metric).is_some()))
            .collect();
        let references: Vec<_> = REFERENCES
            .into_iter()
            .chain(self.has(LOADED).then_some(FERROWIRE))
            .chain([BEFORE])
            .filter(|name| self.has(name))
            .collect();
        let mut head = vec![String::new()];
        head.extend(columns.iter().map(|it| it.title.to_owned()));
        head.extend(references.iter().map(|it| format!("/ {it}")));
        let mut rows = vec![head];
        for (server, middle) in self.servers.iter().zip(&medians) {
            let mut row = vec![server.name.clone()];
            row.extend(columns.iter().map(|it| {
                middle.get(it.metric).map_or_else(String::new, |value| number(value, it.digits))
            }));
            row.extend(references.iter().map(|name| {
                if server.name == *name {
                    return String::new();
                }
                self.ratio(server, name).map_or_else(String::new, |ratio| format!("{ratio:.2}"))
            }));
            rows.push(row);
        }
        rows
    }
}

/// A number with thousands separators.
pub(crate) fn number(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    let (whole, fraction) = text.split_once('.').map_or((&*text, None), |(w, f)| (w, Some(f)));
    let mut grouped = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) && !grouped.ends_with('-') {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    fraction.map_or(grouped.clone(), |fraction| format!("{grouped}.{fraction}"))
}

/// Aligns the first column to the left, all others to the right.
fn table(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(String::len).max().unwrap_or_default()
    };
    let widths: Vec<_> = (0..count).map(width).collect();
    let mut text = String::new();
    for row in rows {
        for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            if column == 0 {
                text += &format!("  {cell:<width$}");
            } else {
                text += &format!("  {cell:>width$}");
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(per_cpu_second: f64) -> Sample {
        Sample::default().with(Metric::PerCpuSecond, per_cpu_second)
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(number(1_234_567.8, 0), "1 234 568");
        assert_eq!(number(999.94, 1), "999.9");
        assert_eq!(number(-1_000.0, 0), "-1 000");
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let mut report = Report::new(Workload::Echo);
        for (ours, theirs) in [(90.0, 100.0), (9.0, 10.0), (40.0, 80.0)] {
            report.add("a", "Ferrowire", sample(ours));
            report.add("a", TUNED, sample(theirs));
        }
        let case = &report.cases[0];
        assert_eq!(case.ratio(&case.servers[0], TUNED), Some(0.9));
        assert_eq!(case.ratio(&case.servers[0], NODE_RED), None);
    }

    #[test]
    fn less_memory_and_less_time_is_better() {
        let mut report = Report::new(Workload::Idle);
        report.add("a", "Ferrowire", Sample::default().with(Metric::RssPerConnection, 5.0));
        report.add("a", TUNED, Sample::default().with(Metric::RssPerConnection, 10.0));
        let case = &report.cases[0];
        assert_eq!(case.ratio(&case.servers[0], TUNED), Some(2.0));
    }
}
