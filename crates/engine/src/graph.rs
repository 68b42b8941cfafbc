//! The graph of the nodes: which wires need a queue, and the order to start and to stop in.
//!
//! A message into a configuration node ends there, so such a node is two places: one where
//! messages end, one where they begin. Nothing here recurses, and all of it is linear.

/// After so many wires in a row, one has a queue: sending calls the next node on the same stack.
const DEPTH: u32 = 64;

/// How a wire carries messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// By a call.
    Direct,
    /// Through a queue, because many wires lead here.
    Queued,
    /// Through a queue, because it closes a cycle.
    LoopBack,
}

/// A wire to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) to: usize,
    pub(crate) kind: Kind,
}

/// The wires of all nodes, and their order.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// By node and port.
    pub(crate) wires: Vec<Vec<Vec<Edge>>>,
    /// By node: nodes with a smaller one start earlier and stop later.
    pub(crate) order: Vec<Order>,
}

/// A step of the start: which of the phases, and where in it.
pub(crate) type Order = (Phase, usize);

/// The phases of a start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Phase {
    /// Configuration nodes that others need and that send nothing themselves.
    #[default]
    Service,
    /// Nodes behind an endpoint.
    Behind,
    /// Endpoints that feed other nodes.
    Feeding,
    /// Nodes that no endpoint feeds: they may send as soon as they start.
    Source,
}

impl Graph {
    /// The graph of nodes that send to `ports`, of which `configs` are configuration nodes, and
    /// that refer to the configuration nodes `uses`.
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
                // A wire into a configuration node is short enough whatever leads to it, and
                // without a queue the node can stop before those that send to it.
                let kind = if configs[to] { None } else { kinds.next().copied() };
                Edge { to, kind: kind.unwrap_or(Kind::Direct) }
            };
            ports.iter().map(|port| port.iter().map(|to| edge(*to)).collect()).collect()
        });
        let wires = wires.collect();
        Graph { wires, order: order(&onward, &kinds, configs, uses) }
    }
}

/// The order of the start: a node after those that it sends to.
fn order(
    onward: &[Vec<usize>],
    kinds: &[Vec<Kind>],
    configs: &[bool],
    uses: &[Vec<usize>],
) -> Vec<Order> {
    let first: Vec<Vec<usize>> = (0..onward.len())
        .map(|node| {
            let wires = onward[node].iter().zip(&kinds[node]);
            let wires = wires.filter(|(_, kind)| **kind != Kind::LoopBack).map(|(to, _)| *to);
            let used = uses[node].iter().copied().filter(|to| configs[node] && configs[*to]);
            wires.chain(used).collect()
        })
        .collect();
    let walk = Walk::over(&first, roots(&first));
    let mut levels = vec![0; first.len()];
    for &node in &walk.postorder {
        // What closes a cycle of references comes later in this order and still has level 0.
        let below = first[node].iter().map(|to| levels[*to] + 1).max();
        levels[node] = below.unwrap_or(0);
    }
    let feeding = |node: usize| configs[node] && !onward[node].is_empty();
    let behind = Walk::over(onward, (0..onward.len()).filter(|node| feeding(*node)));
    let phase = |node: usize| match (configs[node], behind.reached(node)) {
        (true, _) if feeding(node) => Phase::Feeding,
        (true, _) => Phase::Service,
        (false, true) => Phase::Behind,
        (false, false) => Phase::Source,
    };
    levels.into_iter().enumerate().map(|(node, level)| (phase(node), level)).collect()
}

/// All nodes, those first that nothing leads to.
fn roots(next: &[Vec<usize>]) -> impl Iterator<Item = usize> {
    let mut led_to = vec![false; next.len()];
    next.iter().flatten().for_each(|to| led_to[*to] = true);
    let all = 0..next.len();
    let first: Vec<usize> = all.clone().filter(|node| !led_to[*node]).collect();
    first.into_iter().chain(all)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    New,
    OnPath,
    Done,
}

/// A depth-first walk.
struct Walk {
    states: Vec<State>,
    /// Each node after those that it leads to, but for cycles.
    postorder: Vec<usize>,
    /// For each node and each of its edges whether it leads back to the path.
    back: Vec<Vec<bool>>,
}

impl Walk {
    fn over(next: &[Vec<usize>], roots: impl Iterator<Item = usize>) -> Self {
        let mut walk = Walk {
            states: vec![State::New; next.len()],
            postorder: Vec::with_capacity(next.len()),
            back: next.iter().map(|edges| vec![false; edges.len()]).collect(),
        };
        for root in roots {
            if walk.states[root] == State::New {
                walk.from(root, next);
            }
        }
        walk
    }

    fn from(&mut self, root: usize, next: &[Vec<usize>]) {
        self.states[root] = State::OnPath;
        let mut path = vec![(root, 0)];
        while let Some((node, edge)) = path.last_mut() {
            let (from, at) = (*node, *edge);
            *edge += 1;
            match next[from].get(at) {
                None => {
                    self.states[from] = State::Done;
                    self.postorder.push(from);
                    path.pop();
                }
                Some(&to) => match self.states[to] {
                    State::New => {
                        self.states[to] = State::OnPath;
                        path.push((to, 0));
                    }
                    State::OnPath => self.back[from][at] = true,
                    State::Done => {}
                },
            }
        }
    }

    fn reached(&self, node: usize) -> bool {
        self.states[node] == State::Done
    }

    /// How each edge carries messages, so that no call goes through more than [`DEPTH`] wires.
    fn kinds(&self, next: &[Vec<usize>]) -> Vec<Vec<Kind>> {
        let mut depths = vec![0; next.len()];
        let mut kinds: Vec<Vec<Kind>> = vec![Vec::new(); next.len()];
        for &from in self.postorder.iter().rev() {
            let depth = depths[from] + 1;
            let kind = |(to, back): (&usize, &bool)| {
                if *back {
                    return Kind::LoopBack;
                }
                if depth >= DEPTH {
                    return Kind::Queued;
                }
                depths[*to] = depth.max(depths[*to]);
                Kind::Direct
            };
            kinds[from] = next[from].iter().zip(&self.back[from]).map(kind).collect();
        }
        kinds
    }
}
