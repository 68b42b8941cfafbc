//! `websocket control` without a listener: what it says, and the contract of nodes.

use ferrowire_plugin_websocket_control as _;
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};

#[tokio::test(start_paused = true)]
async fn a_message_of_no_client_needs_a_target() {
    let config = json!({"server": "listener", "action": "join", "room": "news"});
    let mut node = Harness::of("websocket control").config(config).start().await;
    node.send(message(json!({"payload": 1}))).await;
    let errors = node.stop().await.errors;
    assert_eq!(errors.len(), 1);
    let text = errors[0].to_string();
    assert!(text.contains("set `target`, or send a message of a client"), "{text}");
}

#[tokio::test(start_paused = true)]
async fn an_action_may_come_with_the_message() {
    let config = json!({"server": "listener", "action": ""});
    let mut node = Harness::of("websocket control").config(config).start().await;
    node.send(message(json!({"payload": 1}))).await;
    node.send(message(json!({"action": "count"}))).await;
    let errors = node.stop().await.errors;
    let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert!(texts[0].contains("set `msg.action`"), "{texts:?}");
    assert!(texts[1].contains("listener"), "{texts:?}");
}

#[tokio::test(start_paused = true)]
async fn it_is_compliant() {
    assert_compliant(
        linked("websocket control"),
        json!({"name": "", "server": "listener", "action": "count", "to": "", "room": "",
            "roomType": "str", "target": "", "targetType": "str", "code": "", "reason": "",
            "data": "payload", "dataType": "msg"}),
    )
    .await;
}
