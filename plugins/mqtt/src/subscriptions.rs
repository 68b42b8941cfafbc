//! `Subscriptions`: which nodes want which topics.

use ferrowire::{Map, NodeError, Text};
use indexmap::IndexMap;
use mqtt5_protocol::QoS;
use mqtt5_protocol::packet::subscribe::{RetainHandling, SubscriptionOptions};

use crate::codec::qos;
use crate::{properties, topic};

/// The filters of one broker node.
const MOST: usize = 65_536;

/// A subscription as the broker gets it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    pub(crate) filter: String,
    pub(crate) options: SubscriptionOptions,
    /// The identifier, for brokers that know them.
    pub(crate) id: u32,
}

/// A node that gets a message, and the filter that it has subscribed to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Receiver {
    pub(crate) node: Text,
    pub(crate) filter: Text,
}

/// All subscriptions of a broker node.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    filters: IndexMap<String, Filter>,
    last_id: u32,
}

#[derive(Debug)]
struct Filter {
    id: u32,
    options: SubscriptionOptions,
    /// The nodes that want it. `false` for one that was stopped and whose subscription is kept.
    nodes: IndexMap<String, bool>,
}

/// What changes at the broker.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Change {
    /// Filters that nobody wants any more.
    pub(crate) ended: Vec<String>,
    pub(crate) begun: Option<Wanted>,
}

impl Subscriptions {
    /// A node wants a topic. What it subscribed to when it ran before, and was kept, ends.
    ///
    /// # Errors
    /// If there are 65,536 others.
    pub(crate) fn add(
        &mut self,
        node: &str,
        filter: &str,
        options: SubscriptionOptions,
    ) -> Result<Change, NodeError> {
        if self.filters.len() >= MOST && !self.filters.contains_key(filter) {
            return Err(NodeError::new(format!(
                "the broker node has {MOST} subscriptions already"
            )));
        }
        let mut ended = self.remove_kept(node, filter);
        ended.retain(|other| other != filter);
        let id = self.last_id + 1;
        let entry = self.filters.entry(filter.to_owned()).or_insert_with(|| Filter {
            id,
            options,
            nodes: IndexMap::new(),
        });
        self.last_id = self.last_id.max(entry.id);
        entry.options = options;
        entry.nodes.insert(node.to_owned(), true);
        let begun = Some(Wanted { filter: filter.to_owned(), options, id: entry.id });
        Ok(Change { ended, begun })
    }

    /// Removes the kept subscriptions of a node, but that to `filter`; returns the filters that
    /// nobody wants then.
    fn remove_kept(&mut self, node: &str, filter: &str) -> Vec<String> {
        let kept = |(other, entry): (&String, &Filter)| {
            let is_kept = other != filter && entry.nodes.get(node) == Some(&false);
            is_kept.then(|| other.clone())
        };
        let kept: Vec<String> = self.filters.iter().filter_map(kept).collect();
        kept.into_iter().filter(|other| self.remove(node, other)).collect()
    }

    /// A node does not want a topic any more; returns whether nobody wants it now.
    pub(crate) fn remove(&mut self, node: &str, filter: &str) -> bool {
        let Some(entry) = self.filters.get_mut(filter) else { return false };
        entry.nodes.shift_remove(node);
        let is_unwanted = entry.nodes.is_empty();
        if is_unwanted {
            self.filters.shift_remove(filter);
        }
        is_unwanted
    }

    /// A node stops, but the broker is to keep its messages.
    pub(crate) fn keep(&mut self, node: &str, filter: &str) {
        let entry = self.filters.get_mut(filter);
        if let Some(is_running) = entry.and_then(|entry| entry.nodes.get_mut(node)) {
            *is_running = false;
        }
    }

    /// What a new connection subscribes to.
    pub(crate) fn wanted(&self) -> Vec<Wanted> {
        let wanted = |(filter, entry): (&String, &Filter)| Wanted {
            filter: filter.clone(),
            options: entry.options,
            id: entry.id,
        };
        self.filters.iter().map(wanted).collect()
    }

    /// Who gets a message. `ids` are the identifiers that the broker has sent with it.
    pub(crate) fn receivers(&self, topic: &str, ids: &[u32]) -> Vec<Receiver> {
        let fits = |(filter, entry): &(&String, &Filter)| {
            (ids.is_empty() || ids.contains(&entry.id)) && topic::matches(filter, topic)
        };
        let mut receivers = Vec::new();
        for (filter, entry) in self.filters.iter().filter(fits) {
            let running = entry.nodes.iter().filter(|(_, is_running)| **is_running);
            receivers.extend(running.map(|(node, _)| Receiver {
                node: node.as_str().into(),
                filter: filter.as_str().into(),
            }));
        }
        receivers
    }
}

/// Reads `qos`, `rh`, `nl` and `rap` of a subscription.
pub(crate) fn options(given: &Map) -> SubscriptionOptions {
    let number = |name| given.get(name).and_then(properties::integer);
    SubscriptionOptions {
        qos: number("qos").and_then(|it| qos(it as f64)).unwrap_or(QoS::ExactlyOnce),
        no_local: properties::boolean_in(given, "nl").unwrap_or(false),
        retain_as_published: properties::boolean_in(given, "rap").unwrap_or(false),
        retain_handling: match number("rh") {
            Some(1) => RetainHandling::SendAtSubscribeIfNew,
            Some(2) => RetainHandling::DoNotSend,
            _ => RetainHandling::SendAtSubscribe,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn qos_1() -> SubscriptionOptions {
        SubscriptionOptions::new(QoS::AtLeastOnce)
    }

    fn nodes(all: &Subscriptions, topic: &str, ids: &[u32]) -> Vec<String> {
        all.receivers(topic, ids).into_iter().map(|it| it.node.to_string()).collect()
    }

    #[test]
    fn a_filter_ends_with_its_last_node() {
        let mut all = Subscriptions::default();
        all.add("a", "t/#", qos_1()).unwrap();
        all.add("b", "t/#", qos_1()).unwrap();
        assert_eq!(nodes(&all, "t/1", &[]), ["a", "b"]);
        assert!(!all.remove("a", "t/#"));
        assert!(all.remove("b", "t/#"));
        assert!(all.wanted().is_empty());
    }

    #[test]
    fn identifiers_select_among_filters_that_overlap() {
        let mut all = Subscriptions::default();
        let first = all.add("a", "t/#", qos_1()).unwrap().begun.unwrap().id;
        let second = all.add("b", "t/+", qos_1()).unwrap().begun.unwrap().id;
        assert_ne!(first, second);
        assert_eq!(nodes(&all, "t/1", &[first]), ["a"]);
        assert_eq!(nodes(&all, "t/1", &[first, second]), ["a", "b"]);
        assert_eq!(nodes(&all, "u", &[first]), [""; 0]);
    }

    #[test]
    fn a_kept_subscription_gets_nothing_and_ends_when_the_node_wants_another() {
        let mut all = Subscriptions::default();
        all.add("a", "old", qos_1()).unwrap();
        all.keep("a", "old");
        assert_eq!(nodes(&all, "old", &[]), [""; 0]);
        assert_eq!(all.add("a", "old", qos_1()).unwrap().ended, [""; 0]);
        assert_eq!(nodes(&all, "old", &[]), ["a"]);
        all.keep("a", "old");
        assert_eq!(all.add("a", "new", qos_1()).unwrap().ended, ["old"]);
        assert_eq!(all.wanted().len(), 1);
    }
}
