//! `Running`: the nodes on the bus, and how one set of them gives way to another.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ferrowire_core::bus::{RunningNode, Services, Watchers, Wire, Wires};
use ferrowire_core::{Links, StopReason};
use tokio::time::{Instant, timeout_at};

use crate::directory::Directory;
use crate::graph::{Graph, Kind, Order};
use crate::plan::{Plan, PlannedNode};
use crate::sequence::{Limits, start_all, stop_all};
use crate::services::NodeServices;
use crate::validate::References;
use crate::watch::{Watched, watched};

/// How long a deploy waits for new nodes to take the messages that came before they had started.
const DRAIN: Duration = Duration::from_secs(1);

/// All running nodes, by id.
pub(crate) type Nodes = HashMap<String, Arc<RunningNode>>;

/// A running node and what the next deploy must know of it.
struct Live {
    node: Arc<RunningNode>,
    links: References,
    order: Order,
    queues: Queues,
}

/// The queued wires of a node by port, receiver and kind: a deploy that leaves a wire as it is
/// leaves its queue as well.
type Queues = HashMap<(usize, String, Kind), Wire>;

/// The nodes on the bus.
#[derive(Default)]
pub(crate) struct Running {
    nodes: HashMap<String, Live>,
}

impl Running {
    pub(crate) fn nodes(&self) -> Nodes {
        self.nodes.iter().map(|(id, live)| (id.clone(), Arc::clone(&live.node))).collect()
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        self.nodes.keys().map(String::as_str)
    }

    /// Whether the node runs, connected to the same configuration nodes as in `plan`.
    pub(crate) fn agrees_with(&self, plan: &Plan, id: &str) -> bool {
        let links = self.nodes.get(id).map(|live| &live.links);
        links.is_some() && links == plan.get(id).map(|planned| &planned.links)
    }

    /// Stops all nodes.
    pub(crate) async fn stop(
        &mut self,
        reason: StopReason,
        services: &NodeServices,
        limits: Limits,
    ) {
        let stopping = std::mem::take(&mut self.nodes);
        stop_lives(stopping, |_| reason, limits).await;
        services.set_directory(Directory::default());
    }

    /// Runs the nodes of `plan` and no others; those that `keep` names go on as they are, with
    /// the wires of the plan. What they send to a new node meanwhile waits until it has started.
    pub(crate) async fn replace(
        &mut self,
        mut plan: Plan,
        keep: impl Fn(&str) -> bool,
        services: &Arc<NodeServices>,
        limits: Limits,
    ) {
        let mut before = std::mem::take(&mut self.nodes);
        let uses = plan.uses();
        let graph = Graph::new(&plan.ports(), &plan.configs(), &uses);
        let watched = watched(&plan);
        let ids = plan.ids();
        let planned = std::mem::take(&mut plan.nodes);
        let member = |planned: PlannedNode| {
            let live = if keep(&planned.info.id) { before.remove(&planned.info.id) } else { None };
            Member::new(planned, live, services)
        };
        let mut cast = Cast(planned.into_iter().map(member).collect());
        cast.0.iter_mut().zip(watched).for_each(|(member, watched)| member.watched = watched);
        cast.lay(&graph);
        // From here on messages to new nodes wait: in queues, before held wires.
        cast.leave_others(&graph);
        services.set_directory(cast.directory());

        let reason = |id: &str| match ids.contains(id) {
            true => StopReason::Restarting,
            false => StopReason::Removed,
        };
        stop_lives(before, reason, limits).await;
        cast.introduce(&uses);
        start_all(cast.new_nodes(&graph), &**services, limits).await;
        cast.join().await;
        self.nodes = cast.into_live(&graph);
    }
}

/// A node of the next set, kept or new.
struct Member {
    node: Arc<RunningNode>,
    links: References,
    kept: bool,
    /// How its type is connected without wires.
    linked: Links,
    /// The queues of a kept node, then those of its next wires.
    queues: Queues,
    /// Its next wires.
    wires: Wires,
    /// Those of a kept node that are held until the node at their end has started.
    held: Vec<Wire>,
    /// Those that watch it next.
    watched: Watched,
}

impl Member {
    fn new(planned: PlannedNode, live: Option<Live>, services: &Arc<NodeServices>) -> Self {
        let (links, linked) = (planned.links, planned.node_type.links);
        let (kept, node, queues) = match live {
            Some(live) => (true, live.node, live.queues),
            None => {
                let services: Arc<dyn Services> = Arc::clone(services) as _;
                let node = RunningNode::new(planned.info, planned.built, services);
                if let Some(endpoint) = &links.endpoint {
                    node.set_endpoint(endpoint);
                }
                (false, node, Queues::new())
            }
        };
        Member {
            node,
            links,
            linked,
            kept,
            queues,
            wires: Wires::new(),
            held: Vec::new(),
            watched: Watched::default(),
        }
    }
}

