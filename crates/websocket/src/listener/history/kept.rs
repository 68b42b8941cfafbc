//! `Kept`: one history: the messages of a listener or a room, numbered.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bytes::Bytes;
use ferrowire_core::Text;
use tokio::time::Instant;

use crate::listener::history::{HistoryOptions, Position};

/// What a message takes beside its frame and its topic.
const OVERHEAD: usize = 128;

/// A message that is kept.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The whole frame.
    pub(crate) frame: Bytes,
    topic: Option<Text>,
    at: Instant,
}

impl Entry {
    fn bytes(&self) -> usize {
        self.frame.len() + self.topic.as_ref().map_or(0, |topic| topic.len()) + OVERHEAD
    }
}

/// Messages by their offsets, which begin with 1.
#[derive(Debug)]
pub(crate) struct Kept {
    epoch: Text,
    /// The offset of the last message.
    last: u64,
    /// The highest offset of a message that is kept no more, not counting those that were replaced.
    lost: u64,
    entries: BTreeMap<u64, Entry>,
    topics: HashMap<Text, u64>,
    bytes: usize,
}

impl Kept {
    pub(crate) fn new() -> Self {
        let epoch = format!("{:08x}", fastrand::u32(..));
        Kept::at(epoch.into(), 0, 0)
    }

    /// One without messages, of which those up to `lost` are kept no more.
    pub(crate) fn at(epoch: Text, last: u64, lost: u64) -> Self {
        Kept { epoch, last, lost, entries: BTreeMap::new(), topics: HashMap::new(), bytes: 0 }
    }

    /// The bytes in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Where the history is now.
    pub(crate) fn position(&self) -> Position {
        Position { epoch: self.epoch.clone(), offset: self.last }
    }

    /// Adds a message and returns its offset. Messages without a topic are one topic.
    pub(crate) fn push(&mut self, frame: Bytes, topic: Text, options: &HistoryOptions) -> u64 {
        let topic = options.by_topic.then_some(topic);
        self.insert(self.last + 1, Entry { frame, topic, at: Instant::now() });
        self.last
    }

    /// Adds a message that has an offset already. Those between `previous` and it are not there.
    pub(crate) fn push_numbered(
        &mut self,
        (offset, previous, age): (u64, u64, Duration),
        frame: Bytes,
        topic: Text,
        options: &HistoryOptions,
    ) {
        if previous > self.last {
            self.lost = previous;
        }
        let now = Instant::now();
        let topic = options.by_topic.then_some(topic);
        self.insert(offset, Entry { frame, topic, at: now.checked_sub(age).unwrap_or(now) });
    }

    fn insert(&mut self, offset: u64, entry: Entry) {
        self.last = offset;
        if let Some(topic) = &entry.topic
            && let Some(older) = self.topics.insert(topic.clone(), offset)
            && let Some(older) = self.entries.remove(&older)
        {
            self.bytes -= older.bytes();
        }
        self.bytes += entry.bytes();
        self.entries.insert(offset, entry);
    }

    /// Has no messages up to `last` beside those that are here.
    pub(crate) fn advance(&mut self, last: u64) {
        self.last = self.last.max(last);
    }

    /// Drops all messages.
    pub(crate) fn clear(&mut self) {
        self.lost = self.last;
        self.bytes = 0;
        self.entries.clear();
        self.topics.clear();
    }

    /// Drops what is too old or too much. `most_bytes` is the limit of this history.
    pub(crate) fn trim(&mut self, options: &HistoryOptions, most_bytes: usize) {
        let now = Instant::now();
        let is_old = |entry: &Entry| options.age.is_some_and(|age| entry.at + age <= now);
        while let Some(first) = self.entries.first_key_value().map(|(_, first)| first)
            && (self.entries.len() > options.messages || self.bytes > most_bytes || is_old(first))
        {
            self.pop();
        }
    }

