//! `NodeContext`: a node's access to the runtime.

use std::any::{Any, TypeId};
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::cluster::Cluster;
use crate::port::Port;
use crate::trace::{Carrier, Remote};
use crate::{
    Context as Values, Host, Message, NodeError, Scope, Sending, Setting, SettingType,
    SettingValue, Status, Users, Value,
};

/// A node's identity, from its flow file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeInfo {
    /// The node's id.
    pub id: String,
    /// Its type, such as `websocket in`.
    pub node_type: String,
    /// Its name; empty if it has none.
    pub name: String,
    /// The id of the tab or subflow instance that contains it; empty for a global configuration
    /// node.
    pub flow: String,
    /// In a subflow instance, the node's id in the definition; otherwise empty.
    pub alias: String,
    /// The ids of the tab and the subflow instances that contain it, each after a `/`. Empty for a
    /// global configuration node.
    pub path: String,
}

/// The level of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For node authors.
    Trace,
    /// For debugging.
    Debug,
    /// Normal operation.
    Info,
    /// Something was lost or delayed; the node continues.
    Warn,
    /// The node could not do its work.
    Error,
}

/// A node's handle to the runtime: send, show a status, log, spawn. Cheap to clone.
#[derive(Clone)]
pub struct NodeContext {
    host: Arc<dyn Host>,
}

impl NodeContext {
    /// A context over `host`.
    pub fn new(host: Arc<dyn Host>) -> Self {
        NodeContext { host }
    }

    /// The runtime's side, by which an implementation of [`Host`] recognises its own contexts.
    #[doc(hidden)]
    pub fn host(&self) -> &dyn Host {
        &*self.host
    }

    /// The node's identity.
    pub fn info(&self) -> &NodeInfo {
        self.host.info()
    }

    /// The node's id.
    pub fn id(&self) -> &str {
        &self.host.info().id
    }

    /// Sends `msg` to every node wired to output `port`, counted from 0. Each wire but the last
    /// gets a clone. A `_msgid` is added if missing.
    ///
    /// Delivery begins with the call. The returned future ends when every receiver has accepted the
    /// message; await it to propagate back-pressure. Dropping it drops what was not delivered yet.
    pub fn send(&self, port: usize, msg: Message) -> Sending {
        self.host.send(port, msg)
    }

    /// Whether a `traceparent` that `carrier` brings is to be [taken](Self::begin_trace), and that of a
    /// message's [trace](Message::trace) to be sent. Never if no traces are recorded.
    pub fn traces_over(&self, carrier: Carrier) -> bool {
        self.host.traces_over(carrier)
    }

    /// Begins the trace of a message that this node has received from elsewhere: a part of the `remote`
    /// one, which decides whether it is recorded, or a new one, which is sampled. Without this call the
    /// bus begins a new one when the node sends the message. Does nothing if no traces are recorded.
    pub fn begin_trace(&self, msg: &mut Message, remote: Option<Remote>) {
        self.host.begin_trace(msg, remote);
    }

    /// Whether anything is wired to output `port`.
    pub fn wired(&self, port: usize) -> bool {
        self.host.wired(port)
    }

    /// Delivers `msg` to the node `id` without a wire. Only nodes whose type has
    /// [`Links`](crate::Links) `In` or `Call` accept such messages, and those with `Answers` under
    /// an address of their own.
    ///
    /// # Errors
    /// If no such node runs.
    pub fn deliver(&self, id: &str, msg: Message) -> Result<Sending, NodeError> {
        self.host.deliver(id, msg)
    }

    /// The id of the node with [`Links::In`](crate::Links::In) that `name` refers to: the node with
    /// this id, else the node of this name in the same flow, else the node of this name on any tab.
    ///
    /// # Errors
    /// If no node or several nodes match.
    pub fn find_linked(&self, name: &str) -> Result<String, NodeError> {
        self.host.find_linked(name)
    }

    /// Shows `status` below the node.
    pub fn status(&self, status: Status) {
        self.host.status(status);
    }

