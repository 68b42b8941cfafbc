//! `NextSet`: the nodes that run after a deploy, kept and new, and the steps that connect them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ferrowire_core::bus::{RunningNode, Services, Watchers, Wire, Wires};
use ferrowire_core::{Links, Map, NodeType, User};
use tokio::time::{Instant, timeout_at};

use crate::directory::Directory;
use crate::flow_file::text;
use crate::graph::{Edge, Graph, Order, WireKind};
use crate::plan::{Origin, Plan, PlannedNode};
use crate::running::{NodeRecord, Queues};
use crate::services::NodeServices;
use crate::validate::References;
use crate::watch::{Watched, watched};

/// How long a deploy waits, in total, until new nodes have taken the messages in held wires.
const DRAIN_LIMIT: Duration = Duration::from_secs(1);

/// The nodes of the next plan. Places in `graph` and `uses` are places in `nodes`.
pub(super) struct NextSet {
    nodes: Vec<NextNode>,
    graph: Graph,
    /// For each node the configuration nodes that it uses.
    uses: Vec<Vec<usize>>,
}

/// A node of the next plan.
struct NextNode {
    node: Arc<RunningNode>,
    references: References,
    /// Whether it runs already and goes on.
    kept: bool,
    /// How its type is connected without wires.
    links: Links,
    /// How configuration nodes see it.
    user: UserData,
    /// The queues of a kept node's old wires; after [`NextSet::build_wires`] those of its next.
    queues: Queues,
    /// Its next wires.
    wires: Wires,
    /// A kept node's wires to new nodes, which hold messages back until these have started.
    held: Vec<Wire>,
    /// The nodes that watch it next.
    watched: Watched,
}

impl NextNode {
    fn new(planned: PlannedNode, watched: Watched, services: &Arc<NodeServices>) -> Self {
        let (references, links) = (planned.references, planned.node_type.links);
        let user = UserData { node_type: planned.node_type, properties: planned.properties };
        let (kept, node, queues) = match planned.origin {
            Origin::Running(record) => (true, record.node, record.queues),
            Origin::Built(info, built) => {
                let services: Arc<dyn Services> = Arc::clone(services) as _;
                let node = RunningNode::new(info, built, services);
                if let Some(endpoint) = references.endpoint() {
                    node.set_endpoint(endpoint);
                }
                (false, node, Queues::new())
            }
        };
        let (wires, held) = (Wires::new(), Vec::new());
        NextNode { node, references, kept, links, user, queues, wires, held, watched }
    }
}

/// What makes a [`User`] of a node.
struct UserData {
    node_type: NodeType,
    properties: Arc<Map>,
}

impl UserData {
    /// The user as the configuration node `id` sees it.
    fn of(&self, node: &RunningNode, id: &str) -> User {
        let named =
            self.node_type.references().filter(|it| text(&self.properties, it.property) == id);
        User {
            info: Arc::clone(node.info()),
            references: named.map(|it| it.property.into()).collect(),
            properties: Arc::clone(&self.properties),
        }
    }
}

impl NextSet {
    /// The nodes of `plan`.
    pub(super) fn new(plan: Plan, services: &Arc<NodeServices>) -> Self {
        let uses = plan.uses();
        let graph = Graph::new(&plan.ports(), &plan.configs(), &uses);
        let watched = watched(&plan);
        let next = plan.nodes.into_iter().zip(watched);
        let nodes = next.map(|(planned, watched)| NextNode::new(planned, watched, services));
        NextSet { nodes: nodes.collect(), graph, uses }
    }

    /// Makes the next wires of all nodes. A queued wire between kept nodes that does not change
    /// keeps its queue; the other queues are dropped.
    pub(super) fn build_wires(&mut self) {
        for (at, ports) in self.graph.wires.iter().enumerate() {
            let old = std::mem::take(&mut self.nodes[at].queues);
            let (mut wires, mut queues) = (Wires::new(), Queues::new());
            for (port, edges) in ports.iter().enumerate() {
                let wire = |edge: &Edge| self.wire(port, edge, &old, &mut queues);
                wires.push(edges.iter().map(wire).collect());
            }
            self.nodes[at].wires = wires;
            self.nodes[at].queues = queues;
        }
    }

