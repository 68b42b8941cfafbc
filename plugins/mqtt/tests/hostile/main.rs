//! Brokers that close, lie, say nothing, or flood.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod fake;
mod faults;
mod gate;
mod slow;
#[path = "../mosquitto/support.rs"]
#[expect(dead_code, reason = "the other tests use the rest")]
mod support;
#[path = "../mosquitto/witnesses.rs"]
mod witnesses;

use ferrowire_testkit::{Harness, assert_compliant, json, linked};

#[tokio::test(start_paused = true)]
async fn the_broker_node_keeps_to_the_contract() {
    let config = json!({"id": "broker", "broker": "localhost", "port": "1883", "keepalive": "60",
        "clientid": "c", "cleansession": false, "protocolVersion": "5", "autoConnect": true,
        "willTopic": "w", "willMsg": {"expiry": "1", "userProps": "{}"}, "userProps": "{\"a\":1}"});
    assert_compliant(linked("mqtt-broker"), config).await;
}

#[tokio::test(start_paused = true)]
async fn nodes_without_a_broker_keep_to_the_contract() {
    for inputs in [0, 1] {
        let config = json!({"broker": "b", "topic": "t", "qos": "1", "inputs": inputs, "nl": true});
        assert_compliant(linked("mqtt in"), config).await;
    }
    let config = json!({"broker": "b", "topic": "t", "qos": "1", "retain": "true", "expiry": "1"});
    assert_compliant(linked("mqtt out"), config).await;
}

#[tokio::test(start_paused = true)]
async fn a_broker_is_needed() {
    for name in ["mqtt in", "mqtt out"] {
        let mut node = Harness::of(name).config(json!({"topic": "t"})).start().await;
        assert_eq!(node.next_error().await, "missing broker configuration");
        node.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalid_topic_is_a_warning() {
    let config = json!({"broker": "b", "topic": "a/#/b"});
    let mut node = Harness::of("mqtt in").config(config).start().await;
    let logs = node.logs();
    assert!(logs.iter().any(|(_, text)| text == "Invalid topic specified"), "{logs:?}");
    node.stop().await;
}
