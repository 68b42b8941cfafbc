//! The status of `debug`.

use std::time::Duration;

use ferrowire::{Message, Status};
use ferrowire_plugin_debug as _;
use ferrowire_testkit::{Harness, json, message};

fn status(fill: &'static str, shape: &'static str, text: &str) -> Status {
    Status::new(fill, shape, text)
}

async fn start(config: serde_json::Value) -> Harness {
    let mut config = config;
    config["tostatus"] = json!(true);
    let mut node = Harness::of("debug").config(config).start().await;
    assert_eq!(node.statuses().len(), 1, "the status at the start");
    node
}

/// The statuses of a node for a message.
async fn shown(config: serde_json::Value, msg: serde_json::Value) -> Vec<Status> {
    let mut node = start(config).await;
    node.send(message(msg)).await;
    let statuses = node.statuses();
    assert_eq!(node.stop().await.statuses, [Status::default()], "cleared at the end");
    statuses
}

#[tokio::test(start_paused = true)]
async fn no_status_is_shown_unless_wanted() {
    let mut node = Harness::of("debug").start().await;
    node.send(message(json!({"payload": 1}))).await;
    assert!(node.stop().await.statuses.is_empty());
}

#[tokio::test(start_paused = true)]
async fn automatically_it_is_what_the_sidebar_shows() {
    let msg = json!({"payload": "text", "n": 5, "o": {"a": {"b": {"c": {}, "d": [1]}}}});
    for (complete, text) in [
        ("payload", "text"),
        ("true", "text"),
        ("n", "5"),
        ("none", "undefined"),
        ("o.a.b.d", "[ 1 ]"),
        ("o", "{ a: { b: { c: {}, d: [Array] } ..."),
    ] {
        let statuses = shown(json!({"complete": complete}), msg.clone()).await;
        assert_eq!(statuses, [status("grey", "dot", text)], "{complete}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_is_cut_to_32_units() {
    for (text, expected) in [
        ("x".repeat(32), "x".repeat(32)),
        ("x".repeat(33), "x".repeat(32) + "..."),
        // 31 units and half of a surrogate pair: the pair is not split.
        ("x".repeat(31) + "𝄞", "x".repeat(31) + "..."),
    ] {
        let statuses = shown(json!({}), json!({"payload": text})).await;
        assert_eq!(statuses, [status("grey", "dot", &expected)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_payload_that_is_a_status_is_shown_as_one() {
    let payload = json!({"fill": "green", "shape": "ring", "text": "fine"});
    let statuses = shown(json!({}), json!({"payload": payload})).await;
    assert_eq!(statuses, [status("green", "ring", "fine")]);
    let statuses = shown(json!({}), json!({"payload": {"fill": "green", "text": "x"}})).await;
    assert_eq!(statuses, [status("grey", "dot", "{ fill: 'green', text: 'x' }")]);
}

#[tokio::test(start_paused = true)]
async fn errors_and_statuses_of_other_nodes_go_before_the_value() {
    let error = json!({"payload": 1, "error": {"message": "it broke"}});
    assert_eq!(shown(json!({}), error).await, [status("red", "dot", "it broke")]);
    let other = json!({"payload": 1, "status": {"fill": "blue", "shape": "dot", "text": "busy"}});
    assert_eq!(shown(json!({}), other.clone()).await, [status("blue", "dot", "busy")]);
    let empty = json!({"payload": 1, "status": {}, "error": {"message": "x"}});
    assert_eq!(shown(json!({}), empty).await, [status("grey", "ring", "")]);
    let chosen = json!({"statusType": "msg", "statusVal": "payload"});
    assert_eq!(shown(chosen, other).await, [status("grey", "dot", "1")]);
}

#[tokio::test(start_paused = true)]
async fn a_chosen_property_is_shown_or_that_of_the_sidebar() {
    let msg = json!({"payload": 1, "topic": "t"});
    let chosen = json!({"statusType": "msg", "statusVal": "topic"});
    assert_eq!(shown(chosen, msg.clone()).await, [status("grey", "dot", "t")]);
    let empty = json!({"statusType": "msg", "statusVal": "", "complete": "topic"});
    assert_eq!(shown(empty, msg).await, [status("grey", "dot", "t")]);
}

#[tokio::test(start_paused = true)]
async fn the_same_status_is_not_sent_again() {
    let mut node = start(json!({})).await;
    for payload in [1, 1, 2, 1] {
        node.send(Message::with_payload(payload)).await;
    }
    let texts: Vec<_> = node.statuses().into_iter().map(|status| status.text).collect();
    assert_eq!(texts, ["1", "2", "1"]);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_inactive_node_still_shows_its_status() {
    let statuses = shown(json!({"active": false}), json!({"payload": "x"})).await;
    assert_eq!(statuses, [status("grey", "dot", "x")]);
}

#[tokio::test(start_paused = true)]
async fn a_counter_begins_at_zero_and_counts_slow_messages_at_once() {
    let config = json!({"tostatus": true, "statusType": "counter"});
    let mut node = Harness::of("debug").config(config).start().await;
    assert_eq!(node.statuses(), [status("blue", "ring", "0")]);
    for count in ["1", "2", "3"] {
        node.send(Message::with_payload(0)).await;
        assert_eq!(node.statuses(), [status("blue", "ring", count)]);
        node.wait(Duration::from_millis(101)).await;
    }
    assert_eq!(node.stop().await.statuses, [Status::default()]);
}

#[tokio::test(start_paused = true)]
async fn a_counter_shows_fast_messages_together() {
    let mut node = start(json!({"statusType": "counter"})).await;
    for _ in 0..1000 {
        node.send(Message::with_payload(0)).await;
    }
    assert_eq!(node.statuses(), [status("blue", "ring", "1")]);
    node.wait(Duration::from_millis(201)).await;
    assert_eq!(node.statuses(), [status("blue", "ring", "1000")]);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_counter_goes_on_during_a_long_stream() {
    let mut node = start(json!({"statusType": "counter"})).await;
    for _ in 0..100 {
        node.send(Message::with_payload(0)).await;
        node.wait(Duration::from_millis(10)).await;
    }
    let shown = node.statuses().len();
    assert!((4..=7).contains(&shown), "{shown} statuses within a second");
    node.stop().await;
}
