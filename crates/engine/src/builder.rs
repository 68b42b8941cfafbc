//! `EngineBuilder`: the settings and services of an engine.

use std::any::{Any, TypeId};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use ferrowire_core::cluster::Cluster;
use ferrowire_core::port::Port;
use ferrowire_core::trace::Tracer;
use ferrowire_core::{ContextStores, Registry, SettingValues};
use tokio::sync::Mutex;
use tokio_util::task::TaskTracker;

use crate::deploy::SharedEngine;
use crate::services::{NodeServices, Provided, Resources};
use crate::start_stop::TimeLimits;
use crate::traffic::TrafficTable;
use crate::{Companion, Engine, Environment};

/// How long a node may take to start. Then its start is cancelled.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How long nodes may take to stop by default.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// The longest stop limit: deadlines have to be representable.
const MAX_STOP_LIMIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Prepares an [`Engine`].
#[derive(Debug)]
pub struct EngineBuilder {
    registry: Registry,
    environment: Environment,
    resources: Resources,
    port: Option<Arc<dyn Port>>,
    cluster: Option<Arc<dyn Cluster>>,
    settings: SettingValues,
    contexts: Arc<ContextStores>,
    companion: Option<Arc<dyn Companion>>,
    stop_limit: Duration,
    counted_nodes: Option<usize>,
    tracer: Option<Arc<Tracer>>,
}

impl EngineBuilder {
    pub(crate) fn new(registry: Registry) -> Self {
        EngineBuilder {
            registry,
            environment: Environment::default(),
            resources: Resources::new(),
            port: None,
            cluster: None,
            settings: SettingValues::default(),
            contexts: Arc::default(),
            companion: None,
            stop_limit: STOP_LIMIT,
            counted_nodes: None,
            tracer: None,
        }
    }

    /// Sets the environment variables that the flows see. By default there are none.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Provides a service that nodes look up by its type. The last one of a type counts.
    #[must_use]
    pub fn provide<T: Any + Send + Sync>(mut self, service: Arc<T>) -> Self {
        self.resources.insert(TypeId::of::<T>(), service);
        self
    }

    /// Sets the HTTP port that nodes serve at. By default there is none.
    #[must_use]
    pub fn port(mut self, port: Arc<dyn Port>) -> Self {
        self.port = Some(port);
        self
    }

    /// Sets the other instances that nodes work with. By default there are none.
    #[must_use]
    pub fn cluster(mut self, cluster: Arc<dyn Cluster>) -> Self {
        self.cluster = Some(cluster);
        self
    }

    /// Sets the values of the settings that plugins declare. By default there are none, and the
    /// declared defaults count.
    #[must_use]
    pub fn settings(mut self, values: SettingValues) -> Self {
        self.settings = values;
        self
    }

    /// Sets the stores for context. By default, context is kept in memory as long as the engine
    /// exists.
    #[must_use]
    pub fn contexts(mut self, stores: Arc<ContextStores>) -> Self {
        self.contexts = stores;
        self
    }

    /// Sets what runs the nodes of hosted types. By default nothing does.
    #[must_use]
    pub fn companion(mut self, companion: Arc<dyn Companion>) -> Self {
        self.companion = Some(companion);
        self
    }

    /// Sets how long nodes may take to stop before they are cancelled: 10 seconds by default, 24
    /// hours at most.
    #[must_use]
    pub fn stop_limit(mut self, limit: Duration) -> Self {
        self.stop_limit = limit.min(MAX_STOP_LIMIT);
        self
    }

    /// Counts the messages and errors of nodes by type and flow, for
    /// [`traffic`](Engine::traffic), and of up to `max_nodes` nodes by node. By default nothing is
    /// counted.
    #[must_use]
    pub fn count_traffic(mut self, max_nodes: usize) -> Self {
        self.counted_nodes = Some(max_nodes);
        self
    }

    /// Sets what records the traces of messages. By default nothing does.
    #[must_use]
    pub fn tracer(mut self, tracer: Arc<Tracer>) -> Self {
        self.tracer = Some(tracer);
        self
    }

    /// Builds the engine, without any flows.
    pub fn build(self) -> Engine {
        Engine {
            shared: Arc::new(SharedEngine {
                registry: ArcSwap::from_pointee(self.registry),
                environment: self.environment,
                services: Arc::new(NodeServices::new(Provided {
                    resources: self.resources,
                    port: self.port,
                    cluster: self.cluster,
                    settings: self.settings,
                    contexts: self.contexts,
                    tracer: self.tracer,
                    traffic: self.counted_nodes.map(TrafficTable::new),
                })),
                limits: TimeLimits { start: START_LIMIT, stop: self.stop_limit },
                companion: self.companion,
                flows: Mutex::default(),
                snapshot: ArcSwap::default(),
                changes: TaskTracker::new(),
            }),
        }
    }
}