    fn wire(&self, port: usize, edge: &Edge, old: &Queues, queues: &mut Queues) -> Wire {
        let to = &self.nodes[edge.to];
        let make = match edge.kind {
            WireKind::Direct => return Wire::direct(Arc::clone(&to.node)),
            WireKind::Queued => Wire::queued,
            WireKind::LoopBack => Wire::loop_back,
        };
        let key = (port, to.node.info().id.clone(), edge.kind);
        let old = old.get(&key).filter(|_| to.kept).cloned();
        let wire = queues.entry(key);
        wire.or_insert_with(|| old.unwrap_or_else(|| make(Arc::clone(&to.node)))).clone()
    }

    /// Gives kept nodes their next wires and watchers. Wires to new nodes are held.
    pub(super) fn connect_kept_nodes(&mut self) {
        for at in 0..self.nodes.len() {
            if !self.nodes[at].kept {
                continue;
            }
            let mut held = Vec::new();
            let wires = self.wires_with_holds(at, &mut held);
            let next = &mut self.nodes[at];
            next.held = held;
            next.node.set_wires(wires);
            let next = &self.nodes[at];
            next.node.set_watchers(self.watchers(&next.watched));
        }
    }

    /// The wires of the node at `at`; those to new nodes are held and also added to `held`.
    fn wires_with_holds(&self, at: usize, held: &mut Vec<Wire>) -> Wires {
        let mut hold = |(wire, edge): (&Wire, &Edge)| {
            if self.nodes[edge.to].kept {
                return wire.clone();
            }
            let wire = wire.clone().held();
            held.push(wire.clone());
            wire
        };
        let ports = self.nodes[at].wires.iter().zip(&self.graph.wires[at]);
        ports.map(|(wires, edges)| wires.iter().zip(edges).map(&mut hold).collect()).collect()
    }

    /// Tells all configuration nodes which nodes use them, and gives new nodes their wires and
    /// watchers.
    pub(super) fn connect_new_nodes(&self) {
        let mut users: Vec<Vec<(User, Arc<RunningNode>)>> = vec![Vec::new(); self.nodes.len()];
        for (next, used) in self.nodes.iter().zip(&self.uses) {
            let mut configs = Vec::new();
            for &config in used {
                let node = &self.nodes[config].node;
                users[config]
                    .push((next.user.of(&next.node, &node.info().id), Arc::clone(&next.node)));
                configs.push(Arc::clone(node));
            }
            next.node.set_config_nodes(&configs);
        }
        for (next, users) in self.nodes.iter().zip(users) {
            next.node.set_users(users);
            if !next.kept {
                next.node.set_watchers(self.watchers(&next.watched));
                next.node.set_wires(next.wires.clone());
            }
        }
    }

    fn watchers(&self, watched: &Watched) -> Watchers {
        let asides = |list: &[usize]| list.iter().map(|at| self.nodes[*at].node.aside()).collect();
        Watchers {
            errors: asides(&watched.errors),
            completions: asides(&watched.completions),
            statuses: asides(&watched.statuses),
        }
    }

    /// The nodes that take messages beside the wires.
    pub(super) fn directory(&self) -> Directory {
        let mut directory = Directory::default();
        self.nodes.iter().for_each(|next| directory.add(next.links, &next.node));
        directory
    }

    /// The nodes that are to be started, with their place in the order of the start.
    pub(super) fn new_nodes(&self) -> Vec<(Order, Arc<RunningNode>)> {
        let new = self.nodes.iter().zip(&self.graph.order).filter(|(next, _)| !next.kept);
        new.map(|(next, order)| (*order, Arc::clone(&next.node))).collect()
    }

    /// Replaces held wires by plain ones as soon as no message waits in them. A node whose wires
    /// still hold messages after [`DRAIN_LIMIT`] keeps them until the next deploy: a held wire
    /// opens by itself, it only costs a check for each message.
    pub(super) async fn release_held_wires(&self) {
        let deadline = Instant::now() + DRAIN_LIMIT;
        for next in self.nodes.iter().filter(|next| !next.held.is_empty()) {
            let opened = async {
                for wire in &next.held {
                    wire.opened().await;
                }
            };
            if timeout_at(deadline, opened).await.is_ok() {
                next.node.set_wires(next.wires.clone());
            }
        }
    }

    /// What the next deploy needs to know of these nodes.
    pub(super) fn into_records(self) -> HashMap<String, NodeRecord> {
        let record = |(next, order): (NextNode, &Order)| {
            let NextNode { node, references, queues, .. } = next;
            (node.info().id.clone(), NodeRecord { node, references, order: *order, queues })
        };
        self.nodes.into_iter().zip(&self.graph.order).map(record).collect()
    }
}
