//! What a `trigger` sends, and when.

use std::time::Duration;

use ferrowire::Message;
use ferrowire_plugin_trigger as _;
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};
use serde_json::Value as Json;

async fn start(config: Json) -> Harness {
    Harness::of("trigger").config(config).env("WHO", "Joe").start().await
}

async fn send(node: &mut Harness, msg: Json) {
    node.send(message(msg)).await;
}

async fn wait(node: &mut Harness, ms: u64) {
    node.wait(Duration::from_millis(ms)).await;
}

fn payloads(messages: &[Message]) -> Vec<String> {
    messages
        .iter()
        .map(|msg| msg.payload().map_or_else(|| "undefined".into(), |p| p.to_json()))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn it_keeps_to_the_contract() {
    let config = json!({"op1": "1", "op2": "{{payload}}", "op1type": "val", "op2type": "str", "duration": "-1", "extend": "false",
        "overrideDelay": true, "units": "s", "reset": "no", "bytopic": "topic", "topic": "topic", "outputs": 1});
    assert_compliant(linked("trigger"), config).await;
}

#[tokio::test(start_paused = true)]
async fn one_message_now_and_another_later() {
    let mut node = start(json!({"duration": "20"})).await;
    send(&mut node, json!({"payload": "x", "topic": "t"})).await;
    send(&mut node, json!({"payload": "ignored"})).await;
    assert_eq!(payloads(&node.outputs(0)), ["\"1\""]);
    wait(&mut node, 25).await;
    let second = node.outputs(0);
    assert_eq!(payloads(&second), ["\"0\""]);
    assert_eq!(second[0].get("topic"), Some(&"t".into()));
    send(&mut node, json!({})).await;
    assert_eq!(payloads(&node.outputs(0)), ["\"1\""]);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn every_type_can_be_sent() {
    for (kind, op, expected) in [
        ("val", "true", "true"),
        ("val", "null", "null"),
        ("val", "text", "\"text\""),
        ("num", "10", "10"),
        ("bool", "false", "false"),
        ("json", "[1]", "[1]"),
        ("str", "", "\"D\""),
        ("msg", "topic", "\"t\""),
        ("env", "WHO", "\"Joe\""),
        ("pay", "", "\"p\""),
        ("str", "{{topic}}!", "\"t!\""),
        ("bin", "[65]", "{\"type\":\"Buffer\",\"data\":[65]}"),
    ] {
        let mut node = start(json!({"op1": op, "op1type": kind, "op2": op, "op2type": kind, "duration": "10", "outputs": 2})).await;
        send(&mut node, json!({"payload": "p", "topic": "t"})).await;
        wait(&mut node, 15).await;
        let of = |default: &str| expected.replace('D', default);
        assert_eq!(payloads(&node.outputs(0)), [of("1")], "{kind}");
        assert_eq!(payloads(&node.outputs(1)), [of("0")], "{kind}");
        node.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_can_be_sent() {
    let mut node = start(json!({"op1type": "nul", "op2": "x", "duration": 10})).await;
    send(&mut node, json!({})).await;
    assert!(node.outputs(0).is_empty());
    wait(&mut node, 15).await;
    assert_eq!(payloads(&node.outputs(0)), ["\"x\""]);
    node.stop().await;
    let mut node = start(json!({"op1": "x", "op2type": "nul", "duration": 10})).await;
    send(&mut node, json!({})).await;
    wait(&mut node, 15).await;
    assert_eq!(payloads(&node.outputs(0)), ["\"x\""]);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_latest_message_may_follow() {
    for extend in ["false", "true"] {
        let mut node =
            start(json!({"op1type": "nul", "op2type": "payl", "duration": 10, "extend": extend}))
                .await;
        for payload in [1, 2, 3] {
            send(&mut node, json!({"payload": payload})).await;
        }
        wait(&mut node, 15).await;
        assert_eq!(payloads(&node.outputs(0)), ["3"], "{extend}");
        node.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn further_messages_may_extend_the_time() {
    let mut node = start(json!({"duration": 20, "extend": "true", "op2": "bar"})).await;
    for _ in 0..3 {
        send(&mut node, json!({})).await;
        wait(&mut node, 15).await;
    }
    assert_eq!(payloads(&node.outputs(0)), ["\"1\""]);
    wait(&mut node, 9).await;
    assert_eq!(payloads(&node.outputs(0)), ["\"bar\""]);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_message_may_say_how_long() {
    let mut node = start(json!({"duration": 20, "overrideDelay": true, "units": "s"})).await;
    send(&mut node, json!({"delay": "50"})).await;
    wait(&mut node, 49).await;
    assert_eq!(node.outputs(0).len(), 1);
    wait(&mut node, 5).await;
    assert_eq!(node.outputs(0).len(), 1);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn without_a_time_nothing_follows_until_a_reset() {
    let mut node = start(json!({"duration": 0, "extend": "true", "reset": "boo"})).await;
    for reset in [json!({"reset": true}), json!({"payload": "boo"})] {
        send(&mut node, json!({})).await;
        send(&mut node, json!({})).await;
        wait(&mut node, 10_000).await;
        assert_eq!(node.outputs(0).len(), 1);
        send(&mut node, reset).await;
    }
    send(&mut node, json!({})).await;
    assert_eq!(node.outputs(0).len(), 1);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_message_may_repeat() {
    let mut node = start(json!({"duration": -25, "op1": "x"})).await;
    send(&mut node, json!({})).await;
    wait(&mut node, 60).await;
    assert_eq!(node.outputs(0).len(), 3);
    send(&mut node, json!({"payload": "again"})).await;
    wait(&mut node, 24).await;
    assert_eq!(node.outputs(0).len(), 1, "a further message begins anew");
    send(&mut node, json!({"reset": 1})).await;
    wait(&mut node, 1000).await;
    assert!(node.outputs(0).is_empty());
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn topics_are_handled_apart() {
    let mut node =
        start(json!({"duration": 10, "bytopic": "topic", "op1type": "pay", "op2type": "pay"}))
            .await;
    for topic in ["A", "B", "A"] {
        send(&mut node, json!({"payload": topic, "topic": topic})).await;
    }
    send(&mut node, json!({"topic": "B", "reset": true})).await;
    wait(&mut node, 15).await;
    assert_eq!(payloads(&node.outputs(0)), ["\"A\"", "\"B\"", "\"A\""]);
    let texts: Vec<_> =
        node.statuses().into_iter().map(|s| format!("{}{}", s.fill, s.text)).collect();
    assert_eq!(texts, ["blue", "blue2", "blue", ""]);
    node.stop().await;
}

#[tokio::test]
async fn problems_are_named() {
    for (config, property) in [
        (json!({"op1": "{{a", "op1type": "str"}), "op1"),
        (json!({"op2": "x", "op2type": "num"}), "op2"),
        (json!({"op2": "a..b", "op2type": "flow"}), "op2"),
        (json!({"duration": "soon"}), "duration"),
        (json!({"units": "weeks"}), "units"),
    ] {
        let problems = Harness::of("trigger").config(config).problems();
        assert_eq!(problems.iter().map(|p| p.property.as_str()).collect::<Vec<_>>(), [property]);
    }
}
