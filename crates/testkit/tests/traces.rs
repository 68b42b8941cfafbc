//! Traces of messages on the bus: which spans there are, and what they say.

#![expect(clippy::unwrap_used, reason = "the harness of a test fails it so")]

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferrowire_core::bus::{RunningNode, Services, Watchers, Wire};
use ferrowire_core::trace::{FinishedSpan, Remote, SPANS_PER_TRACE, SpanSink, Tracer, current};
use ferrowire_core::{
    BuiltNode, ContextStores, ExclusiveNode, Handled, Level, Message, Node, NodeContext, NodeError,
    NodeInfo, Status, StopReason, Value, async_trait,
};
use tokio::sync::Notify;

/// Takes spans, and the traces of log lines.
struct World {
    tracer: Arc<Tracer>,
    lines: Mutex<Vec<Option<String>>>,
    contexts: ContextStores,
}

#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<FinishedSpan>>>);

impl SpanSink for Spans {
    fn finished(&self, span: FinishedSpan) {
        self.0.lock().unwrap().push(span);
    }
}

impl Spans {
    fn world(&self, sample: f64) -> Arc<World> {
        let tracer = Arc::new(Tracer::new(sample, Vec::new(), self.clone()));
        Arc::new(World { tracer, lines: Mutex::default(), contexts: ContextStores::default() })
    }

    /// The spans so far: the nodes, each after its parent's.
    fn ways(&self) -> Vec<String> {
        let spans = self.0.lock().unwrap();
        let path = |span: &FinishedSpan| {
            let (mut path, mut at) = (span.node.id.clone(), span.parent_id);
            while let Some(parent) = spans.iter().find(|other| Some(other.span_id) == at) {
                path = format!("{} {path}", parent.node.id);
                at = parent.parent_id;
            }
            path
        };
        let mut ways: Vec<String> = spans.iter().map(path).collect();
        ways.sort();
        ways
    }

    fn take(&self, id: &str) -> FinishedSpan {
        let mut spans = self.0.lock().unwrap();
        let at = spans.iter().position(|span| span.node.id == id).unwrap();
        spans.remove(at)
    }

    fn traces(&self) -> usize {
        let spans = self.0.lock().unwrap();
        let mut ids: Vec<u128> = spans.iter().map(|span| span.trace_id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids.len()
    }
}

impl Services for World {
    fn status(&self, _: &Arc<NodeInfo>, _: Status) {}
    fn log(&self, _: &NodeInfo, _: Level, _: fmt::Arguments<'_>) {
        self.lines.lock().unwrap().push(current().map(|trace| trace.id()));
    }
    fn publish(&self, _: &Arc<NodeInfo>, _: &'static str, _: Value) {}
    fn env(&self, _: &NodeInfo, _: &str) -> Option<Value> {
        None
    }
    fn resource(&self, _: TypeId) -> Option<Arc<dyn Any + Send + Sync>> {
        None
    }
    fn addressed(&self, _: &str) -> Option<Arc<RunningNode>> {
        None
    }
    fn find_linked(&self, _: &NodeInfo, _: &str) -> Result<String, NodeError> {
        Err("nothing is linked".into())
    }
    fn contexts(&self) -> &ContextStores {
        &self.contexts
    }
    fn parent_flow(&self, _: &str) -> Option<String> {
        None
    }
    fn failed(&self, _: &Arc<NodeInfo>, _: &NodeError, _: bool) {}
    fn tracer(&self) -> Option<Arc<Tracer>> {
        Some(Arc::clone(&self.tracer))
    }
}

/// What a node of the tests does with a message.
enum Does {
    PassesOn,
    /// Sends a new message from its handler, after a log line.
    MakesNew,
    /// The same, when it has waited for a moment.
    MakesNewLater,
    Fails,
    FailsLater,
    /// Keeps the message, and sends it from elsewhere.
    Keeps(Mutex<Option<Message>>),
}

#[async_trait]
impl Node for Does {
    fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        match self {
            Does::PassesOn => Handled::Send(0, msg),
            Does::MakesNew => {
                cx.warn("makes a message");
                Handled::Send(0, Message::new())
            }
            Does::Fails => Handled::Failed("no".into()),
            Does::MakesNewLater | Does::FailsLater => Handled::NotNow(msg),
            Does::Keeps(kept) => {
                *kept.lock().unwrap() = Some(msg);
                Handled::Kept(ferrowire_core::Sending::done())
            }
        }
    }

