//! `comment` does nothing.

use ferrowire_plugin_comment as _;
use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};

#[tokio::test(start_paused = true)]
async fn it_sends_nothing_and_takes_no_messages() {
    let mut node = Harness::of("comment").config(json!({"info": "# why"})).start().await;
    node.send(message(json!({"payload": 1}))).await;
    assert_eq!(node.next_error().await, "the node takes no messages");
    let stopped = node.stop().await;
    assert!(stopped.outputs.iter().all(Vec::is_empty));
    assert!(stopped.logs.is_empty() && stopped.statuses.is_empty());
}

#[tokio::test(start_paused = true)]
async fn it_is_compliant() {
    assert_compliant(linked("comment"), json!({"name": "note", "info": ""})).await;
}
