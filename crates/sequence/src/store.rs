//! `Sequences`: the messages of a node that wait for the rest of their sequences, within a bound.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use ferrowire_core::{Message, NodeError};

/// One sequence, as far as it has arrived.
pub trait Sequence {
    /// How much it counts towards the bound: the number of its messages, or more when it
    /// reserves memory for messages to come.
    fn held(&self) -> usize;

    /// The messages that are lost when it is dropped, for catch nodes.
    fn into_messages(self) -> Vec<Message>;
}

/// The sequences of one node by their ids.
///
/// Together they hold at most `bound` messages. What happens at the bound is the policy that
/// [the crate](crate) describes; [`add`](Self::add) applies it. Each operation takes time
/// logarithmic in the number of sequences.
#[derive(Debug)]
pub struct Sequences<T> {
    numbers: HashMap<String, u64>,
    /// In the order of their first messages.
    waiting: BTreeMap<u64, (String, T)>,
    begun: u64,
    held: usize,
    bound: usize,
}

/// What [`Sequences::add`] did.
#[derive(Debug)]
#[must_use = "the messages of dropped sequences are lost unless `drop_then` reports them"]
pub struct Added<T, R> {
    /// What the change of the sequence returned.
    pub result: R,
    /// The sequences that were dropped to make room, the oldest first; mostly none.
    pub dropped: Vec<T>,
}

/// The error of a message that does not fit: its own sequence fills the bound alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom {
    /// How much its sequence holds.
    pub held: usize,
}

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no room for the message, {} messages of its sequence wait already", self.held)
    }
}

impl std::error::Error for NoRoom {}

impl From<NoRoom> for NodeError {
    fn from(error: NoRoom) -> Self {
        NodeError::new(error.to_string())
    }
}

impl<T: Sequence> Sequences<T> {
    /// An empty store for at most `bound` messages.
    pub fn new(bound: usize) -> Self {
        let (numbers, waiting) = (HashMap::new(), BTreeMap::new());
        Sequences { numbers, waiting, begun: 0, held: 0, bound }
    }

    /// Changes the sequence `id` with `add`, by which it may grow by `growth`; a sequence that
    /// does not wait yet begins with `begin`. Before that, drops the oldest other sequences until
    /// there is room.
    ///
    /// # Errors
    /// When the sequence itself would exceed the bound. Nothing is changed or dropped then, and
    /// `add` is not called.
    pub fn add<R>(
        &mut self,
        id: &str,
        growth: usize,
        begin: impl FnOnce() -> T,
        add: impl FnOnce(&mut T) -> R,
    ) -> Result<Added<T, R>, NoRoom> {
        let own = self.get(id).map_or(0, T::held);
        if own + growth > self.bound {
            return Err(NoRoom { held: own });
        }
        let mut dropped = Vec::new();
        while self.held + growth > self.bound {
            let Some(oldest) = self.remove_oldest_but(id) else { break };
            dropped.push(oldest);
        }
        let number = self.numbers.get(id).copied().unwrap_or_else(|| {
            self.begun += 1;
            self.numbers.insert(id.to_owned(), self.begun);
            self.begun
        });
        let (_, sequence) = self.waiting.entry(number).or_insert_with(|| (id.to_owned(), begin()));
        let result = add(sequence);
        self.held = self.held + sequence.held() - own;
        Ok(Added { result, dropped })
    }

    fn remove_oldest_but(&mut self, id: &str) -> Option<T> {
        let oldest = self.waiting.values().map(|(other, _)| other).find(|other| *other != id)?;
        let oldest = oldest.clone();
        self.remove(&oldest)
    }

    /// The sequence `id`, if it waits.
    pub fn get(&self, id: &str) -> Option<&T> {
        self.waiting.get(self.numbers.get(id)?).map(|(_, sequence)| sequence)
    }

    /// Whether the sequence `id` waits.
    pub fn contains(&self, id: &str) -> bool {
        self.numbers.contains_key(id)
    }

    /// Changes the sequence `id`, if it waits, without adding messages: no room is made.
    pub fn update<R>(&mut self, id: &str, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        let (_, sequence) = self.waiting.get_mut(self.numbers.get(id)?)?;
        let before = sequence.held();
        let result = change(sequence);
        self.held = self.held + sequence.held() - before;
        Some(result)
    }

