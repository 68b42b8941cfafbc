//! `HarnessBuilder`: a node under test and its environment.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ferrowire_core::cluster::Cluster;
use ferrowire_core::port::Port;
use ferrowire_core::{
    BuiltNode, ConfigProblem, Map, NodeConfig, NodeInfo, NodeType, Registry, Setting,
    SettingValues, Value,
};

use crate::record::Provided;
use crate::{Harness, compliance, object};

/// The type `name` of a linked crate.
///
/// # Panics
/// If no linked crate provides it.
pub fn linked(name: &str) -> NodeType {
    let registry = Registry::linked().unwrap_or_else(|error| panic!("{error}"));
    let Some(node_type) = registry.get(name) else {
        let known: Vec<_> = registry.iter().map(|node_type| node_type.name).collect();
        panic!(
            "no crate linked into this test provides `{name}` (found: {known:?}); \
             write `use the_crate as _;` in the test file"
        )
    };
    *node_type
}

/// Sets a setting to a value in the syntax of environment variables.
pub(crate) fn set<T>(values: &mut SettingValues, setting: &Setting<T>, text: &str) {
    let record = setting.record();
    let value = record.parse(text);
    let value = value.unwrap_or_else(|why| panic!("`{}` is `{text}`: {why}", record.name));
    values.set(record, value);
}

/// Configures a node and its environment; [`start`](Self::start) runs it.
#[must_use = "call `start`, `problems` or `assert_compliant`"]
#[derive(Clone)]
pub struct HarnessBuilder {
    node_type: NodeType,
    pub(crate) properties: Map,
    others: HashMap<String, Map>,
    pub(crate) provided: Provided,
    pub(crate) endpoint: Option<String>,
    pub(crate) outputs: usize,
    pub(crate) linked: Vec<String>,
    pub(crate) watched: bool,
    pub(crate) patience: Duration,
}

impl HarnessBuilder {
    pub(crate) fn new(node_type: NodeType) -> Self {
        HarnessBuilder {
            node_type,
            properties: Map::new(),
            others: HashMap::new(),
            provided: Provided::default(),
            endpoint: None,
            outputs: 8,
            linked: Vec::new(),
            watched: false,
            patience: Duration::from_secs(60),
        }
    }

    /// The node's properties, as in a flow file, including `id`, `name` and `z`. Without an `id` it
    /// is `node`; without a `z` the flow is `flow`.
    pub fn config(mut self, properties: serde_json::Value) -> Self {
        self.properties = object(properties, "a configuration");
        self
    }

    /// Another node that the configuration refers to; the properties include its `id`.
    pub fn other_node(mut self, properties: serde_json::Value) -> Self {
        let properties = object(properties, "a configuration");
        let id = properties.get("id").and_then(Value::as_str).unwrap_or_default().to_owned();
        self.others.insert(id, properties);
        self
    }

    /// Sets an environment variable for the node. The process's variables are not visible.
    pub fn env(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.provided.env.insert(name.to_owned(), value.into());
        self
    }

    /// Sets a setting of the node's crate, in the syntax of environment variables. Otherwise the
    /// declared default applies.
    ///
    /// # Panics
    /// If the value is invalid.
    pub fn setting<T>(mut self, setting: &Setting<T>, text: &str) -> Self {
        set(&mut self.provided.settings, setting, text);
        self
    }

    /// Connects the node to the endpoint `id`.
    pub fn endpoint(mut self, id: &str) -> Self {
        self.endpoint = Some(id.to_owned());
        self
    }

    /// Provides an object of the test, which `NodeContext::resource` finds by its type.
    #[doc(hidden)]
    pub fn resource<T: Any + Send + Sync>(mut self, service: T) -> Self {
        self.provided.resources.insert(TypeId::of::<T>(), Arc::new(service));
        self
    }

    /// Provides an HTTP port, such as a [`TestPort`](crate::TestPort).
    pub fn port(mut self, port: impl Port + 'static) -> Self {
        self.provided.port = Some(Arc::new(port));
        self
    }

    /// Makes the node part of a cluster.
    pub fn cluster(mut self, cluster: Arc<dyn Cluster>) -> Self {
        self.provided.cluster = Some(cluster);
        self
    }

    /// Adds another node, to which messages can be delivered without a wire, by its id. Read them
    /// with [`Harness::next_delivered`].
    pub fn linked(mut self, id: &str) -> Self {
        self.linked.push(id.to_owned());
        self
    }

    /// Watches the node like a complete and a catch node: read its completed messages with
    /// [`Harness::next_completed`], its failed ones with [`Harness::next_caught`].
    pub fn watched(mut self) -> Self {
        self.watched = true;
        self
    }

    /// The number of recorded outputs; 8 by default.
    pub fn outputs(mut self, outputs: usize) -> Self {
        self.outputs = outputs;
        self
    }

    /// How long the test waits for an expected event; a minute by default. With a paused clock this
    /// takes no time.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Builds the node without starting it and returns the problems of its configuration.
    pub fn problems(&self) -> Vec<ConfigProblem> {
        self.build().2
    }

    pub(crate) fn build(&self) -> (NodeInfo, BuiltNode, Vec<ConfigProblem>) {
        let text = |name: &str, default: &str| {
            let value = self.properties.get(name).and_then(Value::as_str);
            value.unwrap_or(default).to_owned()
        };
        let info = NodeInfo {
            id: text("id", "node"),
            node_type: self.node_type.name.to_owned(),
            name: text("name", ""),
            flow: text("z", "flow"),
            path: text("z", "flow"),
            alias: String::new(),
        };
        let find = |id: &str| self.others.get(id).cloned();
        let mut config = NodeConfig::new(info.clone(), self.properties.clone(), &find);
        let built = self.node_type.build(&mut config);
        (info, built, config.take_problems())
    }

    /// Checks that the node follows the rules for all nodes in this environment: see
    /// [`assert_compliant`](crate::assert_compliant), which checks a node without one.
    ///
    /// # Panics
    /// With the rule that was broken.
    pub async fn assert_compliant(self) {
        compliance::check(&self).await;
    }

    /// Builds and starts the node. An error of its `start` is in [`Harness::errors`].
    ///
    /// # Panics
    /// If the configuration has problems, or the start takes too long.
    pub async fn start(self) -> Harness {
        Harness::start(self).await
    }
}

impl std::fmt::Debug for HarnessBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HarnessBuilder")
            .field("node_type", &self.node_type.name)
            .field("properties", &self.properties)
            .finish_non_exhaustive()
    }
}
