//! A deploy, from a flow file to running nodes. One at a time: each waits for the one before.

use std::sync::Arc;

use arc_swap::ArcSwap;
use ferrowire_core::bus::Services as _;
use ferrowire_core::{Registry, StopReason};
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::draft::Draft;
use crate::model::Model;
use crate::plan::Origin;
use crate::plan::Plan;
use crate::problem::Severity;
use crate::restart::{Decision, Decisions, Deploy, Reason, decide};
use crate::running::{NodesById, RunningNodes};
use crate::services::{Event, NodeServices};
use crate::start_stop::TimeLimits;
use crate::{
    Companion, DeployType, Deployed, Environment, FlowFile, HostedFlows, Problem, metrics,
};

/// The target of log lines about flow files.
const TARGET: &str = "ferrowire::flows";

/// What all handles to an engine share.
pub(crate) struct SharedEngine {
    pub(crate) registry: ArcSwap<Registry>,
    pub(crate) environment: Environment,
    pub(crate) services: Arc<NodeServices>,
    pub(crate) limits: TimeLimits,
    pub(crate) companion: Option<Arc<dyn Companion>>,
    /// Locked for the whole of a deploy or stop.
    pub(crate) flows: Mutex<CurrentFlows>,
    /// What can be read at any time, also during a deploy.
    pub(crate) snapshot: ArcSwap<Snapshot>,
    /// The tasks that deploy and stop.
    pub(crate) changes: TaskTracker,
}

/// The flows that are deployed and the nodes that run them.
#[derive(Default)]
pub(crate) struct CurrentFlows {
    /// Whether flows are to run: from the first start to the next stop.
    started: bool,
    model: Arc<Model>,
    running: RunningNodes,
}

/// The deployed flows, as the engine's handles show them.
#[derive(Clone)]
pub(crate) struct Snapshot {
    pub(crate) file: FlowFile,
    pub(crate) rev: Arc<str>,
    pub(crate) problems: Arc<[Problem]>,
    pub(crate) nodes: Arc<NodesById>,
    /// Whether the flows run.
    pub(crate) running: bool,
}

impl Default for Snapshot {
    fn default() -> Self {
        let file = FlowFile::default();
        let rev = file.rev();
        Snapshot { file, rev, problems: Arc::default(), nodes: Arc::default(), running: false }
    }
}

impl SharedEngine {
    /// Deploys `file`; with `start`, the flows run from then on.
    pub(crate) async fn deploy(
        &self,
        file: FlowFile,
        deploy_type: DeployType,
        start: bool,
    ) -> Deployed {
        let mut flows = self.flows.lock().await;
        let began = Instant::now();
        flows.started |= start;
        let file = file.sharing(&self.snapshot.load().file);
        let draft = Draft::new(file.clone(), &self.registry.load(), &self.environment);
        let running = flows.started && !draft.is_blocked();
        let model = Arc::clone(&draft.model);
        let CurrentFlows { model: old, running: nodes, .. } = &mut *flows;
        let mut decisions = Decisions::new();
        if running {
            decisions = decide(&Deploy {
                deploy_type,
                old,
                new: &model,
                running: nodes.references(),
                planned: draft.references(),
            });
        }
        let (mut plan, problems) = draft.build(|id| match decisions.get(id) {
            Some(Decision::Keep) => nodes.take(id),
            _ => None,
        });
        decisions.retain(|id, _| plan.contains(id));
        let deployed = Deployed { rev: file.rev(), problems: problems.into(), running };
        self.show_file(file.clone(), &deployed);
        self.services.set_scopes(std::mem::take(&mut plan.scopes));
        if let Some(companion) = &self.companion {
            companion.hold();
        }
        if running {
            log_decisions(&plan, &decisions);
            self.services.forget_traffic(|id| model.get(id).is_some());
            nodes.replace(plan, &decisions, &self.services, self.limits).await;
        } else {
            nodes.stop(StopReason::Removed, &self.services, self.limits).await;
        }
        self.services.contexts().retain(|id| model.get(id).is_some());
        flows.model = model;
        self.show_nodes(&flows.running, running);
        self.deploy_hosted(if running { file } else { FlowFile::default() }, deploy_type);
        count(running, began);
        tracing::info!(target: TARGET, rev = %deployed.rev, running, "the flows are deployed");
        self.services.emit(Event::Deployed { rev: Arc::clone(&deployed.rev), running });
        deployed
    }

    /// Puts the file into the snapshot, and its problems into the log.
    fn show_file(&self, file: FlowFile, deployed: &Deployed) {
        for problem in deployed.problems.iter() {
            match problem.severity {
                Severity::Warning => tracing::warn!(target: TARGET, "{problem}"),
                _ => tracing::error!(target: TARGET, "{problem}"),
            }
        }
        let (rev, problems) = (Arc::clone(&deployed.rev), Arc::clone(&deployed.problems));
        let before = Snapshot::clone(&self.snapshot.load());
        self.snapshot.store(Arc::new(Snapshot { file, rev, problems, ..before }));
    }

    /// Lets the companion run the hosted nodes of `file`.
    fn deploy_hosted(&self, file: FlowFile, deploy_type: DeployType) {
        if let Some(companion) = &self.companion {
            let nodes = Arc::clone(&self.snapshot.load().nodes);
            companion.deploy(HostedFlows { file, deploy_type, nodes });
        }
    }

    /// Hosted nodes stop first: among them are sources, and their messages reach native nodes.
    async fn stop_hosted(&self, reason: StopReason) {
        match (&self.companion, reason) {
            (Some(companion), StopReason::ShuttingDown) => companion.stop().await,
            _ => self.deploy_hosted(FlowFile::default(), DeployType::Full),
        }
    }

    pub(crate) async fn stop(&self, reason: StopReason) {
        let mut flows = self.flows.lock().await;
        flows.started = false;
        self.stop_hosted(reason).await;
        flows.running.stop(reason, &self.services, self.limits).await;
        self.show_nodes(&flows.running, false);
        tracing::info!(target: TARGET, "the flows are stopped");
        self.services.emit(Event::Stopped);
    }

    /// Puts the running nodes into the snapshot, and clears the statuses of all others.
    fn show_nodes(&self, on_bus: &RunningNodes, running: bool) {
        let nodes = Arc::new(on_bus.by_id());
        for (node, _) in self.services.statuses() {
            if !nodes.contains_key(&node.id) {
                self.services.clear_status(&node.id);
            }
        }
        let snapshot = Snapshot::clone(&self.snapshot.load());
        self.snapshot.store(Arc::new(Snapshot { nodes, running, ..snapshot }));
    }
}

fn count(running: bool, began: Instant) {
    match running {
        true => metrics::DEPLOYED.increment(),
        false => metrics::DEPLOYED_STOPPED.increment(),
    }
    metrics::DEPLOY_DURATION.record(began.elapsed().as_secs_f64());
}

/// Logs why nodes start and restart.
fn log_decisions(plan: &Plan, decisions: &Decisions) {
    for node in &plan.nodes {
        let Origin::Built(info, _) = &node.origin else { continue };
        let Some(Decision::Restart(reason)) = decisions.get(&info.id) else { continue };
        if *reason == Reason::New {
            // There is nothing to explain, and a start would log a line for each node.
            continue;
        }
        tracing::debug!(
            target: TARGET,
            id = %info.id,
            "type" = %info.node_type,
            name = %info.name,
            "the node restarts: {reason}"
        );
    }
}
