//! `Gathered`: a sequence of plain messages, in the order in which they arrived.

use ferrowire_core::{Message, NodeContext};

use crate::{Added, NoRoom, Sequence, Sequences};

/// The messages of a sequence that have arrived.
#[derive(Debug, Default)]
pub struct Gathered {
    /// The messages in the order of arrival.
    pub messages: Vec<Message>,
    /// How many there will be, once a message has said so.
    pub count: Option<f64>,
}

impl Gathered {
    /// Takes over the count that the newest message states, if it states one, and returns whether
    /// that many messages have arrived.
    pub fn reaches(&mut self, count: Option<f64>) -> bool {
        self.count = count.or(self.count);
        self.count.is_some_and(|count| count <= self.messages.len() as f64)
    }

    /// Copies of the messages for [`send_and_complete`](crate::send_and_complete) and
    /// [`fail_last`](crate::fail_last): all of them when completions are watched, otherwise the
    /// last one alone.
    pub fn to_report(&self, cx: &NodeContext) -> Vec<Message> {
        let skipped =
            if cx.completion_watched() { 0 } else { self.messages.len().saturating_sub(1) };
        self.messages.get(skipped..).unwrap_or_default().to_vec()
    }
}

impl Sequence for Gathered {
    fn held(&self) -> usize {
        self.messages.len()
    }

    fn into_messages(self) -> Vec<Message> {
        self.messages
    }
}

impl Sequences<Gathered> {
    /// Adds `msg` to the sequence `id`. When `is_complete` says so of the sequence with the
    /// message in it, the sequence is removed and returned as the result.
    ///
    /// # Errors
    /// As [`add`](Self::add). The message is dropped then; the bus, which is told of the error,
    /// has a copy for catch nodes.
    pub fn gather(
        &mut self,
        id: &str,
        msg: Message,
        is_complete: impl FnOnce(&mut Gathered) -> bool,
    ) -> Result<Added<Gathered, Option<Gathered>>, NoRoom> {
        let Added { result, dropped } = self.add(id, 1, Gathered::default, |sequence| {
            sequence.messages.push(msg);
            is_complete(sequence)
        })?;
        let result = if result { self.remove(id) } else { None };
        Ok(Added { result, dropped })
    }
}
