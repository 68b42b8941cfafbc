//! `NodeServices`: what the engine provides to the bus: log, status, events, environment,
//! resources.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use ferrowire_core::bus::{RunningNode, Services};
use ferrowire_core::cluster::Cluster;
use ferrowire_core::metric::Traffic;
use ferrowire_core::port::Port;
use ferrowire_core::trace::{self, Tracer};
use ferrowire_core::{
    ContextStores, Level, Map, MutexExt as _, NodeError, NodeInfo, SettingValue, SettingValues,
    Status, Value,
};
use tokio::sync::broadcast;

use crate::directory::Directory;
use crate::env::Scopes;
use crate::traffic::TrafficTable;

/// How many events a receiver may fall behind before it loses the oldest.
pub const EVENTS: usize = 1024;

/// The target of log lines of nodes.
const TARGET: &str = "ferrowire::node";

/// Something that happened in the flows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The status of a node changed; it is empty when the node is gone.
    Status {
        /// The node.
        node: Arc<NodeInfo>,
        /// Its status now.
        status: Status,
    },
    /// A node published data, for example for the debug sidebar.
    Published {
        /// The node.
        node: Arc<NodeInfo>,
        /// The topic, such as `debug`.
        topic: &'static str,
        /// The data.
        data: Value,
    },
    /// A node failed to handle a message or to start, or one of its tasks failed, and no catch
    /// node took the error.
    Failed {
        /// The node.
        node: Arc<NodeInfo>,
        /// The error with all its causes.
        text: Arc<str>,
        /// For an error object of JavaScript: its `stack`, and `code` and `cause` if it has them.
        /// `text` is then its name and message without causes.
        details: Map,
        /// What the error is, if it is not a text.
        value: Option<Value>,
    },
    /// A node wrote a warning or an error to the log.
    Logged {
        /// The node.
        node: Arc<NodeInfo>,
        /// [`Level::Warn`] or [`Level::Error`].
        level: Level,
        /// The text of the log line.
        text: Arc<str>,
        /// What the text stands for, if the node logged something else.
        value: Option<Value>,
    },
    /// A deploy is done.
    Deployed {
        /// The revision of the flows.
        rev: Arc<str>,
        /// Whether they run. They don't when a node type is missing or the engine is stopped.
        running: bool,
    },
    /// All nodes are stopped.
    Stopped,
}

/// The services that the runtime gives to nodes, by type.
pub(crate) type Resources = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

pub(crate) struct NodeServices {
    events: broadcast::Sender<Event>,
    statuses: Mutex<HashMap<String, (Arc<NodeInfo>, Status)>>,
    scopes: ArcSwap<Scopes>,
    directory: ArcSwap<Directory>,
    pub(crate) provided: Provided,
}

/// What the runtime gives to the engine for nodes.
pub(crate) struct Provided {
    pub(crate) resources: Resources,
    pub(crate) port: Option<Arc<dyn Port>>,
    pub(crate) cluster: Option<Arc<dyn Cluster>>,
    pub(crate) settings: SettingValues,
    pub(crate) contexts: Arc<ContextStores>,
    /// `None` if no traces are recorded.
    pub(crate) tracer: Option<Arc<Tracer>>,
    /// `None` if messages are not counted.
    pub(crate) traffic: Option<TrafficTable>,
}

