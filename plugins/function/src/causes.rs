//! `Causes`: the traces of messages whose runs may still send something, from a promise or a timer.

use std::collections::VecDeque;

use ferrowire::trace::Follow;
use ferrowire::{Message, Value};

/// So many are kept, the latest ones. What is sent for an earlier one begins a new trace.
const MOST: usize = 256;

/// The traces by `_msgid`, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Causes(VecDeque<(Value, Follow)>);

impl Causes {
    /// The run for the message `id` may go on.
    pub(crate) fn note(&mut self, id: Option<Value>, trace: Follow) {
        let Some(id) = id.filter(|_| trace.is_known()) else { return };
        if self.0.len() >= MOST {
            self.0.pop_front();
        }
        self.0.push_back((id, trace.detached()));
    }

    /// Makes what a run for the message `id` sends part of its trace.
    pub(crate) fn adopt(&self, id: Option<&Value>, msg: &mut Message) {
        let Some(id) = id.filter(|_| !self.0.is_empty()) else { return };
        if let Some((_, trace)) = self.0.iter().rev().find(|(known, _)| known == id) {
            trace.adopt(msg);
        }
    }
}
