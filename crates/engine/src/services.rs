//! `NodeServices`: what the bus asks of the engine: log, status, events, environment, resources.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use ferrowire_core::bus::{RunningNode, Services};
use ferrowire_core::{
    ContextStores, Level, Map, NodeError, NodeInfo, SettingValue, SettingValues, Status, Value,
};
use tokio::sync::broadcast;

use crate::directory::Directory;
use crate::env::Scopes;

/// The number of events that a receiver may be behind before it loses the oldest.
pub const EVENTS: usize = 1024;

/// The target of all log lines of nodes.
const TARGET: &str = "ferrowire::node";

/// Something that happened in the flows.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A node shows another status; an empty one when it is gone.
    Status {
        /// The node.
        node: Arc<NodeInfo>,
        /// What it shows now.
        status: Status,
    },
    /// A node published data, for example for the debug sidebar.
    Published {
        /// The node.
        node: Arc<NodeInfo>,
        /// What the data is for, such as `debug`.
        topic: &'static str,
        /// The data.
        data: Value,
    },
    /// A node failed, with a message, in its start, or in a task of its own, and no catch node
    /// was told.
    Failed {
        /// The node.
        node: Arc<NodeInfo>,
        /// Why, with all causes.
        text: Arc<str>,
        /// Of an error object of JavaScript: its `stack`, and perhaps `code` and `cause`; `text`
        /// is its name and message, without causes.
        details: Map,
    },
    /// A node wrote a warning or an error to the log.
    Logged {
        /// The node.
        node: Arc<NodeInfo>,
        /// Which of the two.
        level: Level,
        /// The line.
        text: Arc<str>,
    },
    /// Other flows are in place.
    Deployed {
        /// Their revision.
        rev: Arc<str>,
        /// Whether they run: they do not when a type is missing or the engine is stopped.
        running: bool,
    },
    /// The flows were stopped.
    Stopped,
}

/// Services of the runtime, by their type.
pub(crate) type Resources = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

pub(crate) struct NodeServices {
    events: broadcast::Sender<Event>,
    statuses: Mutex<HashMap<String, (Arc<NodeInfo>, Status)>>,
    scopes: ArcSwap<Scopes>,
    directory: ArcSwap<Directory>,
    resources: Resources,
    settings: SettingValues,
    contexts: Arc<ContextStores>,
}

impl NodeServices {
    pub(crate) fn new(
        resources: Resources,
        settings: SettingValues,
        contexts: Arc<ContextStores>,
    ) -> Self {
        NodeServices {
            events: broadcast::Sender::new(EVENTS),
            statuses: Mutex::default(),
            scopes: ArcSwap::default(),
            directory: ArcSwap::default(),
            resources,
            settings,
            contexts,
        }
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    pub(crate) fn emit(&self, event: Event) {
        // Nobody listens: then nobody is to be told.
        let _unheard = self.events.send(event);
    }

    pub(crate) fn set_scopes(&self, scopes: Scopes) {
        self.scopes.store(Arc::new(scopes));
    }

    pub(crate) fn set_directory(&self, directory: Directory) {
        self.directory.store(Arc::new(directory));
    }

    pub(crate) fn statuses(&self) -> Vec<(Arc<NodeInfo>, Status)> {
        self.kept().values().cloned().collect()
    }

    /// Takes back the status of a node that is gone.
    pub(crate) fn forget(&self, id: &str) {
        let gone = self.kept().remove(id);
        if let Some((node, _)) = gone {
            self.emit(Event::Status { node, status: Status::default() });
        }
    }

    fn write_log(node: &NodeInfo, level: Level, text: fmt::Arguments<'_>) {
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    target: TARGET,
                    id = %node.id,
                    "type" = %node.node_type,
                    name = %node.name,
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

    fn kept(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Arc<NodeInfo>, Status)>> {
        self.statuses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Services for NodeServices {
    fn status(&self, node: &Arc<NodeInfo>, status: Status) {
        let kept = (Arc::clone(node), status.clone());
        let mut statuses = self.kept();
        match status.is_empty() {
            true => drop(statuses.remove(&node.id)),
            false => drop(statuses.insert(node.id.clone(), kept)),
        }
        // Sent under the lock, so that the last event is the status that is kept.
        self.emit(Event::Status { node: Arc::clone(node), status });
    }

    fn log(&self, node: &NodeInfo, level: Level, text: fmt::Arguments<'_>) {
        Self::write_log(node, level, text);
        if level >= Level::Warn && self.events.receiver_count() > 0 {
            let (node, text) = (Arc::new(node.clone()), text.to_string().into());
            self.emit(Event::Logged { node, level, text });
        }
    }

    fn publish(&self, node: &Arc<NodeInfo>, topic: &'static str, data: Value) {
        self.emit(Event::Published { node: Arc::clone(node), topic, data });
    }

    fn env(&self, node: &NodeInfo, name: &str) -> Option<Value> {
        self.scopes.load().get(node, name)
    }

    fn setting(&self, name: &str) -> Option<SettingValue> {
        self.settings.find(name)
    }

    fn resource(&self, kind: TypeId) -> Option<Arc<dyn Any + Send + Sync>> {
        self.resources.get(&kind).cloned()
    }

    fn addressed(&self, id: &str) -> Option<Arc<RunningNode>> {
        self.directory.load().get(id)
    }

    fn find_linked(&self, node: &NodeInfo, name: &str) -> Result<String, NodeError> {
        self.directory.load().find(node, name)
    }

    fn contexts(&self) -> &ContextStores {
        &self.contexts
    }

    fn parent_flow(&self, flow: &str) -> Option<String> {
        self.scopes.load().parent_flow(flow)
    }

    fn failed(&self, node: &Arc<NodeInfo>, error: &NodeError, caught: bool) {
        let text = error.chain();
        if caught {
            return Self::write_log(node, Level::Debug, format_args!("{text}"));
        }
        Self::write_log(node, Level::Error, format_args!("{text}"));
        let (text, details) = (error.told().into(), error.details().clone());
        self.emit(Event::Failed { node: Arc::clone(node), text, details });
    }
}