impl NodeServices {
    pub(crate) fn new(provided: Provided) -> Self {
        NodeServices {
            events: broadcast::Sender::new(EVENTS),
            statuses: Mutex::default(),
            scopes: ArcSwap::default(),
            directory: ArcSwap::default(),
            provided,
        }
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    pub(crate) fn emit(&self, event: Event) {
        // Sending only fails when there is no receiver.
        let _unheard = self.events.send(event);
    }

    pub(crate) fn set_scopes(&self, scopes: Scopes) {
        self.scopes.store(Arc::new(scopes));
    }

    pub(crate) fn set_directory(&self, directory: Directory) {
        self.directory.store(Arc::new(directory));
    }

    pub(crate) fn statuses(&self) -> Vec<(Arc<NodeInfo>, Status)> {
        self.statuses.locked().values().cloned().collect()
    }

    /// Clears the status of a node that is gone.
    pub(crate) fn clear_status(&self, id: &str) {
        let removed = self.statuses.locked().remove(id);
        if let Some((node, _)) = removed {
            self.emit(Event::Status { node, status: Status::default() });
        }
    }

    /// Forgets the nodes and flows whose messages were counted and that do not exist any more.
    pub(crate) fn forget_traffic(&self, exists: impl Fn(&str) -> bool) {
        if let Some(table) = &self.provided.traffic {
            table.retain(exists);
        }
    }

    fn logged(
        &self,
        node: &NodeInfo,
        level: Level,
        value: Option<Value>,
        text: fmt::Arguments<'_>,
    ) {
        Self::write_log(node, level, text);
        if level >= Level::Warn && self.events.receiver_count() > 0 {
            let (node, text) = (Arc::new(node.clone()), text.to_string().into());
            self.emit(Event::Logged { node, level, text, value });
        }
    }

    fn write_log(node: &NodeInfo, level: Level, text: fmt::Arguments<'_>) {
        let trace = trace::current().map(|trace| tracing::field::display(trace.id()));
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    target: TARGET,
                    id = %node.id,
                    "type" = %node.node_type,
                    name = %node.name,
                    trace_id = trace,
                    "{text}"
                )
            };
        }
        match level {
            Level::Trace => line!(trace),
            Level::Debug => line!(debug),
            Level::Info => line!(info),
            Level::Warn => line!(warn),
            Level::Error => line!(error),
        }
    }
}

impl Services for NodeServices {
    fn status(&self, node: &Arc<NodeInfo>, status: Status) {
        let shown = (Arc::clone(node), status.clone());
        let mut statuses = self.statuses.locked();
        match status.is_empty() {
            true => drop(statuses.remove(&node.id)),
            false => drop(statuses.insert(node.id.clone(), shown)),
        }
        // Sent under the lock, so that the last event has the status that is stored.
        self.emit(Event::Status { node: Arc::clone(node), status });
    }

    fn log(&self, node: &NodeInfo, level: Level, text: fmt::Arguments<'_>) {
        self.logged(node, level, None, text);
    }

    fn log_value(&self, node: &NodeInfo, level: Level, value: Value, text: fmt::Arguments<'_>) {
        self.logged(node, level, Some(value), text);
    }

    fn publish(&self, node: &Arc<NodeInfo>, topic: &'static str, data: Value) {
        self.emit(Event::Published { node: Arc::clone(node), topic, data });
    }

    fn env(&self, node: &NodeInfo, name: &str) -> Option<Value> {
        self.scopes.load().get(node, name)
    }

    fn port(&self) -> Option<Arc<dyn Port>> {
        self.provided.port.clone()
    }

    fn cluster(&self) -> Option<Arc<dyn Cluster>> {
        self.provided.cluster.clone()
    }

    fn setting(&self, name: &str) -> Option<SettingValue> {
        self.provided.settings.find(name)
    }

    fn resource(&self, kind: TypeId) -> Option<Arc<dyn Any + Send + Sync>> {
        self.provided.resources.get(&kind).cloned()
    }

    fn addressed(&self, id: &str) -> Option<Arc<RunningNode>> {
        self.directory.load().get(id)
    }

    fn find_linked(&self, node: &NodeInfo, name: &str) -> Result<String, NodeError> {
        self.directory.load().find(node, name)
    }

    fn contexts(&self) -> &ContextStores {
        &self.provided.contexts
    }

    fn traffic(&self, node: &NodeInfo) -> Option<Arc<Traffic>> {
        self.provided.traffic.as_ref().map(|table| table.of(node))
    }

    fn tracer(&self) -> Option<Arc<Tracer>> {
        self.provided.tracer.clone()
    }

    fn parent_flow(&self, flow: &str) -> Option<String> {
        self.scopes.load().parent_flow(flow)
    }

    fn failed(&self, node: &Arc<NodeInfo>, error: &NodeError, caught: bool) {
        let text = error.value().map_or_else(|| error.chain(), Value::to_json);
        if caught {
            return Self::write_log(node, Level::Debug, format_args!("{text}"));
        }
        Self::write_log(node, Level::Error, format_args!("{text}"));
        let (text, details) = (error.told().into(), error.details().clone());
        let value = error.value().cloned();
        self.emit(Event::Failed { node: Arc::clone(node), text, details, value });
    }
}
