//! The graph of the nodes: which wires need a queue, and in which order nodes start and stop.
//!
//! A message to a configuration node ends there, so a wire to one closes no cycle. Nothing here
//! recurses, and everything takes linear time.

/// At most this many wires in a row have no queue: each of them calls the next node on the same
/// stack.
const DEPTH: u32 = 64;

/// How a wire carries messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum WireKind {
    /// By calling the node.
    Direct,
    /// Through a queue, because the chain of calls before it is long.
    Queued,
    /// Through a queue, because it closes a cycle.
    LoopBack,
}

/// A wire to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) to: usize,
    pub(crate) kind: WireKind,
}

/// The wires of all nodes, and the order of the nodes.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// By node and port.
    pub(crate) wires: Vec<Vec<Vec<Edge>>>,
    /// By node. Nodes with a smaller order start earlier and stop later.
    pub(crate) order: Vec<Order>,
}

/// The place of a node in the start: its phase, and its step in that phase.
pub(crate) type Order = (Phase, usize);

/// The phases of a start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Phase {
    /// Configuration nodes that send nothing themselves.
    #[default]
    Service,
    /// Nodes that an endpoint feeds, directly or through others.
    Fed,
    /// Endpoints that send to other nodes.
    Feeding,
    /// Nodes that no endpoint feeds. They may send as soon as they start.
    Source,
}

impl Graph {
    /// The graph of nodes. For each node, `ports` has the nodes that each port sends to, `configs`
    /// whether it is a configuration node, and `uses` the configuration nodes that it refers to.
    pub(crate) fn new(ports: &[Vec<Vec<usize>>], configs: &[bool], uses: &[Vec<usize>]) -> Self {
        let onward: Vec<Vec<usize>> = ports
            .iter()
            .map(|ports| ports.iter().flatten().copied().filter(|to| !configs[*to]).collect())
            .collect();
        let walk = Walk::over(&onward, roots(&onward));
        let kinds = walk.kinds(&onward);
        let wires = ports.iter().zip(&kinds).map(|(ports, kinds)| {
            let mut kinds = kinds.iter();
            let mut edge = |to: usize| {
                // A message goes no further than a configuration node, so the stack stays shallow
                // enough; and without a queue the node can stop before those that send to it.
                let kind = if configs[to] { None } else { kinds.next().copied() };
                Edge { to, kind: kind.unwrap_or(WireKind::Direct) }
            };
            ports.iter().map(|port| port.iter().map(|to| edge(*to)).collect()).collect()
        });
        let wires = wires.collect();
        Graph { wires, order: order(&onward, &kinds, configs, uses) }
    }
}

/// The order of the start: a node starts after those that it sends to.
fn order(
    onward: &[Vec<usize>],
    kinds: &[Vec<WireKind>],
    configs: &[bool],
    uses: &[Vec<usize>],
) -> Vec<Order> {
    let first: Vec<Vec<usize>> = (0..onward.len())
        .map(|node| {
            let wires = onward[node].iter().zip(&kinds[node]);
            let wires = wires.filter(|(_, kind)| **kind != WireKind::LoopBack).map(|(to, _)| *to);
            let used = uses[node].iter().copied().filter(|to| configs[node] && configs[*to]);
            wires.chain(used).collect()
        })
        .collect();
    let walk = Walk::over(&first, roots(&first));
    let mut levels = vec![0; first.len()];
    for &node in &walk.postorder {
        // In a cycle of references, a node that comes later still has level 0 here.
        let below = first[node].iter().map(|to| levels[*to] + 1).max();
        levels[node] = below.unwrap_or(0);
    }
    let feeding = |node: usize| configs[node] && !onward[node].is_empty();
    let fed = Walk::over(onward, (0..onward.len()).filter(|node| feeding(*node)));
    let phase = |node: usize| match (configs[node], fed.reached(node)) {
        (true, _) if feeding(node) => Phase::Feeding,
        (true, _) => Phase::Service,
        (false, true) => Phase::Fed,
        (false, false) => Phase::Source,
    };
    levels.into_iter().enumerate().map(|(node, level)| (phase(node), level)).collect()
}

/// All nodes, beginning with those that no edge leads to.
fn roots(next: &[Vec<usize>]) -> impl Iterator<Item = usize> {
    let mut led_to = vec![false; next.len()];
    next.iter().flatten().for_each(|to| led_to[*to] = true);
    let all = 0..next.len();
    let first: Vec<usize> = all.clone().filter(|node| !led_to[*node]).collect();
    first.into_iter().chain(all)
}

/// How far a walk is with a node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Visit {
    New,
    OnPath,
    Done,
}

/// A depth-first walk.
struct Walk {
    visits: Vec<Visit>,
    /// Each node after those that its edges lead to, except in cycles.
    postorder: Vec<usize>,
    /// For each node and each of its edges, whether the edge closes a cycle.
    back: Vec<Vec<bool>>,
}

impl Walk {
    fn over(next: &[Vec<usize>], roots: impl Iterator<Item = usize>) -> Self {
        let mut walk = Walk {
            visits: vec![Visit::New; next.len()],
            postorder: Vec::with_capacity(next.len()),
            back: next.iter().map(|edges| vec![false; edges.len()]).collect(),
        };
        for root in roots {
            if walk.visits[root] == Visit::New {
                walk.from(root, next);
            }
        }
        walk
    }

    fn from(&mut self, root: usize, next: &[Vec<usize>]) {
        self.visits[root] = Visit::OnPath;
        let mut path = vec![(root, 0)];
        while let Some((node, edge)) = path.last_mut() {
            let (from, at) = (*node, *edge);
            *edge += 1;
            match next[from].get(at) {
                None => {
                    self.visits[from] = Visit::Done;
                    self.postorder.push(from);
                    path.pop();
                }
                Some(&to) => match self.visits[to] {
                    Visit::New => {
                        self.visits[to] = Visit::OnPath;
                        path.push((to, 0));
                    }
                    Visit::OnPath => self.back[from][at] = true,
                    Visit::Done => {}
                },
            }
        }
    }

    fn reached(&self, node: usize) -> bool {
        self.visits[node] == Visit::Done
    }

    /// How each edge carries messages, so that calls are nested at most [`DEPTH`] deep.
    fn kinds(&self, next: &[Vec<usize>]) -> Vec<Vec<WireKind>> {
        let mut depths = vec![0; next.len()];
        let mut kinds: Vec<Vec<WireKind>> = vec![Vec::new(); next.len()];
        for &from in self.postorder.iter().rev() {
            let depth = depths[from] + 1;
            let kind = |(to, back): (&usize, &bool)| {
                if *back {
                    return WireKind::LoopBack;
                }
                if depth >= DEPTH {
                    return WireKind::Queued;
                }
                depths[*to] = depth.max(depths[*to]);
                WireKind::Direct
            };
            kinds[from] = next[from].iter().zip(&self.back[from]).map(kind).collect();
        }
        kinds
    }
}