    async fn on_message(&self, _: Message, cx: &NodeContext) -> Result<(), NodeError> {
        tokio::task::yield_now().await;
        if let Does::FailsLater = self {
            return Err("later".into());
        }
        cx.send(0, Message::new()).await;
        Ok(())
    }
}

struct PassesOn;

#[async_trait]
impl ExclusiveNode for PassesOn {
    async fn on_message(&mut self, msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
        cx.send(0, msg).await;
        Ok(())
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

fn node(id: &str, world: &Arc<World>, node: BuiltNode) -> Arc<RunningNode> {
    let info = NodeInfo { id: id.to_owned(), ..NodeInfo::default() };
    RunningNode::new(info, node, Arc::clone(world) as _)
}

fn shared(id: &str, world: &Arc<World>, does: impl Node) -> Arc<RunningNode> {
    node(id, world, BuiltNode::Shared(Box::new(does)))
}

/// Wires each node to the next, directly.
fn chain(nodes: &[&Arc<RunningNode>]) {
    for pair in nodes.windows(2) {
        pair[0].set_wires(vec![vec![Wire::direct(Arc::clone(pair[1]))]]);
    }
}

#[tokio::test]
async fn each_node_of_a_chain_has_a_span_below_that_of_the_sender() {
    let spans = Spans::default();
    let world = spans.world(1.0);
    let source = shared("source", &world, Does::PassesOn);
    let makes = shared("makes", &world, Does::MakesNew);
    let later = shared("later", &world, Does::MakesNewLater);
    let last = shared("last", &world, Does::PassesOn);
    chain(&[&source, &makes, &later, &last]);
    source.context().send(0, Message::new()).await;
    let expected = ["source", "source makes", "source makes later", "source makes later last"];
    assert_eq!(spans.ways(), expected);
    assert_eq!(spans.traces(), 1);
    let logged = world.lines.lock().unwrap().clone();
    assert_eq!(logged, [Some(format!("{:032x}", spans.take("makes").trace_id))]);
    assert!(current().is_none(), "the trace of the thread outlives the work");
}

#[tokio::test]
async fn each_wire_of_a_fan_out_has_its_own_span() {
    let spans = Spans::default();
    let world = spans.world(1.0);
    let source = shared("source", &world, Does::PassesOn);
    let (a, b) = (shared("a", &world, Does::PassesOn), shared("b", &world, Does::MakesNew));
    let last = shared("last", &world, Does::PassesOn);
    source.set_wires(vec![vec![Wire::direct(a.clone()), Wire::direct(b.clone())]]);
    chain(&[&a, &last]);
    chain(&[&b, &last]);
    source.context().send(0, Message::new()).await;
    let expected = ["source", "source a", "source a last", "source b", "source b last"];
    assert_eq!(spans.ways(), expected);
}

#[tokio::test]
async fn an_error_marks_the_span_and_the_catch_node_is_part_of_the_trace() {
    let spans = Spans::default();
    let world = spans.world(1.0);
    for (id, does) in [("now", Does::Fails), ("later", Does::FailsLater)] {
        let source = shared("source", &world, Does::PassesOn);
        let fails = shared(id, &world, does);
        let done = Arc::new(Notify::new());
        let catch = shared("catch", &world, Tells(Arc::clone(&done)));
        catch.start().await;
        let watchers = Watchers { errors: vec![catch.aside()], ..Watchers::default() };
        fails.set_watchers(watchers);
        chain(&[&source, &fails]);
        source.context().send(0, Message::new()).await;
        done.notified().await;
        catch.stop(StopReason::Removed, Duration::from_secs(1)).await;
        assert!(spans.ways().contains(&format!("source {id} catch")), "{:?}", spans.ways());
        assert_eq!(spans.take(id).error.as_deref(), Some(if id == "now" { "no" } else { id }));
        spans.0.lock().unwrap().clear();
    }
}

#[tokio::test]
async fn what_a_node_keeps_ends_its_span_when_it_is_sent() {
    let spans = Spans::default();
    let world = spans.world(1.0);
    let keeps = Arc::new(Does::Keeps(Mutex::default()));
    struct Shares(Arc<Does>);
    #[async_trait]
    impl Node for Shares {
        fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
            self.0.on_message_now(msg, cx)
        }
    }
    let source = shared("source", &world, Does::PassesOn);
    let node = shared("keeps", &world, Shares(Arc::clone(&keeps)));
    let last = shared("last", &world, Does::PassesOn);
    chain(&[&source, &node, &last]);
    source.context().send(0, Message::new()).await;
    assert_eq!(spans.ways(), ["source"], "the others have not ended");
    let Does::Keeps(kept) = &*keeps else { unreachable!() };
    let msg = kept.lock().unwrap().take().unwrap();
    node.context().send(0, msg).await;
    assert_eq!(spans.ways(), ["source", "source keeps", "source keeps last"]);
    let (keeps, last) = (spans.take("keeps"), spans.take("last"));
    assert!(keeps.began + keeps.took <= last.began, "{keeps:?} {last:?}");
    assert!(keeps.worked < keeps.took, "{keeps:?}");
}

#[tokio::test]
async fn a_span_says_how_long_the_message_waited_in_a_queue() {
    let spans = Spans::default();
    let world = spans.world(1.0);
    let source = shared("source", &world, Does::PassesOn);
    let queued = node("queued", &world, BuiltNode::Exclusive(Box::new(PassesOn)));
    let told = Arc::new(Notify::new());
    let tells = shared("tells", &world, Tells(Arc::clone(&told)));
    source.set_wires(vec![vec![Wire::queued(Arc::clone(&queued))]]);
    chain(&[&queued, &tells]);
    source.context().send(0, Message::new()).await;
    queued.start().await;
    told.notified().await;
    queued.stop(StopReason::Removed, Duration::from_secs(1)).await;
    assert_eq!(spans.ways(), ["source", "source queued", "source queued tells"]);
    let span = spans.take("queued");
    assert!(span.waited > Duration::ZERO, "{span:?}");
    assert!(span.waited + span.worked <= span.took, "{span:?}");
}

#[tokio::test]
async fn what_is_not_sampled_has_no_span_at_any_node() {
    let spans = Spans::default();
    let world = spans.world(0.0);
    let source = shared("source", &world, Does::PassesOn);
    let makes = shared("makes", &world, Does::MakesNewLater);
    let last = shared("last", &world, Does::PassesOn);
    chain(&[&source, &makes, &last]);
    source.context().send(0, Message::new()).await;
    assert!(spans.ways().is_empty());
}

#[tokio::test]
async fn a_remote_trace_goes_on_and_its_flag_decides() {
    let parent = |flags: &str| {
        Remote::parse(&format!("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-{flags}"))
    };
    for (flags, sample, recorded) in [("01", 0.0, true), ("00", 1.0, false)] {
        let spans = Spans::default();
        let world = spans.world(sample);
        let source = shared("source", &world, Does::PassesOn);
        let keeps = Arc::new(Mutex::new(None));
        struct Keeps(Arc<Mutex<Option<Message>>>);
        #[async_trait]
        impl Node for Keeps {
            fn on_message_now(&self, msg: Message, _: &NodeContext) -> Handled {
                *self.0.lock().unwrap() = Some(msg);
                Handled::Done
            }
        }
        let last = shared("last", &world, Keeps(Arc::clone(&keeps)));
        chain(&[&source, &last]);
        let mut msg = Message::new();
        source.context().begin_trace(&mut msg, Some(parent(flags).unwrap().with_state("a=1")));
        source.context().send(0, msg).await;
        let msg = keeps.lock().unwrap().take().unwrap();
        let trace = msg.trace().unwrap();
        assert!(trace.traceparent().starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"));
        assert!(trace.traceparent().ends_with(&format!("-{flags}")));
        assert_eq!(trace.tracestate(), Some("a=1"));
        drop(msg);
        if recorded {
            let (source, last) = (spans.take("source"), spans.take("last"));
            assert_eq!(
                (source.parent_id, source.has_remote_parent),
                (Some(0xf067aa0ba902b7), true)
            );
            assert_eq!((last.parent_id, last.has_remote_parent), (Some(source.span_id), false));
        } else {
            assert!(spans.ways().is_empty());
        }
    }
}

#[tokio::test]
async fn a_trace_without_end_has_a_bounded_number_of_spans() {
    let spans = Spans::default();
    let world = spans.world(1.0);
    let source = shared("source", &world, Does::PassesOn);
    let last = shared("last", &world, Does::PassesOn);
    chain(&[&source, &last]);
    let mut msg = Message::new();
    source.context().begin_trace(&mut msg, None);
    for _ in 0..SPANS_PER_TRACE + 10 {
        source.context().send(0, msg.clone()).await;
    }
    drop(msg);
    assert_eq!(spans.0.lock().unwrap().len() as u64, SPANS_PER_TRACE);
}
