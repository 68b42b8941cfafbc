//! `Engine`: the handle to the flows that run.

use std::fmt;
use std::sync::Arc;

use ferrowire_core::bus::{RunningNode, Services};
use ferrowire_core::{ContextStores, Message, NodeInfo, Registry, Sending, Status, StopReason};
use tokio::sync::broadcast;

use crate::builder::EngineBuilder;
use crate::deploy::Inner;
use crate::services::Event;
use crate::{FlowFile, Problem};

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

/// Runs flows. Cloning gives another handle to the same engine.
///
/// Flows that run keep each other alive; call [`stop`](Engine::stop) before the last handle goes.
/// Its functions need a tokio runtime with time enabled.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

impl Engine {
    /// An engine for the node types of `registry`.
    pub fn builder(registry: Registry) -> EngineBuilder {
        EngineBuilder::new(registry)
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

    /// The values that flows keep.
    pub fn contexts(&self) -> &ContextStores {
        self.inner.services.contexts()
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