    /// Shows `status` below every node that uses this configuration node.
    pub fn status_of_users(&self, status: Status) {
        self.host.status_of_users(status);
    }

    /// Writes to the runtime's log, with this node's id, type and name.
    pub fn log(&self, level: Level, text: fmt::Arguments<'_>) {
        self.host.log(level, text);
    }

    /// Logs `text`; the debug sidebar shows `value` for a warning or an error.
    pub fn log_value(&self, level: Level, value: Value, text: impl fmt::Display) {
        self.host.log_value(level, value, format_args!("{text}"));
    }

    /// Logs at [`Level::Debug`].
    pub fn debug(&self, text: impl fmt::Display) {
        self.log(Level::Debug, format_args!("{text}"));
    }

    /// Logs at [`Level::Info`].
    pub fn info_log(&self, text: impl fmt::Display) {
        self.log(Level::Info, format_args!("{text}"));
    }

    /// Logs at [`Level::Warn`].
    pub fn warn(&self, text: impl fmt::Display) {
        self.log(Level::Warn, format_args!("{text}"));
    }

    /// Logs at [`Level::Error`].
    pub fn error(&self, text: impl fmt::Display) {
        self.log(Level::Error, format_args!("{text}"));
    }

    /// Reports a failure of a spawned task like an error returned from a message handler: it is
    /// logged and sent to catch nodes.
    pub fn fail(&self, error: impl Into<NodeError>) {
        self.host.failed(error.into());
    }

    /// Reports that the node failed with `msg`, a message that it [kept](crate::Handled::Kept) or
    /// created. Catch nodes receive the message; the returned future ends when they have accepted
    /// it.
    pub fn fail_with(&self, error: impl Into<NodeError>, msg: Message) -> Sending {
        self.host.failed_with(error.into(), msg)
    }

    /// Like [`fail_with`](Self::fail_with), for a node that then sends something: the returned future
    /// ends when catch nodes have handled the message, after 5 seconds at the latest. What holds up
    /// other messages of the node must not be held meanwhile, since catch nodes may send to it.
    pub fn fail_first(&self, error: impl Into<NodeError>, msg: Message) -> Sending {
        self.host.failed_first(error.into(), msg)
    }

    /// Reports that `msg`, a [kept](crate::Handled::Kept) message, is complete.
    pub fn complete(&self, msg: Message) -> Sending {
        self.host.completed(msg)
    }

    /// Whether a complete node watches this node. If not, there is no need to keep messages only to
    /// [`complete`](Self::complete) them.
    pub fn completion_watched(&self) -> bool {
        self.host.completion_watched()
    }

    /// Sends `data` to the subscribers of `topic`; the debug sidebar subscribes to `debug`. Never
    /// waits: slow subscribers lose the oldest data.
    pub fn publish(&self, topic: &'static str, data: impl Into<Value>) {
        self.host.publish(topic, data.into());
    }

    /// The environment variable `name` as the node sees it: from its group, its flow, then the
    /// process; also Node-RED's `NR_NODE_ID`, `NR_NODE_NAME`, `NR_FLOW_ID`, `NR_FLOW_NAME`.
    pub fn env(&self, name: &str) -> Option<Value> {
        self.host.env(name)
    }

    /// The value of a setting that this node's crate declares with
    /// `settings!`, or its default. The same for all nodes and as long as the
    /// runtime runs; flows cannot override it.
    pub fn setting<T: SettingType>(&self, setting: &Setting<T>) -> T {
        setting.read(self.host.setting(setting.record().name))
    }

    /// The configured value of the setting `name`.
    #[doc(hidden)]
    pub fn setting_value(&self, name: &str) -> Option<SettingValue> {
        self.host.setting(name)
    }

