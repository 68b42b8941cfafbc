//! What a message costs that crosses to a loaded node and back, beside a linked one.
//!
//! `cargo run --release -p ferrowire-loader --example crossing -- LIBRARY TYPE`, where the nodes
//! of the type hand their messages on.

#[path = "../tests/support/nothing.rs"]
mod nothing;

use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ferrowire_core::bus::{RunningNode, Wire};
use ferrowire_core::{
    BuiltNode, Handled, Message, Node, NodeConfig, NodeContext, NodeInfo, Registry, Value,
};
use ferrowire_loader::{Kind, Request, find};
use nothing::Nothing;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Pass;

impl Node for Pass {
    fn on_message_now(&self, msg: Message, _: &NodeContext) -> Handled {
        Handled::Send(0, msg)
    }
}

struct End;

impl Node for End {
    fn on_message_now(&self, _: Message, _: &NodeContext) -> Handled {
        Handled::Done
    }
}

fn running(node: BuiltNode) -> Arc<RunningNode> {
    RunningNode::new(NodeInfo::default(), node, Arc::new(Nothing::default()))
}

/// Nanoseconds for a message through two nodes, the best of several rounds.
async fn measure(build: &dyn Fn() -> BuiltNode) -> f64 {
    const MESSAGES: u32 = 300_000;
    let nodes = [running(build()), running(build())];
    nodes[1].set_wires(vec![vec![Wire::direct(running(BuiltNode::Shared(Box::new(End))))]]);
    nodes[0].set_wires(vec![vec![Wire::direct(Arc::clone(&nodes[1]))]]);
    for node in &nodes {
        node.start().await;
    }
    let payload = Value::from("x".repeat(32));
    let mut best = f64::MAX;
    for _ in 0..20 {
        let start = Instant::now();
        for _ in 0..MESSAGES {
            let mut msg = Message::with_payload(payload.clone());
            msg.set("_msgid", "0123456789abcdef");
            nodes[0].deliver(msg).await;
        }
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(MESSAGES));
    }
    best
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (path, name) = arguments.next().zip(arguments.next()).ok_or("LIBRARY and TYPE, please")?;
    let mut registry = Registry::new();
    let request = Request { path: path.into(), kind: Kind::File, required: true };
    let report = find(&[request]).load(&mut registry, Duration::from_secs(10));
    if let Some(refused) = report.refused.into_iter().next() {
        return Err(refused.into());
    }
    let node_type = *registry.get(&name).ok_or("the library has no such type")?;
    let linked = measure(&|| BuiltNode::Shared(Box::new(Pass))).await;
    let loaded = measure(&|| {
        let find = |_: &str| None;
        let properties = Message::new().into();
        node_type.build(&mut NodeConfig::new(NodeInfo::default(), properties, &find))
    })
    .await;
    let mut out = std::io::stdout().lock();
    writeln!(out, "linked {linked:.0} ns, loaded {loaded:.0} ns for two nodes in a row")?;
    Ok(())
}
