//! Records the actions of a node for the test.

use std::any::{Any, TypeId};
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferrowire_core::bus::{RunningNode, Services};
use ferrowire_core::cluster::Cluster;
use ferrowire_core::port::Port;
use ferrowire_core::{
    ContextStores, FromConfig, Handled, Level, Message, MutexExt as _, Node, NodeConfig,
    NodeContext, NodeError, NodeInfo, SettingValue, SettingValues, Status, Value,
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
        let mut entries = self.entries.locked();
        // The entry at the limit marks that it was reached.
        if entries.len() < LIMIT {
            entries.push_back(entry);
        }
        drop(entries);
        self.arrived.notify_one();
    }

    pub(crate) fn take(&self) -> Vec<T> {
        let mut entries = self.entries.locked();
        assert!(
            entries.len() < LIMIT,
            "the node repeated an action {LIMIT} times; it may be in an endless loop"
        );
        entries.drain(..).collect()
    }

    pub(crate) fn try_next(&self) -> Option<T> {
        self.entries.locked().pop_front()
    }

    /// The next entry; `None` if none arrives in time.
    pub(crate) async fn next(&self, patience: Duration) -> Option<T> {
        let next = async {
            loop {
                if let Some(entry) = self.try_next() {
                    return entry;
                }
                self.arrived.notified().await;
            }
        };
        tokio::time::timeout(patience, next).await.ok()
    }

    /// Describes the unread entries as `what`, the first one with `show`; `None` if there are none.
    pub(crate) fn unread(&self, what: &str, show: impl Fn(&T) -> String) -> Option<String> {
        let entries = self.entries.locked();
        let first = shortened(&show(entries.front()?));
        Some(match entries.len() {
            1 => format!("{what} {first}"),
            count => format!("{count} times {what}, first {first}"),
        })
    }
}

/// The number of characters that a failed expectation shows of a value.
const SHOWN: usize = 200;

/// The start of a long text.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
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

/// What a test provides to the node.
#[derive(Clone, Default)]
pub(crate) struct Provided {
    pub(crate) env: HashMap<String, Value>,
    pub(crate) port: Option<Arc<dyn Port>>,
    pub(crate) cluster: Option<Arc<dyn Cluster>>,
    pub(crate) settings: SettingValues,
    pub(crate) resources: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
}

/// The runtime around the node under test.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) statuses: Record<Status>,
    pub(crate) logs: Record<(Level, String)>,
    pub(crate) logged_values: Record<Value>,
    pub(crate) errors: Record<String>,
    pub(crate) published: Record<(&'static str, Value)>,
    provided: Provided,
    contexts: ContextStores,
    /// Other nodes, by id.
    pub(crate) running: Mutex<HashMap<String, Arc<RunningNode>>>,
}

impl World {
    pub(crate) fn new(provided: Provided) -> Self {
        World { provided, ..World::default() }
    }

    /// What the node has done and the test has not read.
    pub(crate) fn unread(&self) -> impl Iterator<Item = String> {
        let error = self.errors.unread("the error", |error| format!("`{error}`"));
        let status = self.statuses.unread("the status", |status| format!("`{}`", status.text));
        let log = self.logs.unread("the log line", |(_, line)| format!("`{line}`"));
        let published = self
            .published
            .unread("data for", |(topic, data)| format!("`{topic}`: {}", data.to_json()));
        [error, status, log, published].into_iter().flatten()
    }
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
            _ => self.provided.env.get(name).cloned(),
        }
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
        self.running.locked().get(id).cloned()
    }

    fn find_linked(&self, _: &NodeInfo, name: &str) -> Result<String, NodeError> {
        let running = self.running.locked();
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
        if let Some(value) = error.value() {
            self.logged_values.push(value.clone());
        }
        self.errors.push(error.chain());
    }
}
