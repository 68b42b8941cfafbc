//! The bus: running nodes and the wires between them.
//!
//! Sending a message calls the next node in the sender's task. Wires that close a cycle, and some
//! wires of a long chain, use a bounded queue instead, so that the stack cannot overflow. The
//! engine chooses them (see [`Wire::queued`] and [`Wire::loop_back`]).

mod aside;
mod exclusive;
mod handling;
mod held;
mod host;
mod peers;
mod places;
mod queues;
mod seat;
mod stop;
mod traced;
mod watching;

use std::any::{Any, TypeId};
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use arc_swap::ArcSwap;
use futures_util::FutureExt;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::sync::{oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use aside::Aside;
use aside::AsideQueue;
use held::Hold;
pub use peers::NO_REQUESTS;
use peers::Peers;
pub use queues::{DROPPED_AT_NODES, DROPPED_IN_LOOPS};
use seat::Seat;
pub use seat::{LongCall, LongCalls, is_aside, long_calls, run_aside};
#[doc(hidden)]
pub use seat::{Workers, provide_workers};
pub use watching::Watchers;

use crate::cluster::Cluster;
use crate::metric::Traffic;
use crate::port::Port;
use crate::trace::Tracer;
use crate::{
    BuiltNode, ContextStores, EXCLUSIVE_QUEUE, ExclusiveNode, Host, Level, Message, MutexExt as _,
    Node, NodeContext, NodeError, NodeInfo, Sending, SettingValue, Status, StopReason, Users,
    Value,
};

/// The capacity of the queue of a wire.
pub const WIRE_QUEUE: usize = 1024;

/// What the bus needs from the runtime.
pub trait Services: Send + Sync {
    /// Shows a status below a node.
    fn status(&self, node: &Arc<NodeInfo>, status: Status);
    /// Writes to the log.
    fn log(&self, node: &NodeInfo, level: Level, text: fmt::Arguments<'_>);
    /// Writes `text` to the log; the debug sidebar shows `value` for it.
    fn log_value(&self, node: &NodeInfo, level: Level, value: Value, text: fmt::Arguments<'_>) {
        let _ = value;
        self.log(node, level, text);
    }
    /// Sends data to the subscribers of a topic.
    fn publish(&self, node: &Arc<NodeInfo>, topic: &'static str, data: Value);
    /// The value of an environment variable as the node sees it.
    fn env(&self, node: &NodeInfo, name: &str) -> Option<Value>;
    /// The HTTP port, if there is one.
    fn port(&self) -> Option<Arc<dyn Port>> {
        None
    }
    /// The other instances of the runtime, if it is part of a cluster.
    fn cluster(&self) -> Option<Arc<dyn Cluster>> {
        None
    }
    /// The configured value of the setting `name` of a plugin; `None` if it has its default.
    fn setting(&self, name: &str) -> Option<SettingValue> {
        let _ = name;
        None
    }
    /// An object of a test, for the nodes that the test registers.
    fn resource(&self, kind: TypeId) -> Option<Arc<dyn Any + Send + Sync>>;
    /// The running node `id`, if it accepts messages other than over wires.
    fn addressed(&self, id: &str) -> Option<Arc<RunningNode>>;
    /// The id of the node with [`Links::In`](crate::Links::In) whose id or name is `name`, as seen
    /// from `node`.
    ///
    /// # Errors
    /// If no node or several nodes match.
    fn find_linked(&self, node: &NodeInfo, name: &str) -> Result<String, NodeError>;
    /// The context stores.
    fn contexts(&self) -> &ContextStores;
    /// The flow that contains a subflow instance, for `$parent.` in a key.
    fn parent_flow(&self, flow: &str) -> Option<String>;
    /// Reports that a node failed: with a message, in `start`, or in a task it spawned. `caught`
    /// says that a catch node received the error, so it is not logged again.
    fn failed(&self, node: &Arc<NodeInfo>, error: &NodeError, caught: bool);
    /// Where a new node's messages are counted; `None` if nobody reads the counts.
    fn traffic(&self, node: &NodeInfo) -> Option<Arc<Traffic>> {
        let _ = node;
        None
    }
    /// What records the traces of messages; `None` if nothing does.
    fn tracer(&self) -> Option<Arc<Tracer>> {
        None
    }
}

/// One end of a wire: the target node and how to reach it.
#[derive(Clone)]
pub struct Wire {
    to: Arc<RunningNode>,
    way: Way,
}

/// How messages reach the node at the end of a wire.
#[derive(Clone)]
enum Way {
    /// By a direct call.
    Direct,
    Queue(mpsc::Sender<Message>),
    /// Through the queue of a wire that closes a cycle.
    LoopBack(mpsc::Sender<Message>),
    Held(Arc<Hold>),
}

impl Wire {
    /// A wire that calls `to` directly.
    pub fn direct(to: Arc<RunningNode>) -> Self {
        Wire { to, way: Way::Direct }
    }

    /// A wire through a queue of [`WIRE_QUEUE`] messages; senders wait when it is full. Must be
    /// called in a tokio runtime.
    pub fn queued(to: Arc<RunningNode>) -> Self {
        let queue = to.queue(|msg| (msg, None));
        Wire { to, way: Way::Queue(queue) }
    }

    /// A queued wire that closes a cycle. Waiting for room could deadlock, so when the queue is
    /// full the message fails at the target node.
    pub fn loop_back(to: Arc<RunningNode>) -> Self {
        let queue = to.queue(|msg| (msg, None));
        Wire { to, way: Way::LoopBack(queue) }
    }

    fn carry(&self, mut msg: Message) -> Sending {
        if msg.trace().is_some() {
            self.to.outlet.approached(&mut msg);
        }
        let queue = match &self.way {
            Way::Direct => return self.to.deliver(msg),
            Way::Held(hold) => return hold.carry(msg),
            Way::Queue(queue) | Way::LoopBack(queue) => queue,
        };
        match queue.try_send(msg) {
            Ok(()) | Err(TrySendError::Closed(_)) => Sending::done(),
            Err(TrySendError::Full(msg)) if self.closes_cycle() => {
                DROPPED_IN_LOOPS.increment();
                let text = format!("{WIRE_QUEUE} messages wait in this loop; one was dropped");
                self.to.outlet.fail(&NodeError::new(text), Some(msg))
            }
            Err(TrySendError::Full(msg)) => {
                let queue = queue.clone();
                Sending::later(Box::pin(async move {
                    // Closed means that the receiver was stopped; there is no one to notify.
                    let _stopped = queue.send(msg).await;
                }))
            }
        }
    }

    fn closes_cycle(&self) -> bool {
        match &self.way {
            Way::LoopBack(_) => true,
            Way::Held(hold) => hold.closes_cycle(),
            Way::Direct | Way::Queue(_) => false,
        }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire")
            .field("to", &self.to.info().id)
            .field("direct", &matches!(self.way, Way::Direct))
            .field("closes_cycle", &self.closes_cycle())
            .finish()
    }
}

/// The wires of a node, by output port.
pub type Wires = Vec<Vec<Wire>>;

/// A node's output side: its wires, status, log and tasks. The [`Host`] of its context.
struct Outlet {
    this: Weak<Outlet>,
    seat: Arc<Seat>,
    info: Arc<NodeInfo>,
    wires: ArcSwap<Wires>,
    endpoint: OnceLock<String>,
    /// The nodes that use this one, and the nodes that it uses.
    users: ArcSwap<Peers>,
    config_nodes: ArcSwap<Peers>,
    /// The nodes that show a status of all users.
    shown_at: Mutex<Vec<Weak<Outlet>>>,
    user_list: watch::Sender<Users>,
    services: Arc<dyn Services>,
    stopping: CancellationToken,
    tasks: TaskTracker,
    /// The tasks that move messages from queued wires to this node.
    inbox: TaskTracker,
    /// Which kinds of nodes watch this one.
    watched: AtomicU8,
    watchers: ArcSwap<Watchers>,
    traffic: Option<Arc<Traffic>>,
    /// Records the traces of messages.
    tracer: Option<Arc<Tracer>>,
}

enum Handler {
    Shared(Box<dyn Node>),
    Exclusive(Exclusive),
}

type NotStarted = (Box<dyn ExclusiveNode>, mpsc::Receiver<Message>);

/// An exclusive node before its start; afterwards the handle to its task.
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
    /// Cancelled when the start has finished.
    started: CancellationToken,
    stopped: AtomicBool,
    aside: AsideQueue,
}

impl RunningNode {
    /// Puts a built node on the bus, without wires and not started.
    pub fn new(info: NodeInfo, node: BuiltNode, services: Arc<dyn Services>) -> Arc<Self> {
        let tracer = services.tracer();
        let outlet = Arc::new_cyclic(|this| Outlet {
            this: this.clone(),
            seat: Seat::new(this.clone()),
            traffic: services.traffic(&info),
            info: Arc::new(info),
            wires: ArcSwap::default(),
            endpoint: OnceLock::new(),
            users: ArcSwap::default(),
            config_nodes: ArcSwap::default(),
            shown_at: Mutex::default(),
            user_list: watch::Sender::new(Users::default()),
            services,
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
            inbox: TaskTracker::new(),
            watched: AtomicU8::new(if tracer.is_some() { traced::TRACED } else { 0 }),
            tracer,
            watchers: ArcSwap::default(),
        });
        let handler = match node {
            BuiltNode::Shared(node) => Handler::Shared(node),
            BuiltNode::Exclusive(node) => Handler::Exclusive(Exclusive::new(node)),
        };
        let host: Arc<dyn Host> = Arc::clone(&outlet) as _;
        Arc::new(RunningNode {
            handler,
            cx: NodeContext::new(host),
            outlet,
            started: CancellationToken::new(),
            stopped: AtomicBool::new(false),
            aside: AsideQueue::default(),
        })
    }

    /// The node's identity.
    pub fn info(&self) -> &Arc<NodeInfo> {
        &self.outlet.info
    }

    /// The node's context; messages sent on it leave through the node's wires.
    pub fn context(&self) -> &NodeContext {
        &self.cx
    }

    /// Replaces the wires; deliveries in progress keep the old ones.
    pub fn set_wires(&self, wires: Wires) {
        self.outlet.wires.store(Arc::new(wires));
    }

    /// Sets the endpoint that the node uses. Later calls are ignored.
    pub fn set_endpoint(&self, id: &str) {
        self.outlet.endpoint.get_or_init(|| id.to_owned());
    }

    /// Starts the node. A failure is reported to the services; the node stays and may still handle
    /// messages, as in Node-RED.
    pub async fn start(self: &Arc<Self>) {
        // Also if the start is cancelled: the node handles messages then.
        let _started = self.started.clone().drop_guard();
        let started = match &self.handler {
            Handler::Shared(node) => guarded(self.outlet.seat.poll(node.start(&self.cx))).await,
            Handler::Exclusive(exclusive) => self.start_exclusive(exclusive).await,
        };
        if let Err(error) = started {
            self.outlet.tell_failed(&error);
        }
    }

    async fn start_exclusive(&self, exclusive: &Exclusive) -> Result<(), NodeError> {
        let taken = exclusive.waiting.locked().take();
        let Some((mut node, queue)) = taken else { return Ok(()) };
        let started = guarded(self.outlet.seat.poll(node.start(&self.cx))).await;
        let (stop, stopped) = oneshot::channel();
        *exclusive.stop.locked() = Some(stop);
        let task = exclusive::run(node, queue, stopped, Arc::clone(&self.outlet), self.cx.clone());
        self.outlet.tasks.spawn(task);
        started
    }

    /// Enables or disables the node. Returns whether it supports that (see [`Node::set_active`]).
    pub fn set_active(&self, active: bool) -> bool {
        let Handler::Shared(node) = &self.handler else { return false };
        match std::panic::catch_unwind(AssertUnwindSafe(|| node.set_active(active))) {
            Ok(can_be_switched) => can_be_switched,
            Err(panic) => {
                self.outlet.fail_aside(&NodeError::panicked(&*panic), None);
                false
            }
        }
    }

    /// A queue of [`WIRE_QUEUE`] messages, delivered once the node has started. `open` takes the
    /// message out of what is queued, and what is to be dropped when the node has handled it.
    fn queue<T: Send + 'static>(
        self: &Arc<Self>,
        open: fn(T) -> (Message, Option<oneshot::Sender<()>>),
    ) -> mpsc::Sender<T> {
        let (queue, mut waiting) = mpsc::channel(WIRE_QUEUE);
        let target = Arc::clone(self);
        let stopping = self.outlet.stopping.clone();
        self.outlet.inbox.spawn(stopping.run_until_cancelled_owned(async move {
            target.started.cancelled().await;
            while let Some(queued) = waiting.recv().await {
                let (msg, _handled) = open(queued);
                target.outlet.seat.poll(async { target.deliver(msg).await }).await;
            }
        }));
        queue
    }

    /// Delivers `msg` to the node, in this task.
    pub fn deliver(self: &Arc<Self>, msg: Message) -> Sending {
        match self.stopped.load(Ordering::Relaxed) {
            true => Sending::done(),
            false => self.hand_over(msg),
        }
    }

    /// Like [`deliver`](Self::deliver), but a message for a node that was stopped comes back.
    ///
    /// # Errors
    /// The message, if the node was stopped.
    pub fn try_deliver(self: &Arc<Self>, msg: Message) -> Result<Sending, Message> {
        match self.stopped.load(Ordering::Relaxed) {
            true => Err(msg),
            false => Ok(self.hand_over(msg)),
        }
    }

    /// Removes the wires that close a cycle, so that the queues before the node can drain, and its
    /// watchers, which may stop before it.
    pub fn cut_loops(&self) {
        self.set_watchers(Watchers::default());
        let wires = self.outlet.wires.load();
        let open = |port: &Vec<Wire>| port.iter().filter(|w| !w.closes_cycle()).cloned().collect();
        self.set_wires(wires.iter().map(open).collect());
    }
}

impl fmt::Debug for RunningNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningNode").field("info", self.info()).finish_non_exhaustive()
    }
}

/// Runs a node's code; a panic becomes an error.
async fn guarded(work: impl Future<Output = Result<(), NodeError>>) -> Result<(), NodeError> {
    guarded_as(AssertUnwindSafe(work)).await
}

async fn guarded_as<T>(
    work: AssertUnwindSafe<impl Future<Output = Result<T, NodeError>>>,
) -> Result<T, NodeError> {
    match work.catch_unwind().await {
        Ok(result) => result,
        Err(panic) => Err(NodeError::panicked(&*panic)),
    }
}
