//! Calls of nodes that do not return: who is named, and who goes on.

#![expect(clippy::unwrap_used, reason = "the harness of a test fails it so")]

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferrowire_core::bus::{LongCall, LongCalls, RunningNode, Services, Wire, is_aside};
use ferrowire_core::{
    BuiltNode, ContextStores, Handled, Level, Message, Node, NodeContext, NodeError, NodeInfo,
    Status, StopReason, Value, async_trait,
};
use tokio::sync::Notify;

/// Takes log lines, and nothing else.
#[derive(Default)]
struct Log {
    lines: Mutex<Vec<(String, String)>>,
    contexts: ContextStores,
}

impl Log {
    /// The lines of a node.
    fn of(&self, id: &str) -> Vec<String> {
        let lines = self.lines.lock().unwrap();
        lines.iter().filter(|(of, _)| of == id).map(|(_, line)| line.clone()).collect()
    }
}

impl Services for Log {
    fn status(&self, _: &Arc<NodeInfo>, _: Status) {}
    fn log(&self, node: &NodeInfo, _: Level, text: fmt::Arguments<'_>) {
        self.lines.lock().unwrap().push((node.id.clone(), text.to_string()));
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
}

/// Holds its thread for a message with a payload, until it is let go; notes how it was called.
struct Holds {
    until: Mutex<Receiver<()>>,
    aside: Arc<Mutex<Vec<bool>>>,
}

#[async_trait]
impl Node for Holds {
    fn on_message_now(&self, msg: Message, _: &NodeContext) -> Handled {
        self.aside.lock().unwrap().push(is_aside());
        if msg.payload().is_some() {
            self.until.lock().unwrap().recv().unwrap();
        }
        Handled::Done
    }
}

/// Sends from a task of its own.
struct Sends(Arc<Notify>);

#[async_trait]
impl Node for Sends {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        let (sender, go) = (cx.clone(), Arc::clone(&self.0));
        cx.spawn(async move {
            go.notified().await;
            sender.send(0, Message::with_payload(1.0)).await;
        });
        Ok(())
    }
}

fn running(id: &str, node: impl Node, log: &Arc<Log>) -> Arc<RunningNode> {
    let info = NodeInfo { id: id.to_owned(), node_type: "test".to_owned(), ..NodeInfo::default() };
    RunningNode::new(info, BuiltNode::Shared(Box::new(node)), Arc::clone(log) as _)
}

struct Held {
    node: Arc<RunningNode>,
    let_go: Sender<()>,
    aside: Arc<Mutex<Vec<bool>>>,
}

fn holds(id: &str, log: &Arc<Log>) -> Held {
    let (let_go, until) = channel();
    let aside = Arc::default();
    let node = Holds { until: Mutex::new(until), aside: Arc::clone(&aside) };
    Held { node: running(id, node, log), let_go, aside }
}

/// Looks until a call of this node is found.
async fn found(id: &str, workers: usize) -> LongCall {
    let mut calls = LongCalls::default();
    loop {
        let long = calls.look(workers);
        let of_node = |call: &LongCall| call.info().is_some_and(|info| info.id == id);
        if let Some(call) = long.into_iter().find(of_node) {
            return call;
        }
        tokio::task::yield_now().await;
    }
}

/// What was found, and who is held, is known to the process, so these tests share one.
#[test]
fn a_call_that_does_not_return_is_named_and_harms_nobody() {
    let runtime = |workers| {
        tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()
    };
    runtime(1).unwrap().block_on(the_first_call_of_a_node_holds_no_worker());
    runtime(2).unwrap().block_on(when_half_of_the_workers_are_held_calls_run_aside());
}

async fn the_first_call_of_a_node_holds_no_worker() {
    let log = Arc::new(Log::default());
    let held = holds("holds", &log);
    let go = Arc::new(Notify::new());
    let sends = running("sends", Sends(Arc::clone(&go)), &log);
    sends.set_wires(vec![vec![Wire::direct(Arc::clone(&held.node))]]);
    sends.start().await;
    go.notify_one();
    let call = found("holds", 1).await;
    assert!(call.aside);
    // The only worker has other tasks to do.
    let other = running("other", Sends(Arc::new(Notify::new())), &log);
    let (done, is_done) = tokio::sync::oneshot::channel();
    other.context().spawn(async move { done.send(()).unwrap() });
    is_done.await.unwrap();
    sends.stop(StopReason::Removed, Duration::from_millis(1)).await;
    assert!(log.of("sends").is_empty(), "{:?}", log.of("sends"));
    let lines = log.of("holds");
    assert!(lines[0].contains("`sends` cannot stop because of it"), "{lines:?}");
    held.let_go.send(()).unwrap();
}

async fn when_half_of_the_workers_are_held_calls_run_aside() {
    let log = Arc::new(Log::default());
    let (one, other) = (holds("one", &log), holds("other", &log));
    let deliver = |node: &Arc<RunningNode>, msg: Message| {
        let (to, context) = (Arc::clone(node), node.context().clone());
        let (done, is_done) = tokio::sync::oneshot::channel();
        context.spawn(async move {
            to.deliver(msg).await;
            done.send(()).unwrap();
        });
        is_done
    };
    // What is known for short calls is trusted.
    for held in [&one, &other] {
        while held.aside.lock().unwrap().last() != Some(&false) {
            deliver(&held.node, Message::new()).await.unwrap();
        }
    }
    let long = deliver(&one.node, Message::with_payload(1.0));
    let call = found("one", 2).await;
    assert!(!call.aside);
    deliver(&other.node, Message::new()).await.unwrap();
    assert_eq!(other.aside.lock().unwrap().last(), Some(&true));
    one.let_go.send(()).unwrap();
    long.await.unwrap();
    LongCalls::default().look(2);
    deliver(&one.node, Message::new()).await.unwrap();
    assert_eq!(one.aside.lock().unwrap().last(), Some(&true), "the node is trusted no more");
}
