//! `websocket in` passes messages through and logs an error without an endpoint.

use ferrowire::{Endpoint, Level, Reference};
use ferrowire_plugin_websocket_in as _;
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};

#[test]
fn it_refers_to_a_client_or_a_listener_of_which_the_client_counts() {
    let references = [
        Reference::new("client", "websocket-client"),
        Reference::new("server", "websocket-listener"),
    ];
    assert!(
        matches!(linked("websocket in").endpoint, Endpoint::ReceivesFrom(found) if found == references)
    );
    assert_eq!(linked("websocket in").category, "network");
    assert_eq!(linked("websocket in").plugin, "ferrowire-plugin-websocket-in");
}

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
