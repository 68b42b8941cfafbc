//! The bus: running nodes and the wires between them.
//!
//! Sending a message calls the next node in the sender's task. Wires that close a cycle, and one
//! in so many wires of a long chain, go through a bounded queue instead, so that neither
//! overflows the stack; the engine decides which (see [`Wire::queued`] and [`Wire::loop_back`]).

mod exclusive;

use std::any::{Any, TypeId};
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{
    BuiltNode, EXCLUSIVE_QUEUE, ExclusiveNode, Handled, Host, Level, Message, Node, NodeContext,
    NodeError, NodeInfo, Sending, Status, StopReason, Value,
};

/// The number of messages that wait on a queued wire.
pub const WIRE_QUEUE: usize = 1024;

/// What the bus asks of the runtime around it.
pub trait Services: Send + Sync {
    /// Shows a status below a node.
    fn status(&self, node: &Arc<NodeInfo>, status: Status);
    /// Writes to the log.
    fn log(&self, node: &NodeInfo, level: Level, text: fmt::Arguments<'_>);
    /// Hands data to those who listen to a topic.
    fn publish(&self, node: &Arc<NodeInfo>, topic: &'static str, data: Value);
    /// The value of an environment variable as the node sees it.
    fn env(&self, node: &NodeInfo, name: &str) -> Option<Value>;
    /// A service for linked-in nodes.
    fn resource(&self, kind: TypeId) -> Option<Arc<dyn Any + Send + Sync>>;
    /// A node failed: with a message, in `start`, or in a task of its own.
    fn failed(&self, node: &Arc<NodeInfo>, error: &NodeError);
}

/// One end of a wire: the node that it leads to, and how.
#[derive(Clone)]
pub struct Wire {
    to: Arc<RunningNode>,
    queue: Option<mpsc::Sender<Message>>,
    closes_cycle: bool,
}

impl Wire {
    /// A wire that calls `to` directly.
    pub fn direct(to: Arc<RunningNode>) -> Self {
        Wire { to, queue: None, closes_cycle: false }
    }

    /// A wire through a queue of [`WIRE_QUEUE`] messages; senders wait when it is full.
    /// Needs a tokio runtime.
    pub fn queued(to: Arc<RunningNode>) -> Self {
        let (queue, mut waiting) = mpsc::channel(WIRE_QUEUE);
        let target = Arc::clone(&to);
        let stopping = to.outlet.stopping.clone();
        to.outlet.inbox.spawn(stopping.run_until_cancelled_owned(async move {
            while let Some(msg) = waiting.recv().await {
                target.deliver(msg).await;
            }
        }));
        Wire { to, queue: Some(queue), closes_cycle: false }
    }

    /// A queued wire that closes a cycle. To wait for room in it could mean to wait for oneself,
    /// so when it is full the message fails at the node that it was meant for.
    pub fn loop_back(to: Arc<RunningNode>) -> Self {
        Wire { closes_cycle: true, ..Wire::queued(to) }
    }

    fn carry(&self, msg: Message) -> Sending {
        let Some(queue) = &self.queue else { return self.to.deliver(msg) };
        match queue.try_send(msg) {
            Ok(()) | Err(TrySendError::Closed(_)) => Sending::done(),
            Err(TrySendError::Full(_)) if self.closes_cycle => {
                let text = format!("{WIRE_QUEUE} messages wait in this loop, one was dropped");
                self.to.outlet.failed(&NodeError::new(text));
                Sending::done()
            }
            Err(TrySendError::Full(msg)) => {
                let queue = queue.clone();
                Sending::later(Box::pin(async move {
                    // Closed means that the receiver was stopped: nobody is left to tell.
                    let _stopped = queue.send(msg).await;
                }))
            }
        }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire")
            .field("to", &self.to.info().id)
            .field("queued", &self.queue.is_some())
            .field("closes_cycle", &self.closes_cycle)
            .finish()
    }
}

/// The wires of a node, by output port.
pub type Wires = Vec<Vec<Wire>>;

/// The way out of a node: its wires, status, log, tasks. This is the [`Host`] of its context.
struct Outlet {
    info: Arc<NodeInfo>,
    wires: ArcSwap<Wires>,
    endpoint: OnceLock<String>,
    users: Mutex<Vec<Arc<NodeInfo>>>,
    user_count: watch::Sender<usize>,
    services: Arc<dyn Services>,
    stopping: CancellationToken,
    tasks: TaskTracker,
    /// The tasks that empty queued wires into this node.
    inbox: TaskTracker,
}

impl Outlet {
    fn failed(&self, error: &NodeError) {
        self.services.failed(&self.info, error);
    }
}

impl Host for Outlet {
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    fn send(&self, port: usize, mut msg: Message) -> Sending {
        msg.ensure_id();
        let wires = self.wires.load();
        match wires.get(port).map(Vec::as_slice) {
            None | Some([]) => Sending::done(),
            Some([wire]) => wire.carry(msg),
            Some(many) => send_to_many(many, msg),
        }
    }

    fn status(&self, status: Status) {
        self.services.status(&self.info, status);
    }

    fn status_of_users(&self, status: Status) {
        let users = self.users.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for user in &users {
            self.services.status(user, status.clone());
        }
    }

    fn log(&self, level: Level, text: fmt::Arguments<'_>) {
        self.services.log(&self.info, level, text);
    }

    fn failed(&self, error: NodeError) {
        self.services.failed(&self.info, &error);
    }

    fn publish(&self, topic: &'static str, data: Value) {
        self.services.publish(&self.info, topic, data);
    }

    fn env(&self, name: &str) -> Option<Value> {
        self.services.env(&self.info, name)
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        let stopping = self.stopping.clone();
        let (info, services) = (Arc::clone(&self.info), Arc::clone(&self.services));
        self.tasks.spawn(async move {
            let task = AssertUnwindSafe(task).catch_unwind();
            if let Some(Err(panic)) = stopping.run_until_cancelled_owned(task).await {
                services.failed(&info, &NodeError::panicked(&*panic));
            }
        });
    }

    fn keep(&self, task: BoxFuture<'static, ()>) {
        self.tasks.spawn(task);
    }

    fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    fn users(&self) -> watch::Receiver<usize> {
        self.user_count.subscribe()
    }

    fn endpoint(&self) -> Option<&str> {
        self.endpoint.get().map(String::as_str)
    }

    fn resource(&self, kind: TypeId) -> Option<Arc<dyn Any + Send + Sync>> {
        self.services.resource(kind)
    }
}

/// Delivers to each wire in order; what cannot be delivered at once, and all after it, is left
/// to the returned future, so that the order stays.
fn send_to_many(wires: &[Wire], msg: Message) -> Sending {
    let Some((last, others)) = wires.split_last() else { return Sending::done() };
    for (at, wire) in others.iter().enumerate() {
        let sending = wire.carry(msg.clone());
        if !sending.is_done() {
            let rest: Vec<Wire> = wires[at + 1..].to_vec();
            return Sending::later(Box::pin(async move {
                sending.await;
                for wire in rest {
                    wire.carry(msg.clone()).await;
                }
            }));
        }
    }
    last.carry(msg)
}

enum Handler {
    Shared(Box<dyn Node>),
    Exclusive(Exclusive),
}

type NotStarted = (Box<dyn ExclusiveNode>, mpsc::Receiver<Message>);

/// An exclusive node before its start, then the way to its task.
struct Exclusive {
    queue: mpsc::Sender<Message>,
    waiting: Mutex<Option<NotStarted>>,
    stop: Mutex<Option<oneshot::Sender<StopReason>>>,
}

impl Exclusive {
    fn new(node: Box<dyn ExclusiveNode>) -> Self {
        let (queue, waiting) = mpsc::channel(EXCLUSIVE_QUEUE);
        Exclusive { queue, waiting: Mutex::new(Some((node, waiting))), stop: Mutex::new(None) }
    }
}

/// A node in a running flow.
pub struct RunningNode {
    handler: Handler,
    outlet: Arc<Outlet>,
    cx: NodeContext,
    stopped: AtomicBool,
}

impl RunningNode {
    /// Puts a built node on the bus, without wires and not started.
    pub fn new(info: NodeInfo, node: BuiltNode, services: Arc<dyn Services>) -> Arc<Self> {
        let outlet = Arc::new(Outlet {
            info: Arc::new(info),
            wires: ArcSwap::default(),
            endpoint: OnceLock::new(),
            users: Mutex::default(),
            user_count: watch::Sender::new(0),
            services,
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
            inbox: TaskTracker::new(),
        });
        let handler = match node {
            BuiltNode::Shared(node) => Handler::Shared(node),
            BuiltNode::Exclusive(node) => Handler::Exclusive(Exclusive::new(node)),
        };
        let host: Arc<dyn Host> = Arc::clone(&outlet) as _;
        let stopped = AtomicBool::new(false);
        Arc::new(RunningNode { handler, cx: NodeContext::new(host), outlet, stopped })
    }

    /// Who this node is.
    pub fn info(&self) -> &Arc<NodeInfo> {
        &self.outlet.info
    }

    /// The node's context; what is sent on it leaves through the node's wires.
    pub fn context(&self) -> &NodeContext {
        &self.cx
    }

    /// Replaces the wires; messages that are under way keep the old ones.
    pub fn set_wires(&self, wires: Wires) {
        self.outlet.wires.store(Arc::new(wires));
    }

    /// Says which endpoint the node uses. Only the first call counts.
    pub fn set_endpoint(&self, id: &str) {
        self.outlet.endpoint.get_or_init(|| id.to_owned());
    }

    /// Says which nodes use this configuration node.
    pub fn set_users(&self, users: Vec<Arc<NodeInfo>>) {
        let count = users.len();
        *self.outlet.users.lock().unwrap_or_else(PoisonError::into_inner) = users;
        self.outlet.user_count.send_if_modified(|old| std::mem::replace(old, count) != count);
    }

    /// Starts the node. A failure is reported to the services; the node stays and may still
    /// handle messages, as in Node-RED.
    pub async fn start(self: &Arc<Self>) {
        let started = match &self.handler {
            Handler::Shared(node) => guarded(node.start(&self.cx)).await,
            Handler::Exclusive(exclusive) => self.start_exclusive(exclusive).await,
        };
        if let Err(error) = started {
            self.outlet.failed(&error);
        }
    }

    async fn start_exclusive(&self, exclusive: &Exclusive) -> Result<(), NodeError> {
        let taken = exclusive.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((mut node, queue)) = taken else { return Ok(()) };
        let started = guarded(node.start(&self.cx)).await;
        let (stop, stopped) = oneshot::channel();
        *exclusive.stop.lock().unwrap_or_else(PoisonError::into_inner) = Some(stop);
        let task = exclusive::run(node, queue, stopped, Arc::clone(&self.outlet), self.cx.clone());
        self.outlet.tasks.spawn(task);
        started
    }

    /// Switches the node on or off; whether it can be switched (see [`Node::set_active`]).
    pub fn set_active(&self, active: bool) -> bool {
        let Handler::Shared(node) = &self.handler else { return false };
        match std::panic::catch_unwind(AssertUnwindSafe(|| node.set_active(active))) {
            Ok(can_be_switched) => can_be_switched,
            Err(panic) => {
                self.outlet.failed(&NodeError::panicked(&*panic));
                false
            }
        }
    }

    /// Hands `msg` to the node, in this task.
    pub fn deliver(self: &Arc<Self>, msg: Message) -> Sending {
        if self.stopped.load(Ordering::Relaxed) {
            return Sending::done();
        }
        match &self.handler {
            Handler::Shared(node) => self.handle(&**node, msg),
            Handler::Exclusive(exclusive) => match exclusive.queue.try_send(msg) {
                Ok(()) | Err(TrySendError::Closed(_)) => Sending::done(),
                Err(TrySendError::Full(msg)) => {
                    let queue = exclusive.queue.clone();
                    Sending::later(Box::pin(async move {
                        // Closed means that the node was stopped: nobody is left to tell.
                        let _stopped = queue.send(msg).await;
                    }))
                }
            },
        }
    }

    fn handle(self: &Arc<Self>, node: &dyn Node, msg: Message) -> Sending {
        let attempt = || node.on_message_now(msg, &self.cx);
        match std::panic::catch_unwind(AssertUnwindSafe(attempt)) {
            Ok(Handled::Send(port, msg)) => self.outlet.send(port, msg),
            Ok(Handled::Done) => Sending::done(),
            Ok(Handled::NotNow(msg)) => self.handle_later(msg),
            Ok(Handled::SendAll(messages)) => self.send_all(messages),
            Ok(Handled::Failed(error)) => self.report(error),
            Ok(Handled::Later(future)) => {
                let this = Arc::clone(self);
                Sending::later(Box::pin(async move { this.finish(guarded(future).await) }))
            }
            Err(panic) => self.report(NodeError::panicked(&*panic)),
        }
    }

    fn handle_later(self: &Arc<Self>, msg: Message) -> Sending {
        let this = Arc::clone(self);
        Sending::later(Box::pin(async move {
            if let Handler::Shared(node) = &this.handler {
                this.finish(guarded(node.on_message(msg, &this.cx)).await);
            }
        }))
    }

    fn send_all(&self, messages: Vec<(usize, Message)>) -> Sending {
        let mut messages = messages.into_iter();
        for (port, msg) in messages.by_ref() {
            let sending = self.outlet.send(port, msg);
            if !sending.is_done() {
                let outlet = Arc::clone(&self.outlet);
                return Sending::later(Box::pin(async move {
                    sending.await;
                    for (port, msg) in messages {
                        outlet.send(port, msg).await;
                    }
                }));
            }
        }
        Sending::done()
    }

    fn report(&self, error: NodeError) -> Sending {
        self.outlet.failed(&error);
        Sending::done()
    }

    fn finish(&self, result: Result<(), NodeError>) {
        if let Err(error) = result {
            self.outlet.failed(&error);
        }
    }

    /// Removes the wires that close a cycle, so that the queues before the node can run empty.
    pub fn cut_loops(&self) {
        let wires = self.outlet.wires.load();
        let open = |port: &Vec<Wire>| port.iter().filter(|w| !w.closes_cycle).cloned().collect();
        self.set_wires(wires.iter().map(open).collect());
    }

    /// Stops the node: it handles what waits on queued wires that nobody sends to any more, then
    /// no more messages reach it, its `stop` runs, its tasks end. All this takes at most `limit`;
    /// what is not over by then is cancelled and logged.
    pub async fn stop(&self, reason: StopReason, limit: Duration) {
        let stop = async {
            self.outlet.inbox.close();
            self.outlet.inbox.wait().await;
            self.stopped.store(true, Ordering::Relaxed);
            match &self.handler {
                Handler::Shared(node) => {
                    let stopped = guarded(async {
                        node.stop(reason, &self.cx).await;
                        Ok(())
                    });
                    self.finish(stopped.await);
                    self.outlet.stopping.cancel();
                }
                Handler::Exclusive(exclusive) => self.stop_exclusive(exclusive, reason),
            }
            self.outlet.tasks.close();
            self.outlet.tasks.wait().await;
        };
        if tokio::time::timeout(limit, stop).await.is_err() {
            self.cx.warn(format_args!("did not stop within {limit:?}, its tasks are cancelled"));
            self.stopped.store(true, Ordering::Relaxed);
            self.outlet.stopping.cancel();
            self.outlet.tasks.close();
            if tokio::time::timeout(limit, self.outlet.tasks.wait()).await.is_err() {
                self.cx.error("a task of this node cannot be cancelled, it goes on");
            }
        }
        self.set_wires(Wires::new());
    }

    fn stop_exclusive(&self, exclusive: &Exclusive, reason: StopReason) {
        let stop = exclusive.stop.lock().unwrap_or_else(PoisonError::into_inner).take();
        match stop {
            // The task is gone only when it was cancelled already.
            Some(stop) => drop(stop.send(reason)),
            None => self.outlet.stopping.cancel(),
        }
    }
}

impl fmt::Debug for RunningNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningNode").field("info", self.info()).finish_non_exhaustive()
    }
}

/// Runs a node's own code: a panic in it becomes its error.
async fn guarded(work: impl Future<Output = Result<(), NodeError>>) -> Result<(), NodeError> {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(result) => result,
        Err(panic) => Err(NodeError::panicked(&*panic)),
    }
}
