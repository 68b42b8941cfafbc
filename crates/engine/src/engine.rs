//! `Engine`: a handle to the running flows.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ferrowire_core::bus::{RunningNode, Services};
use ferrowire_core::{ContextStores, Message, NodeInfo, Registry, Sending, Status, StopReason};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::broadcast;

use crate::builder::EngineBuilder;
use crate::deploy::SharedEngine;
use crate::services::Event;
use crate::traffic::{TrafficReadings, TrafficTable};
use crate::{FlowFile, Problem};

/// What a deploy restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeployType {
    /// Every node.
    Full,
    /// The nodes that changed, and every node that is connected to one of them, directly or
    /// through others.
    Flows,
    /// The nodes that changed. The other nodes get new wires without a restart.
    Nodes,
    /// Every node; the flow file was read again.
    Reload,
}

/// The result of a deploy.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Deployed {
    /// The revision of the deployed flows.
    pub rev: Arc<str>,
    /// All problems in them.
    pub problems: Arc<[Problem]>,
    /// Whether they run. They don't when a node type is missing or the engine is stopped.
    pub running: bool,
}

/// A deploy or stop did not finish, because its tokio runtime shut down or it panicked.
#[derive(Debug, thiserror::Error)]
#[error("the change of flows was interrupted; restart the runtime")]
pub struct Interrupted(#[from] tokio::task::JoinError);

/// The node that was addressed does not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no node with the id `{id}` is running")]
pub struct NotRunning {
    /// The id that no running node has.
    pub id: String,
}

/// Runs flows. A clone is another handle to the same engine.
///
/// Dropping the last handle does not stop the flows: running nodes keep each other alive. Call
/// [`stop`](Engine::stop) first. All functions need a tokio runtime with time enabled.
#[derive(Clone)]
pub struct Engine {
    pub(crate) shared: Arc<SharedEngine>,
}

impl Engine {
    /// Prepares an engine that knows the node types of `registry`.
    pub fn builder(registry: Registry) -> EngineBuilder {
        EngineBuilder::new(registry)
    }

    /// Deploys `file` and starts every node in it. All nodes that ran before are stopped.
    ///
    /// # Errors
    /// If the tokio runtime shuts down before the deploy is done. Mistakes in the file are not an
    /// error: the nodes that can run do, and [`Deployed::problems`] lists the mistakes.
    pub async fn start(&self, file: FlowFile) -> Result<Deployed, Interrupted> {
        self.spawn_deploy(file, DeployType::Full, true).await
    }

    /// Replaces the deployed flows by `file`. On a stopped engine, the new flows don't start.
    ///
    /// Deploys run one after the other. Once its future has been polled, a deploy runs to the end
    /// even if the future is dropped.
    ///
    /// # Errors
    /// See [`start`](Engine::start).
    pub async fn deploy(
        &self,
        file: FlowFile,
        deploy_type: DeployType,
    ) -> Result<Deployed, Interrupted> {
        self.spawn_deploy(file, deploy_type, false).await
    }

    async fn spawn_deploy(
        &self,
        file: FlowFile,
        deploy_type: DeployType,
        start: bool,
    ) -> Result<Deployed, Interrupted> {
        let shared = Arc::clone(&self.shared);
        let deploy = async move { shared.deploy(file, deploy_type, start).await };
        Ok(self.shared.changes.spawn(deploy).await?)
    }

    /// Stops all nodes. The flows stay deployed; they don't run again until
    /// [`start`](Engine::start) is called.
    ///
    /// A node that takes longer than the builder's [`stop_limit`](EngineBuilder::stop_limit) is
    /// cancelled. Once its future has been polled, a stop runs to the end even if the future is
    /// dropped.
    ///
    /// # Errors
    /// See [`start`](Engine::start).
    pub async fn stop(&self, reason: StopReason) -> Result<(), Interrupted> {
        let shared = Arc::clone(&self.shared);
        let stop = async move { shared.stop(reason).await };
        Ok(self.shared.changes.spawn(stop).await?)
    }

    /// Lets the clients of all nodes go, spread over `window`, while the flows go on. Ends when none is
    /// left.
    pub async fn drain(&self, window: Duration) {
        let nodes = Arc::clone(&self.shared.snapshot.load().nodes);
        let mut draining: FuturesUnordered<_> =
            nodes.values().map(|node| node.drain(window)).collect();
        while draining.next().await.is_some() {}
    }

    /// The deployed flows.
    pub fn flows(&self) -> FlowFile {
        self.shared.snapshot.load().file.clone()
    }

    /// The revision of the deployed flows.
    pub fn rev(&self) -> Arc<str> {
        Arc::clone(&self.shared.snapshot.load().rev)
    }

    /// All problems in the deployed flows.
    pub fn problems(&self) -> Arc<[Problem]> {
        Arc::clone(&self.shared.snapshot.load().problems)
    }

    /// The running nodes, in no particular order.
    pub fn nodes(&self) -> Vec<Arc<NodeInfo>> {
        self.shared.snapshot.load().nodes.values().map(|node| Arc::clone(node.info())).collect()
    }

    /// Whether the flows run. They don't before the first start, after a stop, or when the last
    /// deploy lacked a node type. During a deploy, whether those before run.
    pub fn is_running(&self) -> bool {
        self.shared.snapshot.load().running
    }

    /// The messages and errors of nodes so far; `None` unless the builder was asked to
    /// [count](EngineBuilder::count_traffic) them.
    pub fn traffic(&self) -> Option<TrafficReadings> {
        self.shared.services.provided.traffic.as_ref().map(TrafficTable::read)
    }

    /// How many messages wait in the queues of nodes and wires, by the type of the node that they
    /// wait for. Types without queued messages are missing.
    pub fn waiting(&self) -> BTreeMap<String, usize> {
        let mut waiting = BTreeMap::new();
        for node in self.shared.snapshot.load().nodes.values() {
            node.waiting(&mut |receiver, count| {
                if count > 0 {
                    *waiting.entry(receiver.node_type.clone()).or_default() += count;
                }
            });
        }
        waiting
    }

    /// Delivers `msg` to the node `id` as if it came over a wire, for example when the button of an
    /// inject node is pressed.
    ///
    /// # Errors
    /// If no node with this id is running.
    pub fn deliver(&self, id: &str, mut msg: Message) -> Result<Sending, NotRunning> {
        let snapshot = self.shared.snapshot.load();
        let node: Option<&Arc<RunningNode>> = snapshot.nodes.get(id);
        let node = node.ok_or_else(|| NotRunning { id: id.to_owned() })?;
        msg.ensure_id();
        Ok(node.deliver(msg))
    }

    /// Switches the node `id` on or off until it restarts, as the button of a debug node does.
    /// Returns whether nodes of its type can be switched.
    ///
    /// # Errors
    /// If no node with this id is running.
    pub fn set_active(&self, id: &str, active: bool) -> Result<bool, NotRunning> {
        let snapshot = self.shared.snapshot.load();
        let node = snapshot.nodes.get(id).ok_or_else(|| NotRunning { id: id.to_owned() })?;
        Ok(node.set_active(active))
    }

    /// The stores of node, flow and global context.
    pub fn contexts(&self) -> &ContextStores {
        self.shared.services.contexts()
    }

    /// The node types of this engine.
    pub fn registry(&self) -> Arc<Registry> {
        self.shared.registry.load_full()
    }

    /// Replaces the node types, for the deploys from now on. Nodes that run are not affected.
    pub fn set_registry(&self, registry: Registry) {
        self.shared.registry.store(Arc::new(registry));
    }

    /// Subscribes to all events from now on. A receiver that falls more than
    /// [`EVENTS`](crate::EVENTS) events behind loses the oldest and is told how many; nodes never
    /// wait for a receiver.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.shared.services.subscribe()
    }

    /// The status of each node that shows one.
    pub fn statuses(&self) -> Vec<(Arc<NodeInfo>, Status)> {
        self.shared.services.statuses()
    }
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let snapshot = self.shared.snapshot.load();
        f.debug_struct("Engine")
            .field("rev", &snapshot.rev)
            .field("nodes", &snapshot.nodes.len())
            .finish_non_exhaustive()
    }
}
