//! Starts and stops many nodes: in order, at the same time where the order allows it, and within
//! a time limit.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use ferrowire_core::bus::{RunningNode, Services};
use ferrowire_core::{NodeError, StopReason};
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::time::{Instant, timeout, timeout_at};

use crate::graph::Order;

/// How long nodes may take to start and to stop. The nodes after a slow one wait no longer than
/// this.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeLimits {
    pub(crate) start: Duration,
    pub(crate) stop: Duration,
}

/// Starts nodes, in ascending order.
pub(crate) async fn start_all(
    nodes: Vec<(Order, Arc<RunningNode>)>,
    services: &dyn Services,
    limits: TimeLimits,
) {
    let start = |node: Arc<RunningNode>| async move {
        if timeout(limits.start, node.start()).await.is_err() {
            let text = format!(
                "the node did not start within {:?}; its start was cancelled",
                limits.start
            );
            services.failed(node.info(), &NodeError::new(text), false);
        }
    };
    let groups = grouped(nodes).into_values().map(|nodes| nodes.into_iter().map(start));
    run(groups, limits.start).await;
}

/// Stops nodes, in descending order.
pub(crate) async fn stop_all(
    nodes: Vec<(Order, Arc<RunningNode>)>,
    reason: impl Fn(&str) -> StopReason,
    limits: TimeLimits,
) {
    nodes.iter().for_each(|(_, node)| node.cut_loops());
    let stop = |node: Arc<RunningNode>| {
        let reason = reason(&node.info().id);
        async move { node.stop(reason, limits.stop).await }
    };
    let groups = grouped(nodes).into_values().rev().map(|nodes| nodes.into_iter().map(stop));
    run(groups, limits.stop).await;
}

fn grouped(nodes: Vec<(Order, Arc<RunningNode>)>) -> BTreeMap<Order, Vec<Arc<RunningNode>>> {
    let mut groups: BTreeMap<Order, Vec<_>> = BTreeMap::new();
    for (order, node) in nodes {
        groups.entry(order).or_default().push(node);
    }
    groups
}

/// Runs one group of futures after the other. After `limit`, a group no longer waits for the
/// groups before it.
async fn run<F: Future<Output = ()>>(
    groups: impl Iterator<Item = impl Iterator<Item = F>>,
    limit: Duration,
) {
    let deadline = Instant::now() + limit;
    let mut pending = FuturesUnordered::new();
    for group in groups {
        pending.extend(group);
        let all = async { while pending.next().await.is_some() {} };
        // Futures that did not finish in time stay in `pending`.
        let _late = timeout_at(deadline, all).await;
    }
    while pending.next().await.is_some() {}
}
