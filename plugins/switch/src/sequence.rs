//! Sequences of messages: `msg.parts`, and the groups that wait until they are complete.

use std::collections::HashMap;

use ferrowire::{Message, NodeError, Value, generate_id, javascript};

/// The number of messages that may wait for the rest of their sequences.
const MOST_KEPT: usize = 65_536;

/// What `msg.parts` says about a message of a sequence.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts<'a> {
    pub(crate) id: &'a Value,
    pub(crate) index: f64,
    pub(crate) count: Option<f64>,
}

impl<'a> Parts<'a> {
    pub(crate) fn of(msg: &'a Message) -> Option<Self> {
        let parts = msg.get("parts")?;
        Some(Parts {
            id: parts.get("id")?,
            index: javascript::number(Some(parts.get("index")?)),
            count: parts.get("count").and_then(Value::as_f64),
        })
    }
}

#[derive(Debug, Default)]
struct Group {
    messages: Vec<Message>,
    count: Option<f64>,
}

/// Sequences that are not complete yet.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    by_id: HashMap<String, Group>,
    kept: usize,
}

impl Groups {
    /// Adds a message of a sequence, and returns the sequence when it is complete with it.
    pub(crate) fn add(&mut self, msg: Message) -> Result<Option<Vec<Message>>, NodeError> {
        let Some(parts) = Parts::of(&msg) else { return Ok(Some(vec![msg])) };
        let (id, count) = (javascript::text(Some(parts.id)), parts.count);
        if self.kept >= MOST_KEPT {
            *self = Groups::default();
            let text = "too many messages wait for the rest of their sequences, all were dropped";
            return Err(NodeError::new(text));
        }
        self.kept += 1;
        let group = self.by_id.entry(id.clone()).or_default();
        group.messages.push(msg);
        group.count = count.or(group.count);
        let Some(count) = group.count.filter(|count| *count <= group.messages.len() as f64) else {
            return Ok(None);
        };
        let mut messages = self.by_id.remove(&id).unwrap_or_default().messages;
        self.kept -= messages.len();
        for msg in &mut messages {
            set_part(msg, "count", count.into());
        }
        Ok(Some(messages))
    }
}

fn set_part(msg: &mut Message, name: &'static str, value: Value) {
    if let Some(parts) = msg.properties_mut().get_mut("parts").and_then(Value::as_object_mut) {
        parts.insert(name, value);
    }
}

/// Makes what leaves each output a sequence of its own.
pub(crate) fn renumber(routed: &mut [(usize, Message)], ports: usize) {
    let mut counts = vec![0usize; ports];
    for (port, _) in routed.iter() {
        counts[*port] += 1;
    }
    let ids: Vec<_> = (0..ports).map(|_| generate_id()).collect();
    let mut indexes = vec![0usize; ports];
    for (port, msg) in routed {
        set_part(msg, "id", ids[*port].clone().into());
        set_part(msg, "index", indexes[*port].into());
        set_part(msg, "count", counts[*port].into());
        indexes[*port] += 1;
    }
}
