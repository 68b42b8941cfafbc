//! `Topics`: the mode `concat`, where sequences wait until each topic has one.

use std::collections::VecDeque;

use ferrowire::expression::javascript;
use ferrowire::sequence::{Added, Gathered, Parts, Sequence, Sequences};
use ferrowire::{Message, NodeError, Value};

use crate::MOST_HELD;

/// A sequence of one topic.
#[derive(Debug)]
pub(crate) struct Group {
    topic: usize,
    key: String,
    sequence: Gathered,
}

impl Sequence for Group {
    fn held(&self) -> usize {
        self.sequence.held()
    }

    fn into_messages(self) -> Vec<Message> {
        self.sequence.into_messages()
    }
}

#[derive(Debug)]
struct Topic {
    name: Value,
    /// The keys of its sequences, in the order of their first messages.
    keys: VecDeque<String>,
}

/// The sequences of all topics.
#[derive(Debug)]
pub(crate) struct Topics {
    /// The topic of each place in the result; a topic may have several.
    places: Vec<usize>,
    topics: Vec<Topic>,
    waiting: Sequences<Group>,
}

/// The outcome of a message of one of the topics.
pub(crate) struct Outcome {
    /// The sequences that were dropped to make room.
    pub(crate) dropped: Vec<Group>,
    /// The complete sequence, if the message completed it.
    pub(crate) complete: Option<Concatenated>,
}

/// One sequence for each topic.
pub(crate) struct Concatenated {
    /// The messages in the order of the configured topics.
    pub(crate) all: Vec<Message>,
    /// Each message once.
    pub(crate) kept: Vec<Message>,
}

impl Topics {
    pub(crate) fn new(names: Vec<Value>) -> Self {
        let mut topics: Vec<Topic> = Vec::new();
        let place = |name: Value| {
            let known = topics.iter().position(|topic| topic.name == name);
            known.unwrap_or_else(|| {
                topics.push(Topic { name, keys: VecDeque::new() });
                topics.len() - 1
            })
        };
        let places = names.into_iter().map(place).collect();
        Topics { places, topics, waiting: Sequences::new(MOST_HELD) }
    }

    /// Adds a message. `None` if it belongs to none of the topics.
    ///
    /// # Errors
    /// If `msg.parts` is incomplete, or there is no room for the message.
    pub(crate) fn add(&mut self, msg: Message) -> Result<Option<Outcome>, NodeError> {
        let is_its =
            |topic: &Topic| javascript::strictly_equal(Some(&topic.name), msg.get("topic"));
        let Some(topic) = self.topics.iter().position(is_its) else { return Ok(None) };
        let Some(parts) = Parts::of(&msg).filter(Parts::has_count) else {
            return Err(NodeError::new("no `msg.parts` with `id`, `index` and `count`"));
        };
        let (key, count) = (format!("{topic}:{}", parts.id()), parts.count());
        let is_new = !self.waiting.contains(&key);
        // As in Node-RED, the first message says how many there will be.
        let begin = || {
            let sequence = Gathered { messages: Vec::new(), count };
            Group { topic, key: key.clone(), sequence }
        };
        let push = |group: &mut Group| group.sequence.messages.push(msg);
        let Added { dropped, .. } = self.waiting.add(&key, 1, begin, push)?;
        for Group { topic, key, .. } in &dropped {
            let keys = &mut self.topics[*topic].keys;
            // Mostly the first one, since the oldest sequence is dropped.
            if let Some(at) = keys.iter().position(|other| other == key) {
                keys.remove(at);
            }
        }
        if is_new {
            self.topics[topic].keys.push_back(key);
        }
        Ok(Some(Outcome { dropped, complete: self.take_complete() }))
    }

    fn take_complete(&mut self) -> Option<Concatenated> {
        let is_complete = |topic: &Topic| {
            let group = topic.keys.front().and_then(|key| self.waiting.get(key));
            group.is_some_and(|group| group.sequence.count == Some(group.held() as f64))
        };
        if !self.topics.iter().all(is_complete) {
            return None;
        }
        let first = self.topics.iter_mut().filter_map(|topic| topic.keys.pop_front());
        let groups = first.filter_map(|key| self.waiting.remove(&key));
        let sequences: Vec<Vec<Message>> = groups.map(Group::into_messages).collect();
        let all = self.places.iter().flat_map(|place| sequences[*place].iter().cloned()).collect();
        Some(Concatenated { all, kept: sequences.into_iter().flatten().collect() })
    }

    /// Removes all messages.
    pub(crate) fn take_all(&mut self) -> Vec<Message> {
        self.topics.iter_mut().for_each(|topic| topic.keys.clear());
        self.waiting.take_all().into_iter().flat_map(Group::into_messages).collect()
    }
}
