//! The behaviour of `rate limit`, and the contract of nodes.

use std::time::Duration;

use ferrowire::{Message, Value};
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};
use rate_limit_node as _;

fn from(session: &str) -> Message {
    message(json!({"payload": session, "_session": {"type": "websocket", "id": session}}))
}

async fn payloads(node: &mut Harness, port: usize) -> Vec<String> {
    let text = |msg: Message| msg.payload().and_then(Value::as_str).unwrap_or("-").to_owned();
    node.outputs(port).into_iter().map(text).collect()
}

#[tokio::test(start_paused = true)]
async fn each_session_has_a_limit_of_its_own() {
    let config = json!({"limit": "2", "interval": "1", "per": "session"});
    let mut node = Harness::of("rate limit").config(config).start().await;
    for session in ["a", "a", "a", "b", "a", "b", "b"] {
        node.send(from(session)).await;
    }
    assert_eq!(payloads(&mut node, 0).await, ["a", "a", "b", "b"]);
    assert!(payloads(&mut node, 1).await.is_empty());
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn all_sessions_share_the_limit_of_the_node() {
    let config = json!({"limit": 2, "interval": 1, "per": "node"});
    let mut node = Harness::of("rate limit").config(config).start().await;
    for session in ["a", "b", "c"] {
        node.send(from(session)).await;
    }
    assert_eq!(payloads(&mut node, 0).await, ["a", "b"]);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn messages_are_earned_evenly() {
    let config = json!({"limit": "2", "interval": "1"});
    let mut node = Harness::of("rate limit").config(config).start().await;
    for _ in 0..8 {
        node.send(from("a")).await;
        node.wait(Duration::from_millis(250)).await;
    }
    // Two at once, then one every half second.
    assert_eq!(payloads(&mut node, 0).await.len(), 5);
    node.wait(Duration::from_secs(5)).await;
    for _ in 0..4 {
        node.send(from("a")).await;
    }
    assert_eq!(payloads(&mut node, 0).await.len(), 2, "no more than the limit is saved up");
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_is_over_the_limit_leaves_through_the_second_output_and_says_when_to_retry() {
    let config = json!({"limit": "1", "interval": "10", "over": "reject"});
    let mut node = Harness::of("rate limit").config(config).start().await;
    node.send(from("a")).await;
    node.wait(Duration::from_secs(4)).await;
    node.send(from("a")).await;
    assert_eq!(payloads(&mut node, 0).await, ["a"]);
    let rejected = node.next_output(1).await;
    let seconds = rejected.get("retryAfter").and_then(Value::as_f64).unwrap_or_default();
    assert!((seconds - 6.0).abs() < 0.01, "{seconds}");
    node.wait(Duration::from_secs_f64(seconds)).await;
    node.send(from("a")).await;
    assert_eq!(payloads(&mut node, 0).await, ["a"]);
    node.stop().await;
}

#[test]
fn a_wrong_configuration_is_told_property_by_property() {
    let config = json!({"limit": "0", "interval": "x", "per": "user", "over": "queue"});
    let problems = Harness::of("rate limit").config(config).problems();
    let texts: Vec<_> = problems.iter().map(|it| format!("{}: {}", it.property, it.text)).collect();
    assert_eq!(
        texts,
        [
            "limit: 0 is not between 1 and 1000000",
            "interval: expected a number, found `x`",
            "per: expected `session` or `node`, found `user`",
            "over: expected `drop` or `reject`, found `queue`",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn it_keeps_to_the_contract() {
    let config = json!({"limit": "5", "interval": "1", "per": "session", "over": "reject"});
    assert_compliant(linked("rate limit"), config).await;
}
