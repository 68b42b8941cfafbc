//! `junction` passes messages on.

use ferrowire_plugin_junction as _;
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};

#[tokio::test(start_paused = true)]
async fn messages_pass_through_unchanged() {
    let mut node = Harness::of("junction").start().await;
    let msg = message(json!({"_msgid": "1", "payload": {"a": [1]}}));
    node.send(msg.clone()).await;
    assert_eq!(node.next_output(0).await, msg);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn it_is_compliant() {
    assert_compliant(linked("junction"), json!({"x": 1, "y": 2})).await;
}
