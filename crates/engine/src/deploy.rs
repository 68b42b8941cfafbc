//! How flows give way to others: one deploy at a time, from a file to running nodes.

use std::collections::HashSet;
use std::sync::Arc;

use arc_swap::ArcSwap;
use ferrowire_core::bus::Services as _;
use ferrowire_core::{Registry, StopReason};
use tokio::sync::Mutex;
use tokio_util::task::TaskTracker;

use crate::diff::Restart;
use crate::model::Model;
use crate::plan::Plan;
use crate::problem::Severity;
use crate::running::{Nodes, Running};
use crate::sequence::Limits;
use crate::services::{Event, NodeServices};
use crate::{DeployType, Deployed, Environment, FlowFile, Problem};

/// The target of log lines about flow files.
const TARGET: &str = "ferrowire::flows";

/// What all handles of an engine share.
pub(crate) struct Inner {
    pub(crate) registry: Registry,
    pub(crate) environment: Environment,
    pub(crate) services: Arc<NodeServices>,
    pub(crate) limits: Limits,
    /// Held by whoever changes the flows.
    pub(crate) state: Mutex<State>,
    pub(crate) shown: ArcSwap<Shown>,
    pub(crate) changes: TaskTracker,
}

#[derive(Default)]
pub(crate) struct State {
    /// Whether flows are to run.
    pub(crate) wanted: bool,
    pub(crate) model: Arc<Model>,
    pub(crate) running: Running,
}

/// What others see of the flows that are in place.
#[derive(Clone)]
pub(crate) struct Shown {
    pub(crate) file: FlowFile,
    pub(crate) rev: Arc<str>,
    pub(crate) problems: Arc<[Problem]>,
    pub(crate) nodes: Arc<Nodes>,
}

impl Default for Shown {
    fn default() -> Self {
        let file = FlowFile::default();
        let rev = file.rev().into();
        Shown { file, rev, problems: Arc::default(), nodes: Arc::default() }
    }
}

impl Inner {
    pub(crate) async fn change(&self, file: FlowFile, how: DeployType, start: bool) -> Deployed {
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
            nodes.stop(StopReason::Removed, &self.services, self.limits).await;
        }
        self.services.contexts().retain(|id| model.get(id).is_some());
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

    pub(crate) async fn stop(&self, reason: StopReason) {
        let mut state = self.state.lock().await;
        state.wanted = false;
        state.running.stop(reason, &self.services, self.limits).await;
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
