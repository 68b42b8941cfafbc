//! `Engine`: holds the flows that run, and exchanges them.

use std::any::{Any, TypeId};
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use ferrowire_core::bus::RunningNode;
use ferrowire_core::{Message, NodeInfo, Registry, Sending, Status, StopReason};
use tokio::sync::{Mutex, broadcast};
use tokio_util::task::TaskTracker;

use crate::diff::Restart;
use crate::model::Model;
use crate::plan::Plan;
use crate::problem::Severity;
use crate::running::{Nodes, Running};
use crate::sequence::Limits;
use crate::services::{Event, NodeServices, Resources};
use crate::{Environment, FlowFile, Problem};

/// How long a node may take to start before the others no longer wait for it.
const START_LIMIT: Duration = Duration::from_secs(30);

/// The target of log lines about flow files.
const TARGET: &str = "ferrowire::flows";

/// The longest limit: longer ones mean this.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// What a deploy restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeployType {
    /// Everything.
    Full,
    /// The nodes that changed and all that are wired to them, directly or through others.
    Flows,
    /// The nodes that changed. Others get their new wires without a restart.
    Nodes,
    /// Everything; the flow file was read again.
    Reload,
}

/// What came of a deploy.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Deployed {
    /// The revision of the flows that are in place now.
    pub rev: Arc<str>,
    /// Everything that is wrong with them.
    pub problems: Arc<[Problem]>,
    /// Whether they run: they do not when a type is missing or the engine is stopped.
    pub running: bool,
}

/// A deploy or stop was given up half-way, because its tokio runtime ended or it panicked.
#[derive(Debug, thiserror::Error)]
#[error("the change of flows was interrupted, restart the runtime")]
pub struct Interrupted(#[from] tokio::task::JoinError);

/// A message was meant for a node that does not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no node with the id `{id}` is running")]
pub struct NotRunning {
    /// The id.
    pub id: String,
}

/// Prepares an [`Engine`].
#[derive(Debug)]
pub struct EngineBuilder {
    registry: Registry,
    environment: Environment,
    resources: Resources,
    stop_limit: Duration,
}

impl EngineBuilder {
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
                services: Arc::new(NodeServices::new(self.resources)),
                limits: Limits { start: START_LIMIT, stop: self.stop_limit },
                state: Mutex::default(),
                shown: ArcSwap::default(),
                changes: TaskTracker::new(),
            }),
        }
    }
}

/// Runs flows. Cloning gives another handle to the same engine.
///
/// Flows that run keep each other alive; call [`stop`](Engine::stop) before the last handle goes.
/// Its functions need a tokio runtime with time enabled.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    registry: Registry,
    environment: Environment,
    services: Arc<NodeServices>,
    limits: Limits,
    /// Held by whoever changes the flows.
    state: Mutex<State>,
    shown: ArcSwap<Shown>,
    changes: TaskTracker,
}

#[derive(Default)]
struct State {
    /// Whether flows are to run.
    wanted: bool,
    model: Arc<Model>,
    running: Running,
}

/// What others see of the flows that are in place.
#[derive(Clone)]
struct Shown {
    file: FlowFile,
    rev: Arc<str>,
    problems: Arc<[Problem]>,
    nodes: Arc<Nodes>,
}

impl Default for Shown {
    fn default() -> Self {
        let file = FlowFile::default();
        let rev = file.rev().into();
        Shown { file, rev, problems: Arc::default(), nodes: Arc::default() }
    }
}

impl Engine {
    /// An engine for the node types of `registry`.
    pub fn builder(registry: Registry) -> EngineBuilder {
        EngineBuilder {
            registry,
            environment: Environment::default(),
            resources: Resources::new(),
            stop_limit: Duration::from_secs(10),
        }
    }

    /// Puts `file` in place and starts it, whatever ran before.
    ///
    /// # Errors
    /// When the tokio runtime ends meanwhile. Mistakes in the file are no error here: what can
    /// run does, and the rest is among the problems.
    pub async fn start(&self, file: FlowFile) -> Result<Deployed, Interrupted> {
        self.change(file, DeployType::Full, true).await
    }

    /// Puts `file` in place; when flows run, it takes over from them. Deploys wait for each
    /// other, and one that has begun is finished even when its future is dropped.
    ///
    /// # Errors
    /// As [`start`](Engine::start).
    pub async fn deploy(&self, file: FlowFile, how: DeployType) -> Result<Deployed, Interrupted> {
        self.change(file, how, false).await
    }

    async fn change(
        &self,
        file: FlowFile,
        how: DeployType,
        start: bool,
    ) -> Result<Deployed, Interrupted> {
        let inner = Arc::clone(&self.inner);
        let change = async move { inner.change(file, how, start).await };
        Ok(self.inner.changes.spawn(change).await?)
    }

    /// Stops all nodes; the flows stay in place and do not run until they are
    /// [started](Engine::start) again.
    ///
    /// # Errors
    /// As [`start`](Engine::start).
    pub async fn stop(&self, reason: StopReason) -> Result<(), Interrupted> {
        let inner = Arc::clone(&self.inner);
        let stop = async move { inner.stop(reason).await };
        Ok(self.inner.changes.spawn(stop).await?)
    }

