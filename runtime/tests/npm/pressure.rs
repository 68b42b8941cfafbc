//! More messages than the child can handle at once.

use serde_json::json;

use crate::installed::{between, run, script};

/// The messages of a test: 128 MB together.
const COUNT: usize = 2_000;
const BYTES: usize = 64_000;

/// Far more than the bounds of what waits, far less than all messages.
const MAX_MEMORY: u64 = 120_000_000;

#[tokio::test]
async fn senders_wait_for_a_slow_hosted_node_and_nothing_is_lost() {
    let slow = format!(
        "node.got ??= 0; const n = parseInt(msg.payload); if (n === node.got) node.got += 1;
         if (n % 100 === 0) for (const end = Date.now() + 10; Date.now() < end;);
         if (n === {}) send({{payload: node.got}})",
        COUNT - 1
    );
    let (_folder, runtime) = run(between(&["slow"], [script("slow", &slow, &["all"])])).await;
    let mut client = runtime.connect("/ws").await;
    for n in 0..COUNT {
        client.send(&format!("{n:<BYTES$}")).await;
    }
    assert_eq!(client.json().await, json!(COUNT));
    assert!(runtime.memory("VmHWM") < MAX_MEMORY, "{}", runtime.memory("VmHWM"));
}
