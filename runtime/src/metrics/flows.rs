//! The metrics of the flows: messages by node type, flow and node, queues, nodes.

use std::collections::BTreeMap;
use std::time::Duration;

use ferrowire_core::metric::{TrafficCounts, WORK_BOUNDS};
use ferrowire_core::{Map, Value as JsonValue};
use ferrowire_engine::{Engine, MAX_FLOWS, TrafficReadings, tab_of};

use super::family::{Family, Kind, Value};

/// What all nodes beyond the setting `metrics-nodes` are counted as.
const OTHER_NODES: &str = "other";

/// Reads them from the engine.
pub(super) fn families(engine: &Engine) -> Vec<Family> {
    let traffic = engine.traffic().unwrap_or_default();
    let mut families = vec![
        Family::new(Kind::Gauge, "ferrowire_flows_running", "1 while the flows run")
            .with(&[], engine.is_running()),
        Family::new(Kind::Gauge, "ferrowire_flow_problems", "problems in the deployed flows")
            .with(&[], engine.problems().len()),
        nodes(engine),
        queues(engine),
        flow_names(engine, &traffic),
        node_names(engine, &traffic),
    ];
    families.push(work("ferrowire", "nodes", "type", &traffic.types));
    families.extend(counts("ferrowire", "nodes, by type", "type", traffic.types));
    families.extend(counts("ferrowire_flow", "nodes, by flow", "flow", traffic.flows));
    let mut by_node = traffic.nodes;
    if !by_node.is_empty() {
        by_node.insert(OTHER_NODES.to_owned(), traffic.other_nodes);
    }
    families.push(work("ferrowire_node", "single nodes", "node", &by_node));
    families.push(contexts(engine));
    families.push(refused(engine));
    families.extend(counts("ferrowire_node", "single nodes", "node", by_node));
    families
}

/// Counters of messages and errors, for each value of `label`.
fn counts(
    prefix: &str,
    of: &str,
    label: &'static str,
    counts: BTreeMap<String, TrafficCounts>,
) -> [Family; 3] {
    let family = |name: &str, what: &str, count: fn(&TrafficCounts) -> u64| {
        let help = format!("{what} {of}");
        let mut family = Family::new(Kind::Counter, format!("{prefix}_{name}"), help);
        for (value, counts) in &counts {
            family.push(&[(label, value)], count(counts));
        }
        family
    };
    [
        family("messages_received", "messages received by", |counts| counts.received),
        family("messages_sent", "messages sent by", |counts| counts.sent),
        family("errors", "errors, caught ones included, of", |counts| counts.errors),
    ]
}

/// The time that the code of nodes took, for each value of `label`.
fn work(
    prefix: &str,
    of: &str,
    label: &'static str,
    counts: &BTreeMap<String, TrafficCounts>,
) -> Family {
    let help = format!(
        "how long {of} worked at a message, without those that they called, of one message in 64"
    );
    let name = format!("{prefix}_work_seconds");
    let mut family = Family::new(Kind::Histogram, name, help).unit("seconds");
    for (value, counts) in counts.iter().filter(|(_, counts)| counts.work.iter().any(|it| *it > 0))
    {
        let sum = Duration::from_nanos(counts.work_nanoseconds).as_secs_f64();
        let counts = counts.work.to_vec();
        let work = Value::Distribution { bounds: &WORK_BOUNDS, counts, sum };
        family.push(&[(label, value)], work);
    }
    family
}

/// How nodes use the context stores.
fn contexts(engine: &Engine) -> Family {
    let help = "reads and writes of context values by nodes";
    let mut family = Family::new(Kind::Counter, "ferrowire_context_operations", help);
    for (store, usage) in engine.contexts().usage() {
        family.push(&[("store", store), ("operation", "read")], usage.reads);
        family.push(&[("store", store), ("operation", "write")], usage.writes);
    }
    family
}

fn refused(engine: &Engine) -> Family {
    let help = "writes of context values that failed";
    let mut family = Family::new(Kind::Counter, "ferrowire_context_writes_refused", help);
    for (store, usage) in engine.contexts().usage() {
        family.push(&[("store", store)], usage.refused);
    }
    family
}

fn nodes(engine: &Engine) -> Family {
    let mut by_type: BTreeMap<String, usize> = BTreeMap::new();
    for node in engine.nodes() {
        let node_type = node.node_type.split(':').next().unwrap_or_default();
        *by_type.entry(node_type.to_owned()).or_default() += 1;
    }
    let mut family = Family::new(Kind::Gauge, "ferrowire_nodes", "running nodes, by type");
    by_type.iter().for_each(|(node_type, count)| family.push(&[("type", node_type)], *count));
    family
}

fn queues(engine: &Engine) -> Family {
    let help = "messages that wait in queues between nodes, by the type of the receiver";
    let mut family = Family::new(Kind::Gauge, "ferrowire_messages_queued", help);
    let waiting = engine.waiting();
    waiting.iter().for_each(|(node_type, count)| family.push(&[("type", node_type)], *count));
    family
}

fn text<'a>(node: &'a Map, key: &str) -> &'a str {
    node.get(key).and_then(JsonValue::as_str).unwrap_or_default()
}

/// The names of flows, for queries that join them by the label `flow`.
fn flow_names(engine: &Engine, traffic: &TrafficReadings) -> Family {
    let mut family = Family::new(Kind::Info, "ferrowire_flow", "the names of flows");
    let file = engine.flows();
    let tabs = file.nodes().iter().filter(|node| text(node, "type") == "tab");
    let known = tabs.filter(|tab| traffic.flows.contains_key(text(tab, "id")));
    for tab in known.take(MAX_FLOWS) {
        family.push(&[("flow", text(tab, "id")), ("name", text(tab, "label"))], true);
    }
    family
}

/// What the nodes with counts of their own are.
fn node_names(engine: &Engine, traffic: &TrafficReadings) -> Family {
    let mut family = Family::new(Kind::Info, "ferrowire_node", "what single nodes are");
    let mut nodes = engine.nodes();
    nodes.retain(|node| traffic.nodes.contains_key(&node.id));
    nodes.sort_by(|one, other| one.id.cmp(&other.id));
    for node in nodes {
        let labels = [
            ("node", node.id.as_str()),
            ("type", &node.node_type),
            ("name", &node.name),
            ("flow", tab_of(&node)),
        ];
        family.push(&labels, true);
    }
    family
}
