//! `Arrived`: the messages that a group is made of, for catch nodes and complete nodes.

use std::collections::HashSet;
use std::sync::Arc;

use ferrowire::{Key, Map, Message};

/// What a message added to its group.
#[derive(Clone, Debug)]
pub(crate) enum Added {
    Nothing,
    /// A value at the end.
    Last,
    /// The value at a place, instead of one that was there.
    At(usize),
    /// The value of a name, instead of one that was there.
    Named(Key),
    /// The properties of an object.
    Properties(Arc<Map>),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Arrived(Vec<(Added, Message)>);

/// Limits how many messages are kept, relative to the number of values, before the replaced ones
/// are dropped. So the cost of finding them is constant per message.
const FOR_EACH: usize = 2;
const BESIDE: usize = 16;

impl Arrived {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn push(&mut self, added: Added, msg: Message) {
        self.0.push((added, msg));
    }

    /// Drops the messages whose values were replaced, when there are many more messages than the
    /// group has `values`. So a group whose values are replaced again and again stays small.
    pub(crate) fn forget_replaced(&mut self, values: usize) {
        if self.0.len() <= FOR_EACH * values + BESIDE {
            return;
        }
        let (mut places, mut names) = (HashSet::new(), HashSet::new());
        let mut still: Vec<_> = std::mem::take(&mut self.0)
            .into_iter()
            .rev()
            .filter(|(added, _)| match added {
                Added::Nothing => false,
                Added::Last => true,
                Added::At(place) => places.insert(*place),
                Added::Named(name) => names.insert(name.clone()),
                // Not `any`, which stops at the first.
                Added::Properties(map) => {
                    map.keys().filter(|name| names.insert((*name).clone())).count() > 0
                }
            })
            .collect();
        still.reverse();
        self.0 = still;
    }

    pub(crate) fn into_messages(self) -> Vec<Message> {
        self.0.into_iter().map(|(_, msg)| msg).collect()
    }
}
