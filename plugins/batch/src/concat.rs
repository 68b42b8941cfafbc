//! `Topics`: sequences that wait until each topic has one.

use std::collections::VecDeque;

use ferrowire::{Message, NodeError, Value, javascript};

use crate::MOST_KEPT;

#[derive(Debug)]
struct Group {
    id: String,
    /// In the order of their first messages, over all topics.
    number: u64,
    count: Option<f64>,
    messages: Vec<Message>,
}

/// The sequences of each topic, in the order of their first messages.
#[derive(Debug)]
pub(crate) struct Topics {
    /// The topic of each place in the result; a topic may have several.
    places: Vec<usize>,
    topics: Vec<(Value, VecDeque<Group>)>,
    kept: usize,
    begun: u64,
}

impl Topics {
    pub(crate) fn new(names: Vec<Value>) -> Self {
        let mut topics: Vec<(Value, VecDeque<Group>)> = Vec::new();
        let place = |name: Value| {
            let known = topics.iter().position(|(topic, _)| *topic == name);
            known.unwrap_or_else(|| {
                topics.push((name, VecDeque::new()));
                topics.len() - 1
            })
        };
        Topics { places: names.into_iter().map(place).collect(), topics, kept: 0, begun: 0 }
    }

    /// The oldest sequence, taken out, when there is no room for a further message.
    pub(crate) fn make_room(&mut self) -> Option<Vec<Message>> {
        if self.kept < MOST_KEPT {
            return None;
        }
        let number = |groups: &VecDeque<Group>| groups.front().map(|group| group.number);
        let oldest = self.topics.iter_mut().filter(|(_, groups)| !groups.is_empty());
        let (_, groups) = oldest.min_by_key(|(_, groups)| number(groups))?;
        let messages = groups.pop_front()?.messages;
        self.kept -= messages.len();
        Some(messages)
    }

    /// Adds a message, and returns one sequence made of those of all topics when they are
    /// complete, with the messages that went into it. What belongs to none of the topics is
    /// dropped, as in Node-RED.
    pub(crate) fn add(&mut self, msg: Message) -> Result<Added, NodeError> {
        let is_topic = |topic: &Value| javascript::strictly_equal(Some(topic), msg.get("topic"));
        let Some(at) = self.topics.iter().position(|(topic, _)| is_topic(topic)) else {
            return Ok(Added::Dropped);
        };
        let part = |name: &str| msg.get("parts").and_then(|parts| parts.get(name));
        let (Some(id), Some(_), Some(count)) = (part("id"), part("index"), part("count")) else {
            return Err(NodeError::new("no `msg.parts` with `id`, `index` and `count`"));
        };
        let (id, count) = (javascript::text(Some(id)), count.as_f64());
        self.kept += 1;
        let (_, groups) = &mut self.topics[at];
        match groups.iter_mut().find(|group| group.id == id) {
            Some(group) => group.messages.push(msg),
            None => {
                self.begun += 1;
                groups.push_back(Group { id, number: self.begun, count, messages: vec![msg] });
            }
        }
        Ok(self.take_complete().unwrap_or(Added::Waits))
    }

    fn take_complete(&mut self) -> Option<Added> {
        let is_complete = |groups: &VecDeque<Group>| {
            groups.front().is_some_and(|group| group.count == Some(group.messages.len() as f64))
        };
        if !self.topics.iter().all(|(_, groups)| is_complete(groups)) {
            return None;
        }
        let first = self.topics.iter_mut().filter_map(|(_, groups)| groups.pop_front());
        let sequences: Vec<Vec<Message>> = first.map(|group| group.messages).collect();
        self.kept -= sequences.iter().map(Vec::len).sum::<usize>();
        let all = self.places.iter().flat_map(|place| sequences[*place].iter().cloned()).collect();
        Some(Added::Complete { all, kept: sequences.into_iter().flatten().collect() })
    }

    /// Takes out all messages.
    pub(crate) fn take_all(&mut self) -> Vec<Message> {
        self.kept = 0;
        let groups = self.topics.iter_mut().flat_map(|(_, groups)| groups.drain(..));
        groups.flat_map(|group| group.messages).collect()
    }
}

/// What came of a message.
pub(crate) enum Added {
    Dropped,
    Waits,
    /// The sequence, and the messages that it is made of.
    Complete {
        all: Vec<Message>,
        kept: Vec<Message>,
    },
}
