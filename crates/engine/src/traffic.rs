//! `TrafficTable`: who counts messages for which node, and the sums by node type and flow.
//!
//! The nodes of one type and flow share their counts. The first ones, up to a limit, have counts of
//! their own instead. What is removed by a deploy leaves its counts behind, so that sums only grow.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex};

use ferrowire_core::metric::{Traffic, TrafficCounts};
use ferrowire_core::{MutexExt as _, NodeInfo};

/// How many flows have counts of their own. Further ones are counted as [`OTHER_FLOWS`].
pub const MAX_FLOWS: usize = 256;

/// What all flows beyond [`MAX_FLOWS`] are counted as.
pub const OTHER_FLOWS: &str = "other";

/// What configuration nodes outside of all flows are counted as.
pub const GLOBAL: &str = "global";

/// Messages and errors so far, by what they are counted for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrafficReadings {
    /// By node type. Instances of subflows are of type `subflow`.
    pub types: BTreeMap<String, TrafficCounts>,
    /// By the id of the tab, [`GLOBAL`] and [`OTHER_FLOWS`]. A flow that was removed is missing.
    pub flows: BTreeMap<String, TrafficCounts>,
    /// By node id, of those that have counts of their own.
    pub nodes: BTreeMap<String, TrafficCounts>,
    /// All nodes without counts of their own.
    pub other_nodes: TrafficCounts,
}

/// Nodes that are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Group {
    node_type: String,
    /// `None` for flows that are gone.
    flow: Option<String>,
}

/// The tab that contains the node, directly or in subflows; [`GLOBAL`] without one.
pub fn tab_of(node: &NodeInfo) -> &str {
    match node.path.split('/').next() {
        None | Some("") => GLOBAL,
        Some(tab) => tab,
    }
}

pub(crate) struct TrafficTable {
    max_nodes: usize,
    entries: Mutex<Entries>,
}

#[derive(Default)]
struct Entries {
    groups: HashMap<Group, Arc<Traffic>>,
    nodes: HashMap<String, (Group, Arc<Traffic>)>,
    /// The counts of what was removed.
    gone: HashMap<Group, TrafficCounts>,
    /// The flows with counts of their own.
    flows: HashSet<String>,
}

impl TrafficTable {
    /// A table in which at most `max_nodes` nodes have counts of their own.
    pub(crate) fn new(max_nodes: usize) -> Self {
        TrafficTable { max_nodes, entries: Mutex::default() }
    }

    /// Where the messages of a node are counted.
    pub(crate) fn of(&self, node: &NodeInfo) -> Arc<Traffic> {
        let mut entries = self.entries.locked();
        let group = entries.group(node);
        if let Some((known, traffic)) = entries.nodes.get(&node.id)
            && *known == group
        {
            return Arc::clone(traffic);
        }
        entries.remove_node(&node.id);
        if entries.nodes.len() < self.max_nodes {
            let traffic = Arc::<Traffic>::default();
            entries.nodes.insert(node.id.clone(), (group, Arc::clone(&traffic)));
            return traffic;
        }
        Arc::clone(entries.groups.entry(group).or_default())
    }

    /// Forgets the nodes and flows for which `exists` is false, and keeps their counts in the sums.
    pub(crate) fn retain(&self, exists: impl Fn(&str) -> bool) {
        let mut entries = self.entries.locked();
        let gone: Vec<String> = entries.nodes.keys().filter(|id| !exists(id)).cloned().collect();
        gone.iter().for_each(|id| entries.remove_node(id));
        entries.remove_flows(|flow| !matches!(flow, GLOBAL | OTHER_FLOWS) && !exists(flow));
    }

    pub(crate) fn read(&self) -> TrafficReadings {
        let entries = self.entries.locked();
        let mut readings = TrafficReadings::default();
        for (group, traffic) in &entries.groups {
            let counts = traffic.read();
            readings.add(group, counts);
            readings.other_nodes += counts;
        }
        for (id, (group, traffic)) in &entries.nodes {
            let counts = traffic.read();
            readings.add(group, counts);
            readings.nodes.insert(id.clone(), counts);
        }
        entries.gone.iter().for_each(|(group, counts)| readings.add(group, *counts));
        readings
    }
}

