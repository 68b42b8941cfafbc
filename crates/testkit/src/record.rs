//! Records the actions of a node for the test.

use std::any::{Any, TypeId};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ferrowire_core::bus::{RunningNode, Services};
use ferrowire_core::port::Port;
use ferrowire_core::{
    ContextStores, FromConfig, Handled, Level, Message, Node, NodeConfig, NodeContext, NodeError,
    NodeInfo, SettingValue, SettingValues, Status, Value,
};
use tokio::sync::Notify;

/// The maximum number of unread entries of one kind; more indicate a runaway node.
pub(crate) const LIMIT: usize = 1 << 16;

/// The entries of one kind, in order.
#[derive(Debug)]
pub(crate) struct Record<T> {
    entries: Mutex<VecDeque<T>>,
    arrived: Notify,
}

impl<T> Default for Record<T> {
    fn default() -> Self {
        Record { entries: Mutex::default(), arrived: Notify::new() }
    }
}

impl<T> Record<T> {
    pub(crate) fn push(&self, entry: T) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        // The entry at the limit marks that it was reached.
        if entries.len() < LIMIT {
            entries.push_back(entry);
        }
        drop(entries);
        self.arrived.notify_one();
    }

    pub(crate) fn take(&self) -> Vec<T> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(
            entries.len() < LIMIT,
            "the node repeated an action {LIMIT} times; it may be in an endless loop"
        );
        entries.drain(..).collect()
    }

    pub(crate) fn try_next(&self) -> Option<T> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    pub(crate) async fn next(&self, what: &str, patience: Duration) -> T {
        let next = async {
            loop {
                if let Some(entry) = self.try_next() {
                    return entry;
                }
                self.arrived.notified().await;
            }
        };
        match tokio::time::timeout(patience, next).await {
            Ok(entry) => entry,
            Err(_) => panic!("the node gave no {what} within {patience:?}"),
        }
    }
}

/// A node that records its messages; one is wired to each output.
#[derive(Clone, Debug, Default)]
pub(crate) struct Collector(pub(crate) Arc<Record<Message>>);

impl FromConfig for Collector {
    fn from_config(_: &mut NodeConfig<'_>) -> Self {
        Collector::default()
    }
}

impl Node for Collector {
    fn on_message_now(&self, msg: Message, _: &NodeContext) -> Handled {
        self.0.push(msg);
        Handled::Done
    }
}

/// The runtime around the node under test.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) statuses: Record<Status>,
    pub(crate) logs: Record<(Level, String)>,
    pub(crate) logged_values: Record<Value>,
    pub(crate) errors: Record<String>,
    pub(crate) published: Record<(&'static str, Value)>,
    pub(crate) env: HashMap<String, Value>,
    pub(crate) port: Option<Arc<dyn Port>>,
    pub(crate) settings: SettingValues,
    pub(crate) resources: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
    pub(crate) contexts: ContextStores,
    /// Other nodes, by id.
    pub(crate) running: Mutex<HashMap<String, Arc<RunningNode>>>,
}

impl Services for World {
    fn status(&self, _: &Arc<NodeInfo>, status: Status) {
        self.statuses.push(status);
    }

    fn log(&self, _: &NodeInfo, level: Level, text: fmt::Arguments<'_>) {
        self.logs.push((level, text.to_string()));
    }

    fn log_value(&self, node: &NodeInfo, level: Level, value: Value, text: fmt::Arguments<'_>) {
        self.logged_values.push(value);
        self.log(node, level, text);
    }

    fn publish(&self, _: &Arc<NodeInfo>, topic: &'static str, data: Value) {
        self.published.push((topic, data));
    }

    fn env(&self, node: &NodeInfo, name: &str) -> Option<Value> {
        match name {
            "NR_NODE_ID" => Some(node.id.as_str().into()),
            "NR_NODE_NAME" => Some(node.name.as_str().into()),
            "NR_FLOW_ID" => Some(node.flow.as_str().into()),
            _ => self.env.get(name).cloned(),
        }
    }

    fn port(&self) -> Option<Arc<dyn Port>> {
        self.port.clone()
    }

    fn setting(&self, name: &str) -> Option<SettingValue> {
        self.settings.find(name)
    }

    fn resource(&self, kind: TypeId) -> Option<Arc<dyn Any + Send + Sync>> {
        self.resources.get(&kind).cloned()
    }

    fn addressed(&self, id: &str) -> Option<Arc<RunningNode>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    fn find_linked(&self, _: &NodeInfo, name: &str) -> Result<String, NodeError> {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let found = running.contains_key(name).then(|| name.to_owned());
        found.ok_or_else(|| NodeError::new(format!("there is no node `{name}`")))
    }

    fn contexts(&self) -> &ContextStores {
        &self.contexts
    }

    fn parent_flow(&self, _: &str) -> Option<String> {
        None
    }

    fn failed(&self, _: &Arc<NodeInfo>, error: &NodeError, _: bool) {
        self.errors.push(error.chain());
    }
}
