//! `EngineBuilder`: what an engine is given before it runs anything.

use std::any::{Any, TypeId};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use ferrowire_core::{ContextStores, Registry, SettingValues};
use tokio::sync::Mutex;
use tokio_util::task::TaskTracker;

use crate::deploy::Inner;
use crate::sequence::Limits;
use crate::services::{NodeServices, Resources};
use crate::{Engine, Environment};

/// How long a node may take to start before the others no longer wait for it.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How long nodes may take to stop, unless the builder is told otherwise.
const STOP_LIMIT: Duration = Duration::from_secs(10);

/// The longest limit: longer ones mean this.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Prepares an [`Engine`].
#[derive(Debug)]
pub struct EngineBuilder {
    registry: Registry,
    environment: Environment,
    resources: Resources,
    settings: SettingValues,
    contexts: Arc<ContextStores>,
    stop_limit: Duration,
}

impl EngineBuilder {
    pub(crate) fn new(registry: Registry) -> Self {
        EngineBuilder {
            registry,
            environment: Environment::default(),
            resources: Resources::new(),
            settings: SettingValues::default(),
            contexts: Arc::default(),
            stop_limit: STOP_LIMIT,
        }
    }

    /// Sets the environment variables that the flows see; without it there are none.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Gives nodes a service, which they find by its type.
    #[must_use]
    pub fn provide<T: Any + Send + Sync>(mut self, service: Arc<T>) -> Self {
        self.resources.insert(TypeId::of::<T>(), service);
        self
    }

    /// Sets the values of the settings that plugins declare; without it the defaults hold.
    #[must_use]
    pub fn settings(mut self, values: SettingValues) -> Self {
        self.settings = values;
        self
    }

    /// Sets where context is kept; without it in memory, as long as the engine lives.
    #[must_use]
    pub fn contexts(mut self, stores: Arc<ContextStores>) -> Self {
        self.contexts = stores;
        self
    }

    /// Sets how long nodes may take to stop before they are cancelled; 10 seconds by default.
    #[must_use]
    pub fn stop_limit(mut self, limit: Duration) -> Self {
        self.stop_limit = limit.min(LONGEST);
        self
    }

    /// The engine, without any flows.
    pub fn build(self) -> Engine {
        Engine {
            inner: Arc::new(Inner {
                registry: self.registry,
                environment: self.environment,
                services: Arc::new(NodeServices::new(self.resources, self.settings, self.contexts)),
                limits: Limits { start: START_LIMIT, stop: self.stop_limit },
                state: Mutex::default(),
                shown: ArcSwap::default(),
                changes: TaskTracker::new(),
            }),
        }
    }
}