    /// Spawns `task`, which is dropped when the node has stopped.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.host.spawn(Box::pin(task));
    }

    /// See [`Host::keep`].
    #[doc(hidden)]
    pub fn keep(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.host.keep(Box::pin(task));
    }

    /// Cancelled when the node is about to stop; for tasks that want to finish their work.
    pub fn stopping(&self) -> &CancellationToken {
        self.host.stopping()
    }

    /// The running nodes that use this configuration node; the receiver is notified of changes. The
    /// list is complete before [`Node::start`](crate::Node::start). A deploy that adds, removes or
    /// changes a user sends a new list before the new users start.
    pub fn users(&self) -> tokio::sync::watch::Receiver<Users> {
        self.host.users()
    }

    /// Sends `msg` to the node `id`: from a configuration node to one of its users, or from a user
    /// to one of its configuration nodes. The receiver handles it like a message from a wire.
    ///
    /// Delivery begins with the call, in this task; the returned future ends when the receiver has
    /// accepted the message, as with [`send`](Self::send). Messages of one sender keep their order.
    /// If nodes send to each other in a cycle, the 33rd nested delivery goes through a queue of
    /// [`WIRE_QUEUE`](crate::bus::WIRE_QUEUE) messages; a message that finds no room for 5 seconds
    /// is dropped, which is reported as an error of this node.
    ///
    /// # Errors
    /// If the node neither uses this one nor is used by it, or does not run.
    pub fn send_to(&self, id: &str, msg: Message) -> Result<Sending, NodeError> {
        self.host.send_to(id, msg)
    }

    /// Shows `status` below one of the nodes that use this configuration node.
    ///
    /// # Errors
    /// If the node does not use this one.
    pub fn status_of(&self, user: &str, status: Status) -> Result<(), NodeError> {
        self.host.status_of(user, status)
    }

    /// Sends a request to the configuration node `id`, which this node uses. Its
    /// [`Node::on_request`](crate::Node::on_request) runs in this task.
    ///
    /// Dropping the returned future cancels the request.
    ///
    /// # Errors
    /// The other node's error; or that it does not run, is stopped meanwhile, or does not handle
    /// requests.
    pub fn ask(
        &self,
        id: &str,
        request: impl Into<Value>,
    ) -> impl Future<Output = Result<Value, NodeError>> + Send + 'static {
        self.host.ask(id, request.into())
    }

    /// The id of the endpoint that this node receives from or sends to (see
    /// [`NodeType::receives_from`](crate::NodeType::receives_from)), if it exists.
    pub fn endpoint(&self) -> Option<&str> {
        self.host.endpoint()
    }

    /// The context values of this node, its flow, or all flows. Reading and writing never wait.
    ///
    /// ```
    /// use ferrowire_core::{NodeContext, NodeError, PropertyPath, Scope, Value};
    ///
    /// fn count(cx: &NodeContext) -> Result<f64, NodeError> {
    ///     let path = PropertyPath::parse_key("count").map_err(|error| error.to_string())?;
    ///     let count = cx.context(Scope::Flow).get(&path)?;
    ///     let count = count.and_then(|count| count.as_f64()).unwrap_or(0.0) + 1.0;
    ///     cx.context(Scope::Flow).set(&path, Some(count.into()))?;
    ///     Ok(count)
    /// }
    /// ```
    pub fn context(&self, scope: Scope) -> Values<'_> {
        Values::new(self, scope)
    }

    /// The runtime's HTTP port.
    ///
    /// # Errors
    /// If the runtime has none.
    pub fn port(&self) -> Result<Arc<dyn Port>, NodeError> {
        self.host.port().ok_or_else(|| NodeError::new("this runtime has no HTTP port"))
    }

    /// The other instances of the runtime; `None` if it runs alone. Nodes of libraries see none.
    pub fn cluster(&self) -> Option<Arc<dyn Cluster>> {
        self.host.cluster()
    }

    /// An object of a test, for the nodes that the test registers. Runtimes provide none.
    #[doc(hidden)]
    pub fn resource<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.host.resource(TypeId::of::<T>())?.downcast().ok()
    }
}

impl fmt::Debug for NodeContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeContext").field("node", self.info()).finish_non_exhaustive()
    }
}
