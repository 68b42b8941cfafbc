//! `websocket in` passes messages through and logs an error without an endpoint.

use ferrowire::Level;
use ferrowire_plugin_websocket_in as _;
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};

#[tokio::test(start_paused = true)]
async fn messages_pass_through_unchanged() {
    let config = json!({"server": "listener", "client": ""});
    let mut node = Harness::of("websocket in").config(config).endpoint("listener").start().await;
    let msg = message(json!({
        "_msgid": "1", "payload": "text", "_session": {"type": "server", "id": "a"}, "x": [1]
    }));
    node.send(msg.clone()).await;
    assert_eq!(node.next_output(0).await, msg);
    let stopped = node.stop().await;
    assert!(stopped.logs.is_empty() && stopped.errors.is_empty());
}

#[tokio::test(start_paused = true)]
async fn without_an_endpoint_it_says_so_and_stays() {
    let mut node = Harness::of("websocket in").start().await;
    let logs = node.logs();
    assert_eq!(logs.len(), 1);
    assert_eq!(logs[0].0, Level::Error);
    assert!(logs[0].1.starts_with("Missing server configuration:"), "{logs:?}");
    node.send(message(json!({"payload": 1}))).await;
    assert!(node.stop().await.errors.is_empty());
}

#[tokio::test(start_paused = true)]
async fn it_is_compliant() {
    assert_compliant(
        linked("websocket in"),
        json!({"name": "ws", "server": "listener", "client": ""}),
    )
    .await;
}
