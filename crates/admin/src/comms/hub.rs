//! `Hub`: publishes messages to all editors, and retains messages for editors that connect later.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use ferrowire_core::{MutexExt as _, Value};
use indexmap::IndexMap;

use crate::comms::events::milliseconds;
use crate::comms::queue::{Item, Queue};

#[derive(Debug, Default)]
pub(crate) struct Hub {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    retained: IndexMap<Arc<str>, Item>,
    editors: HashMap<u64, Arc<Queue>>,
    next: u64,
}

impl Hub {
    /// Sends `data` (JSON) to every editor, and drops the topic's retained message.
    pub(crate) fn publish(&self, topic: &str, data: &str) {
        let item = item(topic, data);
        let mut state = self.lock();
        state.retained.shift_remove(topic);
        state.send(&item);
    }

    /// Publishes a line for the editor's event log.
    pub(crate) fn event_log(&self, kind: &str, line: &str) {
        // Without `end`, the editor shows the entry as still running.
        let entry = serde_json::json!({
            "ts": milliseconds(), "type": kind, "data": format!("{line}\n"), "end": true
        });
        self.publish("event-log/runtime", &entry.to_string());
    }

    /// Sends `data` to every editor, and retains it for later subscriptions.
    pub(crate) fn retain(&self, topic: &str, data: &str) {
        let item = item(topic, data);
        let mut state = self.lock();
        state.send(&item);
        state.retained.insert(Arc::clone(&item.topic), item);
    }

    /// Drops the topic's retained message, if there is one, and sends `{}` in its place.
    pub(crate) fn clear(&self, topic: &str) {
        let mut state = self.lock();
        if state.retained.shift_remove(topic).is_some() {
            state.send(&item(topic, "{}"));
        }
    }

    /// The topics of retained messages that begin with `prefix`.
    pub(crate) fn retained_below(&self, prefix: &str) -> Vec<Arc<str>> {
        let topics = self.lock();
        topics.retained.keys().filter(|topic| topic.starts_with(prefix)).cloned().collect()
    }

    /// Whether an editor is connected.
    pub(crate) fn is_heard(&self) -> bool {
        !self.lock().editors.is_empty()
    }

    /// Adds an editor, until the returned guard is dropped.
    pub(crate) fn enter(self: &Arc<Self>, queue: &Arc<Queue>) -> Present {
        let mut state = self.lock();
        state.next += 1;
        let number = state.next;
        state.editors.insert(number, Arc::clone(queue));
        Present { hub: Arc::clone(self), number }
    }

    /// Sends one editor the retained messages whose topics match `pattern`.
    pub(crate) fn replay(&self, pattern: &str, queue: &Queue) {
        for (_, item) in self.lock().retained.iter().filter(|(topic, _)| matches(pattern, topic)) {
            queue.push(item.clone());
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.locked()
    }
}

impl State {
    fn send(&self, item: &Item) {
        for editor in self.editors.values() {
            editor.push(item.clone());
        }
    }
}

/// The registration of an editor.
#[derive(Debug)]
pub(crate) struct Present {
    hub: Arc<Hub>,
    number: u64,
}

impl Drop for Present {
    fn drop(&mut self) {
        self.hub.lock().editors.remove(&self.number);
    }
}

/// A message as one element of a batch.
pub(crate) fn item(topic: &str, data: &str) -> Item {
    let name = Value::from(topic).to_json();
    Item { topic: topic.into(), json: format!(r#"{{"topic":{name},"data":{data}}}"#).into() }
}

/// Whether `pattern` matches `topic`: `+` stands for one level, `/#` at the end for this level and
/// all below it.
fn matches(pattern: &str, topic: &str) -> bool {
    let (pattern, and_below) = match pattern.strip_suffix("/#") {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    let mut levels = topic.split('/');
    let all_match = pattern.split('/').all(|wanted| {
        levels.next().is_some_and(|level| match wanted {
            "+" => !level.is_empty(),
            wanted => wanted == level,
        })
    });
    all_match && (and_below || levels.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_levels() {
        assert!(matches("debug", "debug"));
        assert!(!matches("debug", "debug/x"));
        assert!(matches("status/#", "status/a"));
        assert!(matches("status/#", "status"));
        assert!(matches("status/#", "status/a/b"));
        assert!(!matches("status/#", "statuses/a"));
        assert!(matches("notification/+", "notification/runtime-state"));
        assert!(!matches("notification/+", "notification/node/added"));
        assert!(matches("+/a/#", "status/a"));
        assert!(!matches("status/.*", "status/a"));
        assert!(!matches("", "debug"));
    }

    #[tokio::test(start_paused = true)]
    async fn only_retained_messages_are_replayed() {
        let hub = Arc::new(Hub::default());
        hub.retain("status/a", "1");
        hub.retain("status/b", "2");
        hub.publish("status/b", "3");
        hub.retain("other", "4");
        let queue = Arc::new(Queue::default());
        let _present = hub.enter(&queue);
        hub.replay("status/#", &queue);
        assert_eq!(queue.batch().await.unwrap(), r#"[{"topic":"status/a","data":1}]"#);
    }

    #[tokio::test(start_paused = true)]
    async fn editors_are_told_that_a_retained_message_was_cleared() {
        let hub = Arc::new(Hub::default());
        let queue = Arc::new(Queue::default());
        let present = hub.enter(&queue);
        hub.clear("status/a");
        hub.retain("status/a", "1");
        hub.clear("status/a");
        let both = r#"[{"topic":"status/a","data":1},{"topic":"status/a","data":{}}]"#;
        assert_eq!(queue.batch().await.unwrap(), both);
        drop(present);
        assert!(!hub.is_heard());
    }
}
