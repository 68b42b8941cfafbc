//! Which nodes watch which: the catch, status and complete nodes that are told about a node, by
//! Node-RED's rules.
//!
//! All of this follows from the flow file, so it is computed once for each deploy.

use std::collections::{HashMap, HashSet};

use ferrowire_core::{Map, Value, Watches};

use crate::flow_file::text;
use crate::model::{Entry, wires};
use crate::plan::Plan;

/// The watchers of a node, as places in the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Watched {
    pub(crate) errors: Vec<usize>,
    pub(crate) statuses: Vec<usize>,
    pub(crate) completions: Vec<usize>,
}

/// A node that watches others.
struct Watcher<'a> {
    at: usize,
    group: &'a str,
    scope: WatchScope<'a>,
    uncaught: bool,
}

/// Which nodes of its flow a watcher watches.
enum WatchScope<'a> {
    All,
    Group,
    These(HashSet<&'a str>),
}

/// Watchers of one kind, by the flow that they are on.
type ByFlow<'a> = HashMap<&'a str, Vec<Watcher<'a>>>;

/// For each node of the plan, the nodes that watch it.
pub(crate) fn watched(plan: &Plan) -> Vec<Watched> {
    let of_kind = |kind| watchers(plan, kind);
    let table = Table {
        plan,
        errors: of_kind(Watches::Errors),
        statuses: of_kind(Watches::Statuses),
        completions: of_kind(Watches::Completions),
    };
    if table.errors.is_empty() && table.statuses.is_empty() && table.completions.is_empty() {
        return vec![Watched::default(); plan.nodes.len()];
    }
    let uses = plan.uses();
    let mut users: Vec<Vec<usize>> = vec![Vec::new(); plan.nodes.len()];
    for (user, used) in uses.iter().enumerate() {
        used.iter().for_each(|config| users[*config].push(user));
    }
    (0..plan.nodes.len()).map(|at| table.of(at, &users)).collect()
}

fn watchers(plan: &Plan, kind: Watches) -> ByFlow<'_> {
    let mut by_flow = ByFlow::new();
    for (at, node) in plan.nodes.iter().enumerate() {
        if node.node_type.watches == kind {
            let watcher = Watcher::new(at, plan.object(at), kind);
            by_flow.entry(&plan.entry(at).flow).or_default().push(watcher);
        }
    }
    // First the watchers of certain nodes, last those of errors that no other node catches.
    let rank = |watcher: &Watcher<'_>| match (&watcher.scope, watcher.uncaught) {
        (WatchScope::These(_) | WatchScope::Group, _) => 0,
        (WatchScope::All, false) => 1,
        (WatchScope::All, true) => 2,
    };
    by_flow.values_mut().for_each(|list| list.sort_by_key(rank));
    by_flow
}

impl<'a> Watcher<'a> {
    fn new(at: usize, object: &'a Map, kind: Watches) -> Self {
        let scope = match object.get("scope") {
            Some(Value::Array(ids)) => {
                let mut ids: HashSet<&str> = ids.iter().filter_map(Value::as_str).collect();
                if kind != Watches::Errors {
                    // Watching a node that it sends to would make an endless loop.
                    let (ports, _) = wires(object);
                    ids.retain(|id| !ports.iter().flatten().any(|to| to == id));
                }
                WatchScope::These(ids)
            }
            _ if kind == Watches::Completions => WatchScope::These(HashSet::new()),
            Some(Value::String(scope)) if scope.as_str() == "group" => WatchScope::Group,
            _ => WatchScope::All,
        };
        let uncaught = object.get("uncaught").is_some_and(Value::is_truthy);
        Watcher { at, group: text(object, "g"), scope, uncaught }
    }
}

struct Table<'a> {
    plan: &'a Plan,
    errors: ByFlow<'a>,
    statuses: ByFlow<'a>,
    completions: ByFlow<'a>,
}