/// The nodes of the next set, in the order of their plan.
struct Cast(Vec<Member>);

impl Cast {
    /// Makes the next wires, with the queues of kept ones, and lets go of all other queues.
    fn lay(&mut self, graph: &Graph) {
        for (at, ports) in graph.wires.iter().enumerate() {
            let old = std::mem::take(&mut self.0[at].queues);
            let (mut wires, mut queues) = (Wires::new(), Queues::new());
            for (port, edges) in ports.iter().enumerate() {
                let wire = |edge: &crate::graph::Edge| {
                    let to = &self.0[edge.to];
                    let make = match edge.kind {
                        Kind::Direct => return Wire::direct(Arc::clone(&to.node)),
                        Kind::Queued => Wire::queued,
                        Kind::LoopBack => Wire::loop_back,
                    };
                    let key = (port, to.node.info().id.clone(), edge.kind);
                    let old = old.get(&key).filter(|_| to.kept).cloned();
                    let wire = queues.entry(key);
                    wire.or_insert_with(|| old.unwrap_or_else(|| make(Arc::clone(&to.node))))
                        .clone()
                };
                wires.push(edges.iter().map(wire).collect());
            }
            self.0[at].wires = wires;
            self.0[at].queues = queues;
        }
    }

    /// Gives kept nodes their next wires, those to new nodes held, and those that watch them.
    fn leave_others(&mut self, graph: &Graph) {
        for (at, ports) in graph.wires.iter().enumerate() {
            if !self.0[at].kept {
                continue;
            }
            let mut held = Vec::new();
            let mut wire = |(wire, edge): (&Wire, &crate::graph::Edge)| {
                if self.0[edge.to].kept {
                    return wire.clone();
                }
                let wire = wire.clone().held();
                held.push(wire.clone());
                wire
            };
            let wires = self.0[at].wires.iter().zip(ports);
            let wires =
                wires.map(|(wires, edges)| wires.iter().zip(edges).map(&mut wire).collect());
            self.0[at].node.set_wires(wires.collect());
            self.0[at].node.set_watchers(self.watchers(&self.0[at].watched));
            self.0[at].held = held;
        }
    }

    /// Wires the new nodes and tells configuration nodes who uses them.
    fn introduce(&self, uses: &[Vec<usize>]) {
        let mut users: Vec<Vec<Arc<RunningNode>>> = vec![Vec::new(); self.0.len()];
        for (user, used) in uses.iter().enumerate() {
            for &config in used {
                users[config].push(Arc::clone(&self.0[user].node));
            }
        }
        for (member, users) in self.0.iter().zip(users) {
            member.node.set_users(&users);
            if !member.kept {
                member.node.set_watchers(self.watchers(&member.watched));
                member.node.set_wires(member.wires.clone());
            }
        }
    }

    fn watchers(&self, watched: &Watched) -> Watchers {
        let asides = |list: &[usize]| list.iter().map(|at| self.0[*at].node.aside()).collect();
        Watchers {
            errors: asides(&watched.errors),
            completions: asides(&watched.completions),
            statuses: asides(&watched.statuses),
        }
    }

    fn directory(&self) -> Directory {
        let mut directory = Directory::default();
        self.0.iter().for_each(|member| directory.add(member.linked, &member.node));
        directory
    }

    fn new_nodes(&self, graph: &Graph) -> Vec<(Order, Arc<RunningNode>)> {
        let members = self.0.iter().zip(&graph.order).filter(|(member, _)| !member.kept);
        members.map(|(member, order)| (*order, Arc::clone(&member.node))).collect()
    }

    /// Takes the holds from the wires of kept nodes. Where messages still wait when [`DRAIN`] is
    /// over, the wire stays as it is until the next deploy: it opens by itself.
    async fn join(&self) {
        let deadline = Instant::now() + DRAIN;
        for member in self.0.iter().filter(|member| !member.held.is_empty()) {
            let opened = async {
                for wire in &member.held {
                    wire.opened().await;
                }
            };
            if timeout_at(deadline, opened).await.is_ok() {
                member.node.set_wires(member.wires.clone());
            }
        }
    }

    fn into_live(self, graph: &Graph) -> HashMap<String, Live> {
        let live = |(Member { node, links, queues, .. }, order): (Member, &Order)| {
            (node.info().id.clone(), Live { node, links, order: *order, queues })
        };
        self.0.into_iter().zip(&graph.order).map(live).collect()
    }
}

/// Stops nodes; their queues can only run empty when nobody holds them any more.
async fn stop_lives(
    lives: HashMap<String, Live>,
    reason: impl Fn(&str) -> StopReason,
    limits: Limits,
) {
    let nodes = lives.into_values().map(|live| (live.order, live.node)).collect();
    stop_all(nodes, reason, limits).await;
}
