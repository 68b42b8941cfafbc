//! `docs/operation.md` and the dashboard name the metrics that there are.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::openmetrics::{Exposition, Family};
use crate::operation::{echo, own_address, scrape};
use crate::support::Runtime;

fn read(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

async fn shown() -> Exposition {
    let args = ["--metrics", "127.0.0.1:0", "--metrics-nodes", "1"];
    let mut runtime = Runtime::start_with(echo(), &args, &[]).await;
    let own = own_address(&mut runtime).await;
    let shown = scrape(&own).await;
    runtime.terminate().await;
    shown
}

/// The labels of the first sample, other than that of buckets.
fn labels(family: &Family) -> Option<BTreeSet<String>> {
    let sample = family.samples.keys().next()?;
    let parts = sample.split("=\"").map(|part| part.rsplit(['{', ',']).next().unwrap());
    let mut labels: Vec<&str> = parts.collect();
    labels.pop();
    Some(labels.into_iter().filter(|label| *label != "le").map(str::to_owned).collect())
}

/// The rows of the table: name, type, labels and help.
fn documented() -> BTreeMap<String, [String; 3]> {
    let page = read("../docs/operation.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let cells = rows.map(|row| row.trim_end_matches('|').split('|').map(str::trim));
    let metrics = cells.filter_map(|mut cells| {
        let name = cells.next()?.trim_end_matches('`').to_owned();
        let rest = [(); 3].map(|()| cells.next().unwrap_or_default().to_owned());
        (name.starts_with("ferrowire_") || name.starts_with("process_")).then_some((name, rest))
    });
    metrics.collect()
}

#[tokio::test]
async fn the_table_of_metrics_is_what_the_program_shows() {
    let (shown, mut documented) = (shown().await, documented());
    for (name, family) in &shown.0 {
        let Some([kind, of, help]) = documented.remove(name) else {
            panic!("`{name}` is missing in docs/operation.md: {} {}", family.kind, family.help);
        };
        assert_eq!((&kind, &help), (&family.kind, &family.help), "{name}");
        let of: BTreeSet<String> = of
            .split(", ")
            .filter(|label| !label.is_empty())
            .map(|label| label.trim_matches('`').to_owned())
            .collect();
        assert_eq!(labels(family).unwrap_or(of.clone()), of, "the labels of `{name}`");
    }
    assert!(documented.is_empty(), "not shown by the program: {documented:?}");
}

#[tokio::test]
async fn the_dashboard_asks_for_metrics_that_there_are() {
    let shown = shown().await;
    let suffixed = |(name, family): (&String, &Family)| match family.kind.as_str() {
        "counter" => format!("{name}_total"),
        "info" => format!("{name}_info"),
        "histogram" => format!("{name}_bucket"),
        _ => name.clone(),
    };
    let known: BTreeSet<String> = shown.0.iter().map(suffixed).collect();
    let dashboard: Value = serde_json::from_str(&read("packaging/grafana-dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let queries: Vec<&str> = panels
        .iter()
        .flat_map(|panel| panel["targets"].as_array().unwrap())
        .map(|target| target["expr"].as_str().unwrap())
        .collect();
    assert!(queries.len() >= panels.len());
    for query in queries {
        let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let mut metrics = words
            .filter(|word| word.starts_with("ferrowire_") || word.starts_with("process_"))
            .peekable();
        assert!(metrics.peek().is_some(), "{query}");
        metrics.for_each(|metric| assert!(known.contains(metric), "`{metric}` in {query}"));
    }
}
