//! `Host`: the runtime's side of a node's context.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::cluster::Cluster;
use crate::port::Port;
use crate::trace::{Carrier, Remote};
use crate::{
    Atomic, Key, Level, Message, NodeError, NodeInfo, PropertyPath, Scope, Sending, SettingValue,
    Status, Users, Value,
};

/// The runtime's side of a [`NodeContext`](crate::NodeContext). Implemented by runtimes and test harnesses; node
/// authors use the context.
pub trait Host: Any + Send + Sync {
    /// The node's identity.
    fn info(&self) -> &NodeInfo;
    /// Delivers a message to everything wired to `port`.
    fn send(&self, port: usize, msg: Message) -> Sending;
    /// Whether `carrier` takes traces of other systems and passes traces on to them.
    fn traces_over(&self, carrier: Carrier) -> bool {
        let _ = carrier;
        false
    }
    /// Begins a trace for a message that comes from elsewhere.
    fn begin_trace(&self, msg: &mut Message, remote: Option<Remote>) {
        let _ = (msg, remote);
    }
    /// Whether a wire is connected to output `port`.
    fn wired(&self, port: usize) -> bool {
        let _ = port;
        true
    }
    /// Delivers a message to another node without a wire.
    ///
    /// # Errors
    /// If the node does not run or does not accept such messages.
    fn deliver(&self, id: &str, msg: Message) -> Result<Sending, NodeError> {
        let _ = msg;
        Err(NodeError::new(format!("cannot reach the node `{id}`")))
    }
    /// The id of the node named `name`.
    ///
    /// # Errors
    /// If no node or several nodes match.
    fn find_linked(&self, name: &str) -> Result<String, NodeError> {
        Err(NodeError::new(format!("cannot reach the node `{name}`")))
    }
    /// Shows a status below the node.
    fn status(&self, status: Status);
    /// Shows a status below each node that uses this configuration node.
    fn status_of_users(&self, status: Status);
    /// Shows a status below one of the nodes that use this configuration node.
    ///
    /// # Errors
    /// If the node does not use this one.
    fn status_of(&self, user: &str, status: Status) -> Result<(), NodeError> {
        let _ = status;
        Err(NodeError::new(format!("the node `{user}` does not use this one")))
    }
    /// Sends a message to a user of this configuration node, or to a configuration node that this
    /// node uses.
    ///
    /// # Errors
    /// If the node is neither.
    fn send_to(&self, id: &str, msg: Message) -> Result<Sending, NodeError> {
        let _ = msg;
        Err(NodeError::new(format!("cannot reach the node `{id}`")))
    }
    /// Sends a request to a configuration node that this node uses.
    fn ask(&self, id: &str, request: Value) -> BoxFuture<'static, Result<Value, NodeError>> {
        let _ = request;
        let error = NodeError::new(format!("cannot reach the node `{id}`"));
        Box::pin(std::future::ready(Err(error)))
    }
    /// Writes to the log.
    fn log(&self, level: Level, text: fmt::Arguments<'_>);
    /// Writes `text` to the log; the debug sidebar shows `value` for it.
    fn log_value(&self, level: Level, value: Value, text: fmt::Arguments<'_>) {
        let _ = value;
        self.log(level, text);
    }
    /// Reports a failure outside of a message handler, for catch nodes.
    fn failed(&self, error: NodeError);
    /// Reports that the node failed with `msg`, which catch nodes receive.
    fn failed_with(&self, error: NodeError, msg: Message) -> Sending {
        let _ = msg;
        self.failed(error);
        Sending::done()
    }
    /// The same; the returned future ends when catch nodes have handled the message.
    fn failed_first(&self, error: NodeError, msg: Message) -> Sending {
        self.failed_with(error, msg)
    }
    /// Reports that a kept message is complete.
    fn completed(&self, msg: Message) -> Sending {
        let _ = msg;
        Sending::done()
    }
    /// Whether a complete node watches this node.
    fn completion_watched(&self) -> bool {
        true
    }
    /// Sends `data` to the subscribers of `topic`, for example the debug sidebar.
    fn publish(&self, topic: &'static str, data: Value);
    /// The value of an environment variable as this node sees it.
    fn env(&self, name: &str) -> Option<Value>;
    /// The configured value of the setting `name` of a plugin; `None` if it has its default.
    fn setting(&self, name: &str) -> Option<SettingValue> {
        let _ = name;
        None
    }
    /// Runs a task that ends with the node at the latest.
    fn spawn(&self, task: BoxFuture<'static, ()>);
    /// Runs a task that ends by itself soon after [`stopping`](Host::stopping) is cancelled; the
    /// node has not stopped before it ends.
    fn keep(&self, task: BoxFuture<'static, ()>) {
        self.spawn(task);
    }
    /// Cancelled when the node stops.
    fn stopping(&self) -> &CancellationToken;
    /// The running nodes that use this configuration node.
    fn users(&self) -> tokio::sync::watch::Receiver<Users>;
    /// The endpoint of this node, if any.
    fn endpoint(&self) -> Option<&str>;
    /// The HTTP port, if the runtime has one.
    fn port(&self) -> Option<Arc<dyn Port>> {
        None
    }
    /// The other instances of the runtime, if it is part of a cluster.
    fn cluster(&self) -> Option<Arc<dyn Cluster>> {
        None
    }
    /// An object of a test, for the nodes that the test registers.
    fn resource(&self, kind: TypeId) -> Option<Arc<dyn Any + Send + Sync>>;
    /// A value of a context.
    ///
    /// # Errors
    /// If the node has no such scope.
    fn context_get(
        &self,
        scope: Scope,
        store: &str,
        path: &PropertyPath,
    ) -> Result<Option<Value>, NodeError> {
        let _ = (scope, store, path);
        Err(NodeError::new(NO_CONTEXT))
    }
    /// Sets or removes a value of a context.
    ///
    /// # Errors
    /// If the node has no such scope, or the value cannot be set.
    fn context_set(
        &self,
        scope: Scope,
        store: &str,
        path: &PropertyPath,
        value: Option<Value>,
    ) -> Result<(), NodeError> {
        let _ = (scope, store, path, value);
        Err(NodeError::new(NO_CONTEXT))
    }
    /// Ends when the changes of a value so far are durable; `None` if they are.
    ///
    /// # Errors
    /// If the node has no such scope.
    fn context_written(
        &self,
        scope: Scope,
        store: &str,
        path: &PropertyPath,
    ) -> Result<Option<BoxFuture<'static, Result<(), NodeError>>>, NodeError> {
        let _ = (scope, store, path);
        Ok(None)
    }
    /// Changes a value in one step.
    ///
    /// # Errors
    /// If the node has no such scope.
    fn context_change(
        &self,
        scope: Scope,
        store: &str,
        path: &PropertyPath,
        change: Atomic,
    ) -> Result<BoxFuture<'static, Result<Value, NodeError>>, NodeError> {
        let _ = (scope, store, path, change);
        Err(NodeError::new(NO_CONTEXT))
    }
    /// The names of the values of a context.
    ///
    /// # Errors
    /// If the node has no such scope.
    fn context_keys(&self, scope: Scope, store: &str) -> Result<Vec<Key>, NodeError> {
        let _ = (scope, store);
        Err(NodeError::new(NO_CONTEXT))
    }
}

/// The error where the host keeps no contexts.
const NO_CONTEXT: &str = "context is not available to this node; link its plugin into the runtime";
