//! The values that a filter passes.

use ferrowire::{Date, Level, Message, Value};
use ferrowire_plugin_rbe as _;
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};
use serde_json::Value as Json;

async fn passed(config: Json, messages: Vec<Json>) -> Vec<String> {
    let mut node = Harness::of("rbe").config(config).start().await;
    for msg in messages {
        node.send(message(msg)).await;
    }
    let stopped = node.stop().await;
    assert!(stopped.errors.is_empty() && stopped.logs.is_empty(), "{stopped:?}");
    stopped.outputs[0]
        .iter()
        .map(|msg| msg.payload().map_or_else(String::new, |p| p.to_json()))
        .collect()
}

async fn assert_passes(config: Json, payloads: &[Json], expected: &[&str]) {
    let messages = payloads.iter().map(|payload| json!({"payload": payload})).collect();
    assert_eq!(passed(config.clone(), messages).await, expected, "{config} {payloads:?}");
}

fn numbers(list: &[f64]) -> Vec<Json> {
    list.iter().map(|number| json!(number)).collect()
}

#[tokio::test(start_paused = true)]
async fn it_keeps_to_the_contract() {
    let config = json!({"func": "deadband", "gap": "10%", "start": "", "inout": "out", "septopics": true,
        "property": "payload", "topi": "topic"});
    assert_compliant(linked("rbe"), config).await;
}

#[tokio::test(start_paused = true)]
async fn a_date_passes_when_it_is_another_time_or_after_a_reset() {
    let mut node = Harness::of("rbe").config(json!({"func": "rbe"})).start().await;
    for (millis, resets) in [(1.0, false), (1.0, false), (2.0, false), (2.0, true)] {
        let mut msg = Message::with_payload(Date::from_millis(millis));
        if resets {
            msg.set("reset", Value::Undefined);
        }
        node.send(msg).await;
    }
    node.send(Message::with_payload(Value::Undefined)).await;
    let passed: Vec<_> = node.stop().await.outputs[0]
        .iter()
        .map(|msg| msg.payload().and_then(Value::as_date).map(Date::millis))
        .collect();
    assert_eq!(passed, [Some(1.0), Some(2.0), Some(2.0)]);
}

#[tokio::test(start_paused = true)]
async fn a_value_passes_when_it_changed() {
    let payloads = [
        json!("a"),
        json!("a"),
        json!(2),
        json!(2),
        json!({"b": 1, "c": 2}),
        json!({"c": 2, "b": 1}),
        json!({"b": 1}),
        json!(true),
        json!([1]),
        json!([1]),
    ];
    let config = json!({"func": "rbe"});
    assert_passes(
        config,
        &payloads,
        &["\"a\"", "2", "{\"b\":1,\"c\":2}", "{\"b\":1}", "true", "[1]"],
    )
    .await;
    assert_passes(json!({"func": "rbei"}), &[json!(1), json!(1), json!(2)], &["2"]).await;
}

#[tokio::test(start_paused = true)]
async fn topics_are_told_apart_unless_told_not_to() {
    let messages = || ["a", "b", "a"].map(|topic| json!({"payload": 1, "topic": topic})).to_vec();
    assert_eq!(passed(json!({"func": "rbe"}), messages()).await.len(), 2);
    assert_eq!(passed(json!({"func": "rbe", "septopics": false}), messages()).await.len(), 1);
    let other = vec![json!({"payload": 1, "who": "a"}), json!({"payload": 1, "who": "b"})];
    assert_eq!(passed(json!({"func": "rbe", "topi": "who"}), other).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_reset_forgets_one_topic_or_all() {
    let messages = vec![
        json!({"payload": 1, "topic": "a"}),
        json!({"payload": 1, "topic": "b"}),
        json!({"topic": "a", "reset": ""}),
        json!({"payload": 1, "topic": "a"}),
        json!({"payload": 1, "topic": "b"}),
        json!({"reset": true}),
        json!({"payload": 1, "topic": "b"}),
    ];
    assert_eq!(passed(json!({}), messages).await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_deadband_passes_what_is_far_enough() {
    let config =
        |func: &str, gap: &str, inout: &str| json!({"func": func, "gap": gap, "inout": inout});
    let list = numbers(&[0.0, 2.0, 10.0, 15.0, 16.0, 20.0]);
    assert_passes(config("deadband", "5", "out"), &list, &["0", "10", "16"]).await;
    assert_passes(config("deadbandEq", "5", "out"), &list, &["0", "10", "15", "20"]).await;
    assert_passes(config("deadband", "5", "in"), &list, &["0", "10"]).await;
    assert_passes(
        config("deadband", "10%", "out"),
        &numbers(&[100.0, 109.0, 111.0, 135.0]),
        &["100", "111", "135"],
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_narrowband_passes_what_is_near_enough() {
    let config = json!({"func": "narrowband", "gap": "10", "inout": "out"});
    assert_passes(
        config,
        &[json!(100), json!("105x"), json!(116), json!(115)],
        &["100", "\"105x\"", "115"],
    )
    .await;
    let config = json!({"func": "narrowbandEq", "gap": "10", "start": "5"});
    assert_passes(config, &numbers(&[15.0, 14.0, 24.0]), &["14"]).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_no_number_is_warned_of() {
    let mut node = Harness::of("rbe").config(json!({"func": "deadband", "gap": "5"})).start().await;
    node.send(message(json!({"payload": "banana"}))).await;
    assert_eq!(node.stop().await.logs, [(Level::Warn, "no number found in payload".to_owned())]);
}

#[tokio::test]
async fn problems_are_named() {
    let problems = Harness::of("rbe").config(json!({"func": "x", "gap": "y"})).problems();
    assert_eq!(problems.iter().map(|p| p.property.as_str()).collect::<Vec<_>>(), ["func", "gap"]);
}
