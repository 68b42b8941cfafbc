//! What the nodes do without a listener, and with malformed messages.

use ferrowire::Level;
use ferrowire_plugin_websocket_handshake as _;
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};

#[tokio::test(start_paused = true)]
async fn a_handshake_passes_through_unchanged() {
    let listener = json!({"id": "l", "type": "websocket-listener", "path": "/ws", "auth": "flow"});
    let node = Harness::of("websocket handshake").config(json!({"server": "l"}));
    let mut node = node.other_node(listener).start().await;
    let msg = message(json!({"_msgid": "1", "req": {"path": "/ws"}, "_handshake": "a"}));
    node.send(msg.clone()).await;
    assert_eq!(node.next_output(0).await, msg);
    assert!(node.stop().await.logs.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_does_not_ask_the_flow_is_a_problem() {
    let listener = json!({"id": "l", "type": "websocket-listener", "path": "/ws"});
    let node = Harness::of("websocket handshake").config(json!({"server": "l"}));
    let problems = node.other_node(listener).problems();
    assert_eq!(problems[0].property, "server");
    assert!(problems[0].text.contains("`auth` is `flow`"), "{problems:?}");
}

#[tokio::test(start_paused = true)]
async fn without_a_listener_both_say_so_and_stay() {
    for name in ["websocket handshake", "websocket admit"] {
        let mut node = Harness::of(name).start().await;
        let logs = node.logs();
        assert_eq!((logs.len(), logs[0].0), (1, Level::Error), "{name}");
        assert!(logs[0].1.starts_with("Missing server configuration:"), "{logs:?}");
        node.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_without_a_handshake_cannot_be_admitted() {
    let mut node = Harness::of("websocket admit").config(json!({"server": "l"})).start().await;
    node.send(message(json!({"payload": 1}))).await;
    assert!(node.next_error().await.contains("msg._handshake"));
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn they_are_compliant() {
    for name in ["websocket handshake", "websocket admit"] {
        assert_compliant(linked(name), json!({"name": "ws", "server": "listener"})).await;
    }
}
