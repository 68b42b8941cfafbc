//! More messages than the child can handle at once.

use ferrowire_hosted::Pace;
use serde_json::json;

use crate::in_process::Flows;
use crate::installed::{between, function, run, script};
use crate::support::tab;

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

#[tokio::test]
async fn a_native_node_behind_a_hosted_one_slows_the_source_down_and_gets_all() {
    // More than may wait between the two: 128 MB, faster than the function takes them.
    let enlarge = "send({payload: msg.payload.padEnd(64000)})";
    let count = "for (const start = Date.now(); Date.now() < start + 2;);
        context.n = (context.n ?? 0) + 1;
        if (context.n % 100 === 0 || msg.payload.startsWith('end')) node.status({text: 'got ' + context.n})";
    let nodes =
        json!([tab("tab"), script("work", enlarge, &["count"]), function("count", count, &[])]);
    let mut flows = Flows::start(Pace::default(), &nodes).await;
    for _ in 1..COUNT {
        flows.send("work", "small").await;
    }
    flows.send("work", "end").await;
    for got in (100..=COUNT).step_by(100) {
        assert_eq!(flows.status("count", "got ").await, got.to_string());
    }
    flows.stop().await;
}