    /// The flows that are in place.
    pub fn flows(&self) -> FlowFile {
        self.inner.shown.load().file.clone()
    }

    /// Their revision.
    pub fn rev(&self) -> Arc<str> {
        Arc::clone(&self.inner.shown.load().rev)
    }

    /// All that is wrong with them.
    pub fn problems(&self) -> Arc<[Problem]> {
        Arc::clone(&self.inner.shown.load().problems)
    }

    /// The nodes that run.
    pub fn nodes(&self) -> Vec<Arc<NodeInfo>> {
        self.inner.shown.load().nodes.values().map(|node| Arc::clone(node.info())).collect()
    }

    /// Hands `msg` to a node as if it came over a wire, for example at the press of an inject
    /// button.
    ///
    /// # Errors
    /// When no such node runs.
    pub fn deliver(&self, id: &str, mut msg: Message) -> Result<Sending, NotRunning> {
        let shown = self.inner.shown.load();
        let node: Option<&Arc<RunningNode>> = shown.nodes.get(id);
        let node = node.ok_or_else(|| NotRunning { id: id.to_owned() })?;
        msg.ensure_id();
        Ok(node.deliver(msg))
    }

    /// Switches a node on or off until it starts again, as the button of a debug node does.
    /// Returns whether it can be switched.
    ///
    /// # Errors
    /// When no such node runs.
    pub fn set_active(&self, id: &str, active: bool) -> Result<bool, NotRunning> {
        let shown = self.inner.shown.load();
        let node = shown.nodes.get(id).ok_or_else(|| NotRunning { id: id.to_owned() })?;
        Ok(node.set_active(active))
    }

    /// The node types that this engine knows.
    pub fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    /// What happens from now on. A receiver that is more than [`EVENTS`](crate::EVENTS) behind
    /// loses the oldest and is told how many; nodes never wait for it.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.inner.services.subscribe()
    }

    /// The status that each node shows now; those that show none are left out.
    pub fn statuses(&self) -> Vec<(Arc<NodeInfo>, Status)> {
        self.inner.services.statuses()
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.inner.shown.load();
        f.debug_struct("Engine")
            .field("rev", &shown.rev)
            .field("nodes", &shown.nodes.len())
            .finish_non_exhaustive()
    }
}

impl Inner {
    async fn change(&self, file: FlowFile, how: DeployType, start: bool) -> Deployed {
        let mut state = self.state.lock().await;
        state.wanted |= start;
        let mut plan = Plan::new(file.clone(), &self.registry, &self.environment);
        let running = state.wanted && !plan.is_blocked();
        let deployed = Deployed {
            rev: file.rev().into(),
            problems: std::mem::take(&mut plan.problems).into(),
            running,
        };
        self.announce(file, &deployed);
        self.services.set_scopes(std::mem::take(&mut plan.scopes));
        let model = Arc::clone(&plan.model);
        let State { model: old, running: nodes, .. } = &mut *state;
        if running {
            let restart = Restart::between(old, &model, how);
            let keep: HashSet<String> = nodes
                .ids()
                .filter(|id| restart.spares(id) && nodes.agrees_with(&plan, id))
                .map(str::to_owned)
                .collect();
            nodes.replace(plan, |id| keep.contains(id), &self.services, self.limits).await;
        } else {
            nodes.stop(StopReason::Removed, self.limits).await;
        }
        state.model = model;
        self.show_nodes(&state.running);
        tracing::info!(target: TARGET, rev = %deployed.rev, running, "the flows are deployed");
        self.services.emit(Event::Deployed { rev: Arc::clone(&deployed.rev), running });
        deployed
    }

    /// Shows what is deployed now, and logs what is wrong with it.
    fn announce(&self, file: FlowFile, deployed: &Deployed) {
        for problem in deployed.problems.iter() {
            match problem.severity {
                Severity::Warning => tracing::warn!(target: TARGET, "{problem}"),
                _ => tracing::error!(target: TARGET, "{problem}"),
            }
        }
        let (rev, problems) = (Arc::clone(&deployed.rev), Arc::clone(&deployed.problems));
        let nodes = Arc::clone(&self.shown.load().nodes);
        self.shown.store(Arc::new(Shown { file, rev, problems, nodes }));
    }

    async fn stop(&self, reason: StopReason) {
        let mut state = self.state.lock().await;
        state.wanted = false;
        state.running.stop(reason, self.limits).await;
        self.show_nodes(&state.running);
        tracing::info!(target: TARGET, "the flows are stopped");
        self.services.emit(Event::Stopped);
    }

    /// Shows which nodes run now, and takes back the statuses of the others.
    fn show_nodes(&self, running: &Running) {
        let nodes = Arc::new(running.nodes());
        for (node, _) in self.services.statuses() {
            if !nodes.contains_key(&node.id) {
                self.services.forget(&node.id);
            }
        }
        let shown = Shown::clone(&self.shown.load());
        self.shown.store(Arc::new(Shown { nodes, ..shown }));
    }
}
