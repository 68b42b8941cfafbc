//! `Queue`: the messages that wait for one editor, bounded, and sent in batches.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use ferrowire_core::MutexExt as _;

use tokio::sync::Notify;

/// The time that the first message of a batch waits for more.
const COLLECT: Duration = Duration::from_millis(50);

/// The largest number of messages in a batch.
const BATCH: usize = 50;

/// The largest number of messages that wait for an editor.
const MOST: usize = 2000;

/// The largest number of bytes that wait for an editor.
const MOST_BYTES: usize = 8 << 20;

/// A message for editors: its topic, and the whole message as JSON.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) topic: Arc<str>,
    pub(crate) json: Arc<str>,
}

/// The editor reads so slowly that it has to reconnect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooSlow;

#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    items: VecDeque<Item>,
    bytes: usize,
    /// Debug messages that were dropped since the last batch.
    dropped: usize,
    too_slow: bool,
}

impl Queue {
    /// Adds a message. Beyond [`MOST`] messages or [`MOST_BYTES`], the oldest debug message is
    /// dropped, or else the oldest status that a later one replaces. If there is neither, the editor
    /// is disconnected; when it reconnects, it gets all retained messages.
    pub(crate) fn push(&self, item: Item) {
        let mut waiting = self.lock();
        if waiting.too_slow {
            return;
        }
        waiting.bytes += item.json.len();
        waiting.items.push_back(item);
        while waiting.items.len() > MOST || (waiting.bytes > MOST_BYTES && waiting.items.len() > 1)
        {
            if !waiting.drop_one() {
                *waiting = Waiting { too_slow: true, ..Waiting::default() };
                break;
            }
        }
        self.changed.notify_one();
    }

    /// Waits for messages and returns the next batch as a JSON array.
    ///
    /// # Errors
    /// When the editor reads too slowly.
    pub(crate) async fn batch(&self) -> Result<String, TooSlow> {
        while self.lock().items.is_empty() {
            if self.lock().too_slow {
                return Err(TooSlow);
            }
            self.changed.notified().await;
        }
        tokio::time::sleep(COLLECT).await;
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.locked()
    }
}

impl Waiting {
    fn drop_one(&mut self) -> bool {
        let debug = self.items.iter().position(|item| &*item.topic == "debug");
        let Some(at) = debug.or_else(|| self.outdated()) else { return false };
        if let Some(item) = self.items.remove(at) {
            self.bytes -= item.json.len();
            self.dropped += usize::from(debug.is_some());
        }
        true
    }

    /// The position of the first status that a later one replaces.
    fn outdated(&self) -> Option<usize> {
        let is_outdated = |(at, item): (usize, &Item)| {
            let mut later = self.items.iter().skip(at + 1);
            item.topic.starts_with("status/") && later.any(|later| later.topic == item.topic)
        };
        (0..self.items.len()).find(|at| is_outdated((*at, &self.items[*at])))
    }

    fn take(&mut self) -> Result<String, TooSlow> {
        if self.too_slow {
            return Err(TooSlow);
        }
        let mut batch = String::from("[");
        let mut add = |json: &str| {
            if batch.len() > 1 {
                batch.push(',');
            }
            batch.push_str(json);
        };
        if let Some(notice) = self.notice() {
            add(&notice);
        }
        let count = self.items.len().min(BATCH);
        for item in self.items.drain(..count) {
            self.bytes -= item.json.len();
            add(&item.json);
        }
        batch.push(']');
        Ok(batch)
    }

    /// A debug message that tells how many others were dropped.
    fn notice(&mut self) -> Option<String> {
        let dropped = std::mem::take(&mut self.dropped);
        let text = format!("{dropped} debug messages were dropped: the editor reads too slowly");
        let message = serde_json::json!({
            "topic": "debug",
            "data": {"level": 30, "msg": text, "format": format!("string[{}]", text.len())},
        });
        (dropped > 0).then(|| message.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(topic: &str, json: &str) -> Item {
        Item { topic: topic.into(), json: json.into() }
    }

    #[tokio::test(start_paused = true)]
    async fn messages_go_out_fifty_at_a_time_every_fifty_milliseconds() {
        let queue = Queue::default();
        for number in 0..60 {
            queue.push(item("debug", &number.to_string()));
        }
        let start = tokio::time::Instant::now();
        let first = queue.batch().await.unwrap();
        assert_eq!(start.elapsed(), COLLECT);
        assert!(first.starts_with("[0,1,2,") && first.ends_with(",49]"), "{first}");
        assert!(queue.batch().await.unwrap().ends_with(",59]"));
        assert_eq!(start.elapsed(), 2 * COLLECT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_editor_loses_debug_messages_and_nothing_else() {
        let queue = Queue::default();
        queue.push(item("status/a", r#""status""#));
        for number in 0..MOST + 9 {
            queue.push(item("debug", &number.to_string()));
        }
        let batch = queue.batch().await.unwrap();
        assert!(batch.contains("10 debug messages were dropped"), "{batch}");
        assert!(batch.contains(r#""status",10,11,"#), "{batch}");
        assert!(!queue.batch().await.unwrap().contains("dropped"), "it is told once");
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_last_status_of_a_node_survives_when_too_many_wait() {
        let queue = Queue::default();
        queue.push(item("notification/runtime-deploy", "-1"));
        for number in 0..MOST + 10 {
            queue.push(item("status/a", &number.to_string()));
        }
        let batch = queue.batch().await.unwrap();
        assert!(batch.starts_with("[-1,11,12,"), "{batch}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_editor_that_would_miss_other_messages_is_disconnected() {
        let queue = Queue::default();
        for number in 0..=MOST {
            queue.push(item(&format!("event-log/{number}"), "1"));
        }
        assert_eq!(queue.batch().await, Err(TooSlow));
        queue.push(item("debug", "1"));
        assert_eq!(queue.batch().await, Err(TooSlow));
    }

    #[tokio::test(start_paused = true)]
    async fn a_few_large_messages_exceed_the_bound_as_well() {
        let queue = Queue::default();
        let large = "x".repeat(MOST_BYTES / 2 + 1);
        queue.push(item("debug", &large));
        queue.push(item("debug", "1"));
        queue.push(item("debug", &large));
        let batch = queue.batch().await.unwrap();
        assert!(batch.contains("1 debug messages were dropped") && batch.len() < MOST_BYTES);
    }
}
