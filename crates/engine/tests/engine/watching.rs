//! Catch, status and complete nodes get the errors, statuses and completed messages of others.

use ferrowire_core::Message;
use ferrowire_engine::{DeployType, Event};
use serde_json::{Value as Json, json};

use crate::support::{Bench, file, start};

/// The message that the sink `id` notes after the first `known` lines.
async fn noted(bench: &Bench, known: usize, id: &str) -> Json {
    let line = bench.journal.line(known).await;
    let (at, json) = line.split_once(' ').unwrap();
    assert_eq!(at, id, "{line}");
    serde_json::from_str(json).unwrap()
}

/// The ids of the sinks that get something when a message is sent to `id`.
async fn told(bench: &Bench, id: &str) -> Vec<String> {
    bench.send(id, "x").await;
    // The runtime has one thread: after so many turns, every task that can run has run.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let id_of = |line: &String| line.split(' ').next().unwrap().to_owned();
    let mut ids: Vec<String> = bench.journal.take().iter().map(id_of).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn an_error_reaches_catch_with_its_message_and_source_however_the_node_fails() {
    for when in ["now", "later", "async", "panic", "kept", "alone"] {
        let kind = if when == "alone" { "fails alone" } else { "fails" };
        let bench = start(json!([
            {"id": "f", "type": kind, "when": when, "name": "F"},
            {"id": "c", "type": "catch", "wires": [["s"]]},
            {"id": "s", "type": "sink"},
        ]))
        .await;
        let mut events = bench.engine.events();
        let mut msg = Message::with_payload("x");
        msg.set("error", "old");
        bench.engine.deliver("f", msg).unwrap().await;
        let message = if when == "panic" { "the node panicked: no" } else { "no" };
        let source = json!({"id": "f", "type": kind, "name": "F", "count": 1});
        let mut error = json!({"message": message, "source": source});
        if when == "now" {
            error["code"] = "E_NO".into();
        }
        let expected = json!({"payload": "x", "error": error, "_error": "old"});
        assert_eq!(noted(&bench, 0, "s").await, expected, "{when}");
        assert!(events.try_recv().is_err(), "a caught error is shown nowhere else");
        bench.stop().await;
    }
}

#[tokio::test]
async fn a_failing_task_reaches_catch_without_a_message() {
    let bench = start(json!([
        {"id": "f", "type": "fails", "when": "task"},
        {"id": "c", "type": "catch", "wires": [["s"]]},
        {"id": "s", "type": "sink"},
    ]))
    .await;
    bench.send("f", "x").await;
    let source = json!({"id": "f", "type": "fails", "name": "", "count": 1});
    let expected = json!({"error": {"message": "no", "source": source}});
    assert_eq!(noted(&bench, 0, "s").await, expected);
    bench.stop().await;
}

/// Catch nodes with different scopes in and around two nested groups.
fn grouped() -> Json {
    json!([
        {"id": "outer", "type": "group", "z": "t"},
        {"id": "inner", "type": "group", "z": "t", "g": "outer"},
        {"id": "fi", "type": "fails", "g": "inner"},
        {"id": "fo", "type": "fails", "g": "outer"},
        {"id": "ft", "type": "fails"},
        {"id": "c1", "type": "catch", "g": "inner", "scope": "group", "wires": [["s1"]]},
        {"id": "c2", "type": "catch", "g": "outer", "scope": "group", "wires": [["s2"]]},
        {"id": "c3", "type": "catch", "scope": ["ft"], "wires": [["s3"]]},
        {"id": "c4", "type": "catch", "uncaught": true, "wires": [["s4"]]},
        {"id": "s1", "type": "sink"}, {"id": "s2", "type": "sink"},
        {"id": "s3", "type": "sink"}, {"id": "s4", "type": "sink"},
    ])
}

#[tokio::test]
async fn a_scope_is_a_group_a_list_of_ids_or_what_no_other_node_caught() {
    let bench = start(grouped()).await;
    assert_eq!(told(&bench, "fi").await, ["s1", "s2"]);
    assert_eq!(told(&bench, "fo").await, ["s2"]);
    assert_eq!(told(&bench, "ft").await, ["s3"]);
    let mut nodes = grouped();
    nodes.as_array_mut().unwrap().retain(|node| node["id"] != "c2" && node["id"] != "c3");
    bench.engine.deploy(file(nodes), DeployType::Nodes).await.unwrap();
    assert_eq!(told(&bench, "fo").await, ["s4"]);
    assert_eq!(told(&bench, "ft").await, ["s4"]);
    bench.stop().await;
}

#[tokio::test]
async fn an_error_that_returns_to_its_node_ten_times_is_no_longer_caught() {
    let bench = start(json!([
        {"id": "f", "type": "fails"},
        {"id": "c", "type": "catch", "wires": [["f", "s"]]},
        {"id": "s", "type": "sink"},
    ]))
    .await;
    let mut events = bench.engine.events();
    bench.send("f", "x").await;
    loop {
        if let Event::Failed { node, text, .. } = events.recv().await.unwrap() {
            assert_eq!((node.id.as_str(), &*text), ("f", "no"));
            break;
        }
    }
    let lines = bench.journal.lines();
    assert_eq!(lines.len(), 9);
    assert!(lines[8].contains(r#""count":9"#), "{}", lines[8]);
    bench.stop().await;
}

#[tokio::test]
async fn two_nodes_that_fail_over_each_others_errors_do_not_overflow_the_stack() {
    let bench = start(json!([
        {"id": "a", "type": "fails"},
        {"id": "b", "type": "fails"},
        {"id": "ca", "type": "catch", "scope": ["a"], "wires": [["b"]]},
        {"id": "cb", "type": "catch", "scope": ["b"], "wires": [["a", "p"]]},
        {"id": "p", "type": "probe"},
    ]))
    .await;
    bench.send("a", "x").await;
    bench.journal.until_count("message x at p", 3000).await;
    bench.stop().await;
}

#[tokio::test]
async fn complete_tells_of_listed_nodes_that_it_is_not_wired_to() {
    let bench = start(json!([
        {"id": "p", "type": "probe", "mark": "!", "name": "P", "wires": [["r"]]},
        {"id": "r", "type": "relay"},
        {"id": "f", "type": "fails"},
        {"id": "alone", "type": "slow"},
        {"id": "c", "type": "complete", "scope": ["p", "r", "f", "s", "alone"], "wires": [["s"]]},
        {"id": "all", "type": "complete", "scope": null, "wires": [["s"]]},
        {"id": "s", "type": "sink"},
    ]))
    .await;
    bench.journal.permits.add_permits(1);
    for id in ["p", "f", "alone"] {
        bench.send(id, "x").await;
    }
    bench.journal.until("finished x at alone").await;
    bench.journal.line(4).await;
    let mut lines = bench.journal.take();
    lines.retain(|line| line.starts_with("s "));
    lines.sort();
    let complete = |id: &str, kind: &str, payload: &str, name: &str| {
        format!(
            r#"s {{"payload":"{payload}","complete":{{"source":{{"id":"{id}","type":"{kind}","name":"{name}"}}}}}}"#
        )
    };
    let expected = [
        complete("alone", "slow", "x", ""),
        complete("p", "probe", "x", "P"),
        complete("r", "relay", "x!", ""),
    ];
    let mut expected = expected.to_vec();
    expected.sort();
    assert_eq!(lines, expected);
    bench.stop().await;
}

#[tokio::test]
async fn statuses_reach_status_nodes_with_their_source() {
    let bench = start(json!([
        {"id": "a", "type": "shows", "name": "A"},
        {"id": "b", "type": "shows"},
        {"id": "st", "type": "status", "scope": ["a"], "wires": [["s"]]},
        {"id": "s", "type": "sink"},
    ]))
    .await;
    bench.send("b", "unseen").await;
    bench.send("a", "seen").await;
    let source = json!({"id": "a", "type": "shows", "name": "A"});
    let status = json!({"fill": "green", "shape": "dot", "text": "seen", "source": source});
    assert_eq!(noted(&bench, 0, "s").await, json!({"status": status}));
    assert_eq!(bench.engine.statuses().len(), 2);
    bench.stop().await;
}

#[tokio::test]
async fn errors_of_a_global_configuration_node_are_caught_on_the_flows_that_use_it() {
    let bench = start(json!([
        {"id": "t2", "type": "tab"}, {"id": "t3", "type": "tab"},
        {"id": "g", "type": "failing config", "z": ""},
        {"id": "u", "type": "user of broken", "broken": "g"},
        {"id": "u2", "type": "user of broken", "broken": "g", "z": "t2"},
        {"id": "c", "type": "catch", "wires": [["s1"]]},
        {"id": "c2", "type": "catch", "z": "t2", "scope": ["u2"], "wires": [["s2"]]},
        {"id": "c3", "type": "catch", "z": "t3", "wires": [["s3"]]},
        {"id": "s1", "type": "sink"},
        {"id": "s2", "type": "sink", "z": "t2"},
        {"id": "s3", "type": "sink", "z": "t3"},
    ]))
    .await;
    bench.journal.take();
    assert_eq!(told(&bench, "g").await, ["s1", "s2"]);
    bench.stop().await;
}

#[tokio::test]
async fn without_a_catch_node_the_error_is_an_event() {
    let catching = json!([
        {"id": "f", "type": "fails"},
        {"id": "c", "type": "catch", "wires": [["s"]]},
        {"id": "s", "type": "sink"},
    ]);
    let bench = start(catching.clone()).await;
    let mut events = bench.engine.events();
    let without = json!([{"id": "f", "type": "fails"}, {"id": "s", "type": "sink"}]);
    bench.engine.deploy(file(without), DeployType::Nodes).await.unwrap();
    bench.send("f", "x").await;
    while !matches!(events.recv().await.unwrap(), Event::Failed { .. }) {}
    bench.engine.deploy(file(catching), DeployType::Nodes).await.unwrap();
    bench.send("f", "x").await;
    bench.journal.line(0).await;
    while let Ok(event) = events.try_recv() {
        assert!(!matches!(event, Event::Failed { .. }));
    }
    bench.stop().await;
}