    /// Drops the oldest message.
    pub(crate) fn pop(&mut self) {
        let Some((offset, entry)) = self.entries.pop_first() else { return };
        self.lost = offset;
        self.bytes -= entry.bytes();
        if let Some(topic) = &entry.topic {
            self.topics.remove(topic);
        }
    }

    /// Whether all that came after `position` is still kept.
    pub(crate) fn covers(&self, position: &Position) -> bool {
        position.epoch == self.epoch && (self.lost..=self.last).contains(&position.offset)
    }

    /// The messages after `offset`.
    pub(crate) fn after(&self, offset: u64) -> impl Iterator<Item = (u64, &Entry)> {
        self.entries.range(offset.saturating_add(1)..).map(|(offset, entry)| (*offset, entry))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: usize = usize::MAX;

    fn options(messages: usize, by_topic: bool) -> HistoryOptions {
        HistoryOptions { messages, age: None, by_topic }
    }

    fn push(kept: &mut Kept, topic: &str, options: &HistoryOptions) -> u64 {
        let offset = kept.push(Bytes::from_static(b"frame"), topic.into(), options);
        kept.trim(options, ALL);
        offset
    }

    fn offsets(kept: &Kept, after: u64) -> Vec<u64> {
        kept.after(after).map(|(offset, _)| offset).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn messages_beyond_the_age_or_the_bytes_are_dropped_and_a_position_before_them_is_lost() {
        let age = HistoryOptions { age: Some(Duration::from_secs(10)), ..options(100, false) };
        let mut kept = Kept::new();
        push(&mut kept, "", &age);
        let start = kept.position();
        tokio::time::advance(Duration::from_secs(6)).await;
        push(&mut kept, "", &age);
        tokio::time::advance(Duration::from_secs(5)).await;
        kept.trim(&age, ALL);
        assert_eq!(offsets(&kept, 0), [2]);
        assert!(kept.covers(&start), "only what it has seen is gone");
        tokio::time::advance(Duration::from_secs(5)).await;
        kept.trim(&age, ALL);
        assert!(kept.is_empty() && kept.bytes() == 0 && !kept.covers(&start));
        assert!(kept.covers(&kept.position()), "who has seen everything misses nothing");
        push(&mut kept, "", &age);
        kept.trim(&age, 10);
        assert!(kept.is_empty());
    }

    #[test]
    fn positions_of_another_epoch_or_of_the_future_are_not_covered() {
        let all = options(10, false);
        let mut kept = Kept::new();
        push(&mut kept, "", &all);
        let Position { epoch, offset } = kept.position();
        assert!(kept.covers(&Position { epoch: epoch.clone(), offset }));
        assert!(!kept.covers(&Position { epoch, offset: offset + 1 }));
        assert!(!kept.covers(&Position { epoch: "other".into(), offset }));
    }

    proptest! {
        #[test]
        fn what_is_covered_has_no_gap(
            topics in proptest::collection::vec("[a-c]?", 1..40),
            most in 1usize..10, by_topic in any::<bool>(), seen in 0usize..45,
        ) {
            let options = options(most, by_topic);
            let mut kept = Kept::new();
            let mut all = Vec::new();
            for topic in &topics {
                all.push((push(&mut kept, topic, &options), topic));
            }
            let position = Position { offset: seen as u64, ..kept.position() };
            let got = offsets(&kept, position.offset);
            prop_assert!(got.len() <= most && got.is_sorted());
            let is_newest = |offset: u64, topic: &String| {
                !all.iter().any(|(later, other)| *later > offset && *other == topic)
            };
            let missed: Vec<u64> = all
                .iter()
                .filter(|(offset, topic)| {
                    *offset > position.offset && (!by_topic || is_newest(*offset, topic))
                })
                .map(|(offset, _)| *offset)
                .collect();
            if kept.covers(&position) {
                prop_assert_eq!(got, missed);
            } else {
                prop_assert!(seen > all.len() || missed.len() > got.len() || by_topic);
            }
            prop_assert_eq!(kept.bytes(), kept.entries.values().map(Entry::bytes).sum::<usize>());
        }
    }
}
