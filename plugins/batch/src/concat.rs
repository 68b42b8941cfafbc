//! `Topics`: sequences that wait until each topic has one.

use std::collections::VecDeque;

use ferrowire_core::{Message, NodeError, Value, javascript};

use crate::{MOST_KEPT, too_many};

#[derive(Debug)]
struct Group {
    id: String,
    count: Option<f64>,
    messages: Vec<Message>,
}

/// The sequences of each topic, in the order of their first messages.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    groups: Vec<VecDeque<Group>>,
    kept: usize,
}

impl Topics {
    /// Adds a message, and returns one sequence made of those of all topics when they are
    /// complete. What belongs to none of the topics is dropped, as in Node-RED.
    pub(crate) fn add(
        &mut self,
        topics: &[Value],
        msg: Message,
    ) -> Result<Option<Vec<Message>>, NodeError> {
        let is_topic = |topic: &&Value| javascript::strictly_equal(Some(*topic), msg.get("topic"));
        let Some(at) = topics.iter().position(|topic| is_topic(&topic)) else { return Ok(None) };
        let part = |name: &str| msg.get("parts").and_then(|parts| parts.get(name));
        let (Some(id), Some(_), Some(count)) = (part("id"), part("index"), part("count")) else {
            return Err(NodeError::new("no `msg.parts` with `id`, `index` and `count`"));
        };
        let (id, count) = (javascript::text(Some(id)), count.as_f64());
        if self.kept >= MOST_KEPT {
            *self = Topics::default();
            return Err(too_many());
        }
        self.kept += 1;
        self.groups.resize_with(topics.len(), VecDeque::new);
        let groups = &mut self.groups[at];
        match groups.iter_mut().find(|group| group.id == id) {
            Some(group) => group.messages.push(msg),
            None => groups.push_back(Group { id, count, messages: vec![msg] }),
        }
        Ok(self.take_complete())
    }

    fn take_complete(&mut self) -> Option<Vec<Message>> {
        let is_complete = |groups: &VecDeque<Group>| {
            groups.front().is_some_and(|group| group.count == Some(group.messages.len() as f64))
        };
        if !self.groups.iter().all(is_complete) {
            return None;
        }
        let first = self.groups.iter_mut().filter_map(VecDeque::pop_front);
        let all: Vec<Message> = first.flat_map(|group| group.messages).collect();
        self.kept -= all.len();
        Some(all)
    }
}