impl Table<'_> {
    fn of(&self, at: usize, users: &[Vec<usize>]) -> Watched {
        let entry = self.plan.entry(at);
        // The process that runs a hosted node knows what it did, and tells its watchers. An error here
        // is that a message did not get there.
        let is_hosted = self.plan.nodes[at].node_type.is_hosted();
        let told = |level: &dyn Fn(&Entry) -> Vec<usize>| match entry.flow.is_empty() {
            false => level(entry),
            // A global configuration node is watched by the watchers of its users.
            true => self.users_on_flows(at, users).into_iter().flat_map(level).collect(),
        };
        let errors = told(&|entry| self.errors_of(entry));
        if is_hosted {
            return Watched { errors, ..Watched::default() };
        }
        Watched {
            errors,
            statuses: told(&|entry| self.statuses_of(entry)),
            completions: self
                .candidates(&self.completions, entry, &entry.flow)
                .into_iter()
                .map(|watcher| watcher.at)
                .collect(),
        }
    }

    /// The nodes on flows that use the configuration node, directly or through another one.
    fn users_on_flows(&self, at: usize, users: &[Vec<usize>]) -> Vec<&Entry> {
        let (mut found, mut seen) = (Vec::new(), HashSet::from([at]));
        let mut waiting = vec![at];
        while let Some(config) = waiting.pop() {
            for &user in users[config].iter().filter(|user| seen.insert(**user)) {
                let entry = self.plan.entry(user);
                match entry.flow.is_empty() {
                    true => waiting.push(user),
                    false => found.push(entry),
                }
            }
        }
        found
    }

    /// The catch nodes that are told of a node's error: those on its flow, or, if there are none and
    /// it is in an instance of a subflow, those that watch the instance.
    fn errors_of(&self, entry: &Entry) -> Vec<usize> {
        let mut reporting = Some(entry);
        while let Some(entry) = reporting {
            let candidates = self.candidates(&self.errors, entry, &entry.flow);
            if !candidates.is_empty() {
                return caught_by(&candidates);
            }
            reporting = self.plan.model.instance_around(entry);
        }
        Vec::new()
    }

    /// The status nodes that are told of a node's status. The rule is the same as for errors, but an
    /// instance with a status output hides the statuses of the nodes inside.
    fn statuses_of(&self, entry: &Entry) -> Vec<usize> {
        let mut reporting = Some(entry);
        while let Some(entry) = reporting {
            let candidates = self.candidates(&self.statuses, entry, &entry.flow);
            if !candidates.is_empty() {
                return candidates.into_iter().map(|watcher| watcher.at).collect();
            }
            let instance = self.plan.model.instance_around(entry);
            reporting = instance.filter(|i| self.plan.model.status_output(i).is_none());
        }
        Vec::new()
    }

    /// The watchers on `flow` that watch a node there; those in the closest group come first.
    fn candidates<'t>(
        &self,
        table: &'t ByFlow<'_>,
        reporting: &Entry,
        flow: &str,
    ) -> Vec<&'t Watcher<'t>> {
        let Some(watchers) = table.get(flow) else { return Vec::new() };
        let groups = self.plan.model.groups_of(reporting);
        let mut found: Vec<(usize, &Watcher<'_>)> = Vec::new();
        for watcher in watchers {
            let depth = groups.iter().position(|group| *group == watcher.group);
            let watches = match &watcher.scope {
                WatchScope::All => true,
                WatchScope::Group => watcher.group.is_empty() || depth.is_some(),
                WatchScope::These(ids) => ids.contains(reporting.id.as_str()),
            };
            if watches {
                found.push((depth.unwrap_or(groups.len()), watcher));
            }
        }
        found.sort_by_key(|(distance, _)| *distance);
        found.into_iter().map(|(_, watcher)| watcher).collect()
    }
}

/// The candidates that are told of an error: watchers of uncaught errors only if the first
/// candidate is one, and then all candidates.
fn caught_by(candidates: &[&Watcher<'_>]) -> Vec<usize> {
    let first_is_uncaught = candidates.first().is_some_and(|watcher| watcher.uncaught);
    let told = candidates.iter().filter(|watcher| !watcher.uncaught || first_is_uncaught);
    told.map(|watcher| watcher.at).collect()
}
