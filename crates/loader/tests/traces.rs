//! A message keeps its trace on its way through nodes of libraries.

#![expect(clippy::unwrap_used, reason = "a failed expectation fails the test")]

mod support;

use std::any::{Any, TypeId};
use std::fmt::Arguments;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferrowire_core::bus::{RunningNode, Services, Wire};
use ferrowire_core::trace::{FinishedSpan, SpanSink, Tracer};
use ferrowire_core::{
    BuiltNode, ContextStores, Handled, Level, Message, Node, NodeConfig, NodeContext, NodeError,
    NodeInfo, NodeType, Status, StopReason, Value, async_trait,
};
use tokio::sync::Notify;

use support::node_type;

/// Records traces.
struct World {
    tracer: Arc<Tracer>,
    contexts: ContextStores,
}

impl Services for World {
    fn status(&self, _: &Arc<NodeInfo>, _: Status) {}
    fn log(&self, _: &NodeInfo, _: Level, _: Arguments<'_>) {}
    fn publish(&self, _: &Arc<NodeInfo>, _: &'static str, _: Value) {}
    fn env(&self, _: &NodeInfo, _: &str) -> Option<Value> {
        None
    }
    fn resource(&self, _: TypeId) -> Option<Arc<dyn Any + Send + Sync>> {
        None
    }
    fn failed(&self, _: &Arc<NodeInfo>, _: &NodeError, _: bool) {}
    fn addressed(&self, _: &str) -> Option<Arc<RunningNode>> {
        None
    }
    fn find_linked(&self, _: &NodeInfo, _: &str) -> Result<String, NodeError> {
        Err(NodeError::new("there are no links here"))
    }
    fn contexts(&self) -> &ContextStores {
        &self.contexts
    }
    fn parent_flow(&self, _: &str) -> Option<String> {
        None
    }
    fn tracer(&self) -> Option<Arc<Tracer>> {
        Some(Arc::clone(&self.tracer))
    }
}

#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<FinishedSpan>>>);

impl SpanSink for Spans {
    fn finished(&self, span: FinishedSpan) {
        self.0.lock().unwrap().push(span);
    }
}

/// Tells that a message has arrived.
struct Tells(Arc<Notify>);

#[async_trait]
impl Node for Tells {
    fn on_message_now(&self, _: Message, _: &NodeContext) -> Handled {
        self.0.notify_one();
        Handled::Done
    }
}

fn info(id: &str) -> NodeInfo {
    NodeInfo { id: id.to_owned(), ..NodeInfo::default() }
}

fn loaded(node_type: NodeType, world: &Arc<World>) -> Arc<RunningNode> {
    let info = info(node_type.name);
    let find = |_: &str| None;
    let mut config = NodeConfig::new(info.clone(), Message::new().into(), &find);
    RunningNode::new(info, node_type.build(&mut config), Arc::clone(world) as _)
}

#[tokio::test]
async fn loaded_nodes_have_spans_below_each_other_whether_they_change_the_message_or_wait() {
    let spans = Spans::default();
    let tracer = Arc::new(Tracer::new(1.0, Vec::new(), spans.clone()));
    let world = Arc::new(World { tracer, contexts: ContextStores::default() });
    let ids = ["fixture-pass", "fixture-counter", "fixture-waits", "fixture-many"];
    let mut nodes: Vec<_> = ids.iter().map(|id| loaded(node_type(id), &world)).collect();
    let told = Arc::new(Notify::new());
    let tells = BuiltNode::Shared(Box::new(Tells(Arc::clone(&told))));
    nodes.push(RunningNode::new(info("last"), tells, Arc::clone(&world) as _));
    for pair in nodes.windows(2) {
        pair[0].set_wires(vec![vec![Wire::direct(Arc::clone(&pair[1]))]]);
    }
    for node in &nodes {
        node.start().await;
    }
    let mut msg = Message::with_payload("a");
    nodes[0].context().begin_trace(&mut msg, None);
    nodes[0].deliver(msg).await;
    told.notified().await;
    for node in &nodes {
        node.stop(StopReason::Removed, Duration::from_secs(5)).await;
    }
    let spans = spans.0.lock().unwrap();
    let of = |id: &str| spans.iter().find(|span| span.node.id == id).unwrap();
    let mut parent = of("fixture-pass");
    for id in [&ids[1..], &["last"]].concat() {
        let span = of(id);
        assert_eq!(
            (span.trace_id, span.parent_id),
            (parent.trace_id, Some(parent.span_id)),
            "{id}"
        );
        parent = span;
    }
    assert!(of("fixture-waits").took >= Duration::from_millis(5));
    assert_eq!(spans.len(), 5);
}
