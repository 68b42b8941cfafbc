//! Environment variables in the properties of nodes.

use crate::support::Bench;
use serde_json::{Value as Json, json};

/// A tab and two nested groups with variables; a `probe` in the inner group and one outside, both
/// with this `mark`.
async fn bench(mark: &str) -> Bench {
    crate::support::start(json!([
        {"id": "global", "type": "global-config", "z": "", "env": [
            {"name": "EVERYWHERE", "type": "str", "value": "all"},
            {"name": "HOME", "type": "str", "value": "global home"},
        ]},
        {"id": "t", "type": "tab", "label": "Tab", "env": [
            {"name": "WHO", "type": "str", "value": "tab"},
            {"name": "NUMBER", "type": "num", "value": "0x10"},
            {"name": "YES", "type": "bool", "value": "true"},
            {"name": "JSON", "type": "json", "value": "{\"a\":[1]}"},
            {"name": "ALIAS", "type": "env", "value": "NUMBER"},
            {"name": "TEXT", "type": "env", "value": "<${WHO}|${GONE}|${HOME}>"},
            {"name": "PATH_OF", "type": "env", "value": "PATH_OF"},
            {"name": "BROKEN", "type": "jsonata", "value": "1 +"},
            {"name": "SUM", "type": "jsonata", "value": "$env('NUMBER') + 1 & $env('EVERYWHERE') & $env('WHO')"},
            {"name": "ODD", "type": "string", "value": "as it is"},
        ]},
        {"id": "outer", "type": "group", "name": "Outer", "env": [
            {"name": "WHO", "type": "str", "value": "outer"},
        ]},
        {"id": "inner", "type": "group", "name": "Inner", "g": "outer", "env": [
            {"name": "MINE", "type": "env", "value": "$parent.WHO"},
        ]},
        {"id": "p", "type": "probe", "name": "Probe", "g": "inner", "mark": mark},
        {"id": "free", "type": "probe", "mark": mark},
    ]))
    .await
}

async fn mark_at(id: &str, mark: &str) -> String {
    let bench = bench(mark).await;
    bench.send(id, "").await;
    let line = bench.journal.lines().pop().unwrap();
    bench.stop().await;
    let line = line.strip_prefix("message ").unwrap();
    line.strip_suffix(&format!(" at {id}")).unwrap().to_owned()
}

#[tokio::test]
async fn variables_are_found_from_the_inside_out() {
    for (mark, expected) in [
        ("${WHO}", "outer"),
        ("$(WHO)", "outer"),
        ("${$parent.$parent.WHO}", "tab"),
        ("${MINE}", "outer"),
        ("${EVERYWHERE}", "all"),
        ("${HOME}", "global home"),
        ("${PATH_OF}", "chat"),
        ("${NUMBER}", "16"),
        ("${ALIAS}", "16"),
        ("${YES}", "true"),
        ("${SUM}", "17alltab"),
        ("${ODD}", "as it is"),
        ("${TEXT}", "<tab||global home>"),
        ("${NR_NODE_ID}", "p"),
        ("${NR_NODE_NAME}", "Probe"),
        ("${NR_GROUP_ID}", "inner"),
        ("${NR_GROUP_NAME}", "Inner"),
        ("${NR_FLOW_ID}", "t"),
        ("${NR_FLOW_NAME}", "Tab"),
    ] {
        assert_eq!(mark_at("p", mark).await, expected, "{mark}");
    }
    assert_eq!(mark_at("free", "${WHO}").await, "tab");
}

#[tokio::test]
async fn only_a_whole_reference_to_a_known_variable_is_replaced() {
    for mark in ["${GONE}", "a${WHO}", "${WHO}b", "${}", "${W HO}", "$WHO", "${BROKEN}"] {
        assert_eq!(mark_at("p", mark).await, mark);
    }
}

#[tokio::test]
async fn a_running_node_reads_the_same_variables() {
    let bench = crate::support::start(json!([
        {"id": "t", "type": "tab", "env": [{"name": "JSON", "type": "json", "value": "{\"a\":[1]}"}]},
        {"id": "s", "type": "shows"},
    ]))
    .await;
    let mut events = bench.engine.events();
    for (question, answer) in [("JSON", json!({"a": [1]})), ("GONE", Json::Null)] {
        bench.send("s", &format!("env {question}")).await;
        let event = events.recv().await.unwrap();
        let ferrowire_engine::Event::Published { data, .. } = event else { panic!("{event:?}") };
        assert_eq!(data.to_json(), answer.to_string());
    }
}