impl TrafficReadings {
    fn add(&mut self, group: &Group, counts: TrafficCounts) {
        *self.types.entry(group.node_type.clone()).or_default() += counts;
        if let Some(flow) = &group.flow {
            *self.flows.entry(flow.clone()).or_default() += counts;
        }
    }
}

impl Entries {
    fn group(&mut self, node: &NodeInfo) -> Group {
        let node_type = match node.node_type.starts_with("subflow:") {
            true => "subflow",
            false => node.node_type.as_str(),
        };
        let mut flow = tab_of(node);
        if !self.flows.contains(flow) {
            if self.flows.len() < MAX_FLOWS {
                self.flows.insert(flow.to_owned());
            } else {
                flow = OTHER_FLOWS;
            }
        }
        Group { node_type: node_type.to_owned(), flow: Some(flow.to_owned()) }
    }

    fn remove_node(&mut self, id: &str) {
        if let Some((group, traffic)) = self.nodes.remove(id) {
            *self.gone.entry(group).or_default() += traffic.read();
        }
    }

    fn remove_flows(&mut self, is_gone: impl Fn(&str) -> bool) {
        self.flows.retain(|flow| !is_gone(flow));
        let is_gone = |group: &Group| group.flow.as_deref().is_some_and(&is_gone);
        let live = self.groups.extract_if(|group, _| is_gone(group));
        let mut removed: Vec<_> = live.map(|(group, traffic)| (group, traffic.read())).collect();
        removed.extend(self.gone.extract_if(|group, _| is_gone(group)));
        for (group, counts) in removed {
            *self.gone.entry(Group { flow: None, ..group }).or_default() += counts;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: &str, node_type: &str, path: &str) -> NodeInfo {
        let of = str::to_owned;
        NodeInfo { id: of(id), node_type: of(node_type), path: of(path), ..NodeInfo::default() }
    }

    #[test]
    fn nodes_of_a_type_and_flow_are_counted_together() {
        let table = TrafficTable::new(1);
        let own = table.of(&node("a", "change", "one"));
        let shared = table.of(&node("b", "change", "one/instance"));
        assert!(Arc::ptr_eq(&shared, &table.of(&node("c", "change", "one"))));
        assert!(Arc::ptr_eq(&own, &table.of(&node("a", "change", "one"))), "after a restart");
        own.received();
        shared.received();
        table.of(&node("d", "subflow:x", "two")).sent();
        table.of(&node("e", "tls-config", "")).failed();
        let readings = table.read();
        assert_eq!(readings.types["change"].received, 2);
        assert_eq!(readings.types["subflow"].sent, 1);
        assert_eq!((readings.flows["one"].received, readings.flows[GLOBAL].errors), (2, 1));
        assert_eq!((readings.nodes["a"].received, readings.other_nodes.received), (1, 1));
    }

    #[test]
    fn what_a_deploy_removes_stays_in_the_sums() {
        let table = TrafficTable::new(1);
        for (id, path) in [("a", "one"), ("b", "one"), ("c", "two")] {
            table.of(&node(id, "change", path)).received();
        }
        table.retain(|id| id == "two" || id == "one" || id == "c");
        let readings = table.read();
        assert_eq!((readings.flows["one"].received, readings.nodes.len()), (2, 0));
        table.retain(|id| id == "two");
        let readings = table.read();
        assert_eq!(readings.types["change"].received, 3);
        assert_eq!(readings.flows.keys().collect::<Vec<_>>(), ["two"]);
    }

    #[test]
    fn flows_beyond_the_limit_are_counted_together() {
        let table = TrafficTable::new(0);
        for flow in 0..MAX_FLOWS + 2 {
            table.of(&node("n", "change", &flow.to_string())).received();
        }
        let flows = table.read().flows;
        assert_eq!((flows.len(), flows[OTHER_FLOWS].received), (MAX_FLOWS + 1, 2));
    }
}
