//! `RunningNodes`: the nodes on the bus, and how the nodes of the next plan replace them.

mod next_set;

use std::collections::HashMap;
use std::sync::Arc;

use ferrowire_core::StopReason;
use ferrowire_core::bus::{RunningNode, Wire};

use crate::directory::Directory;
use crate::graph::{Order, WireKind};
use crate::plan::Plan;
use crate::restart::Decisions;
use crate::running::next_set::NextSet;
use crate::services::NodeServices;
use crate::start_stop::{TimeLimits, start_all, stop_all};
use crate::validate::References;

/// Running nodes, by id.
pub(crate) type NodesById = HashMap<String, Arc<RunningNode>>;

/// A running node, and what the next deploy needs to know of it.
pub(crate) struct NodeRecord {
    node: Arc<RunningNode>,
    references: References,
    order: Order,
    queues: Queues,
}

/// The queued wires of a node by port, receiver and kind. A deploy that does not change a wire
/// keeps its queue.
type Queues = HashMap<(usize, String, WireKind), Wire>;

/// The nodes on the bus, by id.
#[derive(Default)]
pub(crate) struct RunningNodes {
    records: HashMap<String, NodeRecord>,
}

impl RunningNodes {
    pub(crate) fn by_id(&self) -> NodesById {
        let records = self.records.iter();
        records.map(|(id, record)| (id.clone(), Arc::clone(&record.node))).collect()
    }

    /// For each running node, what its references lead to.
    pub(crate) fn references(&self) -> HashMap<&str, &References> {
        self.records.iter().map(|(id, record)| (id.as_str(), &record.references)).collect()
    }

    /// Stops all nodes.
    pub(crate) async fn stop(
        &mut self,
        reason: StopReason,
        services: &NodeServices,
        limits: TimeLimits,
    ) {
        stop_nodes(std::mem::take(&mut self.records), |_| reason, limits).await;
        services.set_directory(Directory::default());
    }

    /// Takes a node that goes on, for a plan.
    pub(crate) fn take(&mut self, id: &str) -> Option<NodeRecord> {
        self.records.remove(id)
    }

    /// Runs the nodes of `plan` and no others: those that were taken go on with the wires of the
    /// plan, the others are stopped, which `decisions` have reasons for. Messages to a new node wait
    /// until it has started.
    pub(crate) async fn replace(
        &mut self,
        plan: Plan,
        decisions: &Decisions,
        services: &Arc<NodeServices>,
        limits: TimeLimits,
    ) {
        let old = std::mem::take(&mut self.records);
        let mut next = NextSet::new(plan, services);
        next.build_wires();
        // From here on, messages from kept nodes to new ones wait in held wires.
        next.connect_kept_nodes();
        services.set_directory(next.directory());

        let reason = |id: &str| match decisions.contains_key(id) {
            true => StopReason::Restarting,
            false => StopReason::Removed,
        };
        stop_nodes(old, reason, limits).await;
        next.connect_new_nodes();
        start_all(next.new_nodes(), &**services, limits).await;
        next.release_held_wires().await;
        self.records = next.into_records();
    }
}

/// Stops nodes. Their queues are dropped first: a node stops when its queues are closed and empty.
async fn stop_nodes(
    records: HashMap<String, NodeRecord>,
    reason: impl Fn(&str) -> StopReason,
    limits: TimeLimits,
) {
    let nodes = records.into_values().map(|record| (record.order, record.node)).collect();
    stop_all(nodes, reason, limits).await;
}