    /// Removes the sequence `id`.
    pub fn remove(&mut self, id: &str) -> Option<T> {
        let (_, sequence) = self.waiting.remove(&self.numbers.remove(id)?)?;
        self.held -= sequence.held();
        Some(sequence)
    }

    /// Removes all sequences, the oldest first.
    pub fn take_all(&mut self) -> Vec<T> {
        self.numbers.clear();
        self.held = 0;
        std::mem::take(&mut self.waiting).into_values().map(|(_, sequence)| sequence).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Default, PartialEq)]
    struct Numbers(Vec<u32>);

    impl Sequence for Numbers {
        fn held(&self) -> usize {
            self.0.len()
        }

        fn into_messages(self) -> Vec<Message> {
            self.0.into_iter().map(Message::with_payload).collect()
        }
    }

    fn add(
        sequences: &mut Sequences<Numbers>,
        id: &str,
        number: u32,
    ) -> Result<Vec<Vec<u32>>, NoRoom> {
        let added = sequences.add(id, 1, Numbers::default, |list| list.0.push(number))?;
        Ok(added.dropped.into_iter().map(|list| list.0).collect())
    }

    #[test]
    fn the_oldest_other_sequence_makes_room() {
        let mut sequences = Sequences::new(3);
        for (id, number) in [("b", 1), ("a", 2), ("b", 3)] {
            assert_eq!(add(&mut sequences, id, number), Ok(vec![]));
        }
        assert_eq!(add(&mut sequences, "b", 4), Ok(vec![vec![2]]), "`b` is older, but its own");
        assert_eq!(add(&mut sequences, "c", 5), Ok(vec![vec![1, 3, 4]]));
        assert!(sequences.contains("c") && !sequences.contains("b"));
    }

    #[test]
    fn a_sequence_that_fills_the_bound_alone_refuses_and_keeps_what_it_has() {
        let mut sequences = Sequences::new(2);
        for number in [1, 2] {
            assert_eq!(add(&mut sequences, "a", number), Ok(vec![]));
        }
        assert_eq!(add(&mut sequences, "a", 3), Err(NoRoom { held: 2 }));
        assert_eq!(sequences.take_all(), [Numbers(vec![1, 2])]);
    }

    #[test]
    fn as_many_sequences_are_dropped_as_the_growth_needs() {
        let mut sequences = Sequences::new(4);
        for id in ["a", "b", "c"] {
            assert_eq!(add(&mut sequences, id, 1), Ok(vec![]));
        }
        let added = sequences.add("d", 3, Numbers::default, |list| list.0.extend([1, 2, 3]));
        assert_eq!(added.unwrap().dropped.len(), 2);
        assert!(sequences.contains("c"));
    }

    #[test]
    fn a_sequence_that_leaves_or_shrinks_no_longer_counts() {
        let mut sequences = Sequences::new(2);
        for id in ["a", "b"] {
            assert_eq!(add(&mut sequences, id, 1), Ok(vec![]));
        }
        assert_eq!(sequences.remove("b"), Some(Numbers(vec![1])));
        assert_eq!((sequences.remove("b"), add(&mut sequences, "a", 3)), (None, Ok(vec![])));
        assert_eq!(sequences.update("a", |list| list.0.clear()), Some(()));
        for number in [4, 5] {
            assert_eq!(add(&mut sequences, "c", number), Ok(vec![]));
        }
    }

    proptest! {
        #[test]
        fn no_message_is_lost_and_the_bound_holds(
            ids in proptest::collection::vec((0u8..6, any::<bool>()), 0..200),
            bound in 1usize..12,
        ) {
            let mut sequences = Sequences::new(bound);
            let mut out = Vec::new();
            for (number, (id, leaves)) in (0u32..).zip(&ids) {
                let id = id.to_string();
                match add(&mut sequences, &id, number) {
                    Ok(dropped) => out.extend(dropped.into_iter().flatten()),
                    Err(_) => out.push(number),
                }
                if *leaves {
                    out.extend(sequences.remove(&id).unwrap_or_default().0);
                }
                prop_assert!(sequences.held <= bound);
            }
            out.extend(sequences.take_all().into_iter().flat_map(|list| list.0));
            out.sort_unstable();
            prop_assert_eq!(out, (0..ids.len() as u32).collect::<Vec<_>>());
        }
    }
}
