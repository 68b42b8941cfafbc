//! What tests of functions share.

use ferrowire::Message;
use ferrowire_testkit::{Harness, json};
use serde_json::Value;

/// The payload of the message that the code returns for one with this payload.
pub(crate) async fn value_of(code: &str, payload: &str) -> Value {
    let mut node = Harness::of("function").config(json!({"func": code})).start().await;
    node.send(Message::with_payload(payload)).await;
    let msg = node.next_output(0).await;
    let stopped = node.stop().await;
    assert!(stopped.errors.is_empty(), "{:?}", stopped.errors);
    let payload = msg.payload().cloned().unwrap_or_default().to_json();
    serde_json::from_str(&payload).unwrap_or_default()
}
