//! What the engine counts: messages, errors, queues.

use std::sync::Arc;

use ferrowire_core::bus::{DROPPED_IN_LOOPS, WIRE_QUEUE};
use ferrowire_engine::{DeployType, Engine};
use serde_json::{Value as Json, json};

use crate::support::{Bench, Journal, file, registry, start};

/// An engine that counts, with up to `max_nodes` nodes by node.
#[expect(clippy::unwrap_used, reason = "the harness of a test fails it so")]
async fn start_counting(nodes: Json, max_nodes: usize) -> Bench {
    let journal = Journal::new();
    let builder = Engine::builder(registry()).count_traffic(max_nodes);
    let engine = builder.provide(Arc::clone(&journal)).build();
    let deployed = engine.start(file(nodes)).await.unwrap();
    Bench { engine, journal, deployed }
}

fn two_flows() -> Json {
    json!([
        {"id": "one", "type": "tab"},
        {"id": "two", "type": "tab"},
        {"id": "a", "type": "probe", "z": "one", "wires": [["b", "f"]]},
        {"id": "b", "type": "probe", "z": "one", "wires": [["c"]]},
        {"id": "c", "type": "probe", "z": "two"},
        {"id": "f", "type": "fails", "z": "two", "when": "now"},
        {"id": "g", "type": "fails alone", "z": "two"},
        {"id": "catch", "type": "catch", "z": "two", "scope": ["g"]},
    ])
}

#[tokio::test]
async fn messages_and_errors_are_counted_by_type_flow_and_node() {
    let bench = start_counting(two_flows(), 2).await;
    bench.send("a", "x").await;
    let counts = bench.engine.traffic().unwrap();
    assert_eq!((counts.types["probe"].received, counts.types["probe"].sent), (3, 3));
    assert_eq!((counts.types["fails"].received, counts.types["fails"].errors), (1, 1));
    assert_eq!((counts.flows["one"].received, counts.flows["two"].received), (2, 2));
    assert_eq!((counts.flows["one"].errors, counts.flows["two"].errors), (0, 1));
    let of_nodes: u64 = counts.nodes.values().map(|counts| counts.received).sum();
    assert_eq!((counts.nodes.len(), of_nodes + counts.other_nodes.received), (2, 4));
    bench.stop().await;
}

#[tokio::test]
async fn a_caught_error_counts_as_well() {
    let bench = start_counting(two_flows(), 0).await;
    bench.send("g", "x").await;
    bench.stop().await;
    let counts = bench.engine.traffic().unwrap();
    assert_eq!((counts.types["fails alone"].errors, counts.types["catch"].received), (1, 1));
}

#[tokio::test]
async fn counts_of_a_flow_go_with_it_and_stay_in_those_of_types() {
    let bench = start_counting(two_flows(), 0).await;
    bench.send("a", "x").await;
    let without_one: Vec<Json> = two_flows()
        .as_array()
        .unwrap()
        .iter()
        .filter(|node| node["id"] != "one" && node["z"] != "one")
        .cloned()
        .collect();
    bench.engine.deploy(file(without_one.into()), DeployType::Nodes).await.unwrap();
    let counts = bench.engine.traffic().unwrap();
    assert_eq!(counts.types["probe"].received, 3);
    assert_eq!((counts.flows.contains_key("one"), counts.flows["two"].received), (false, 2));
    bench.stop().await;
}

#[tokio::test]
async fn messages_that_wait_are_shown_by_the_type_of_their_receiver() {
    let bench = start_counting(json!([{"id": "s", "type": "slow"}]), 0).await;
    for text in ["one", "two", "three"] {
        bench.send("s", text).await;
    }
    // The node's task may have taken the first one already.
    assert!(matches!(bench.engine.waiting()["slow"], 2 | 3), "{:?}", bench.engine.waiting());
    bench.journal.permits.add_permits(3);
    bench.journal.until("finished three at s").await;
    assert!(bench.engine.waiting().is_empty());
    bench.stop().await;
}

#[tokio::test]
async fn what_a_full_loop_drops_is_counted() {
    let bench = start(json!([
        {"id": "a", "type": "relay", "wires": [["b"]]},
        {"id": "b", "type": "relay", "wires": [["a", "a2"]]},
        {"id": "a2", "type": "relay", "wires": [["b"]]},
    ]))
    .await;
    let before = DROPPED_IN_LOOPS.get();
    // Each round doubles the messages, so the queues of the loops are full after some rounds.
    bench.send("a", "x").await;
    let mut turns = 0;
    while DROPPED_IN_LOOPS.get() == before {
        tokio::task::yield_now().await;
        turns += 1;
        assert!(turns < 1000 * WIRE_QUEUE, "nothing was dropped");
    }
    bench.stop().await;
}

#[tokio::test]
async fn nothing_is_counted_unless_it_is_asked_for() {
    let bench = start(two_flows()).await;
    bench.send("a", "x").await;
    assert!(bench.engine.traffic().is_none());
    bench.stop().await;
}

#[tokio::test]
async fn flows_run_from_a_start_to_a_stop_unless_a_type_is_missing() {
    let bench = start(two_flows()).await;
    assert!(bench.engine.is_running());
    let missing = file(json!([{"id": "m", "type": "nobody knows it"}]));
    bench.engine.deploy(missing, DeployType::Full).await.unwrap();
    assert!(!bench.engine.is_running());
    bench.engine.deploy(file(two_flows()), DeployType::Full).await.unwrap();
    assert!(bench.engine.is_running());
    bench.stop().await;
    assert!(!bench.engine.is_running());
}
