//! `Sequences`: messages that wait for the rest of theirs.

use std::collections::{BTreeMap, HashMap};

use crate::{Handled, Message, NodeContext, NodeError, Sending};

/// What has come of a sequence so far.
pub trait Sequence {
    /// How many messages it holds.
    fn held(&self) -> usize;
}

/// Sequences by their ids. They hold at most so many messages altogether; then the oldest
/// sequence, whose rest may never come, has to [make room](Self::make_room).
#[derive(Debug)]
pub struct Sequences<T> {
    numbers: HashMap<String, u64>,
    /// In the order of their first messages.
    waiting: BTreeMap<u64, (String, T)>,
    begun: u64,
    held: usize,
    most: usize,
}

impl<T: Sequence> Sequences<T> {
    /// No sequences yet; at most `most` messages.
    pub fn new(most: usize) -> Self {
        let (numbers, waiting) = (HashMap::new(), BTreeMap::new());
        Sequences { numbers, waiting, begun: 0, held: 0, most }
    }

    /// The oldest sequence, taken out, when there is no room for a further message. To be called
    /// before each [`change`](Self::change) that adds one.
    pub fn make_room(&mut self) -> Option<T> {
        if self.held < self.most {
            return None;
        }
        let (id, _) = self.waiting.first_key_value()?.1;
        let id = id.clone();
        self.remove(&id)
    }

    /// Whether the sequence `id` has begun.
    pub fn contains(&self, id: &str) -> bool {
        self.numbers.contains_key(id)
    }

    /// Changes the sequence `id`, which begins with `begin` if it has not yet.
    pub fn change<R>(
        &mut self,
        id: &str,
        begin: impl FnOnce() -> T,
        change: impl FnOnce(&mut T) -> R,
    ) -> R {
        let number = self.numbers.get(id).copied().unwrap_or_else(|| {
            self.begun += 1;
            self.numbers.insert(id.to_owned(), self.begun);
            self.begun
        });
        let (_, sequence) = self.waiting.entry(number).or_insert_with(|| {
            let sequence = begin();
            self.held += sequence.held();
            (id.to_owned(), sequence)
        });
        let before = sequence.held();
        let result = change(sequence);
        self.held = self.held + sequence.held() - before;
        result
    }

    /// Changes the sequence `id` if it has begun.
    pub fn update<R>(&mut self, id: &str, change: impl FnOnce(&mut T) -> R) -> Option<R> {
        let (_, sequence) = self.waiting.get_mut(self.numbers.get(id)?)?;
        let before = sequence.held();
        let result = change(sequence);
        self.held = self.held + sequence.held() - before;
        Some(result)
    }

    /// Takes out the sequence `id`.
    pub fn remove(&mut self, id: &str) -> Option<T> {
        let (_, sequence) = self.waiting.remove(&self.numbers.remove(id)?)?;
        self.held -= sequence.held();
        Some(sequence)
    }

    /// Takes out all sequences, the oldest first.
    pub fn take_all(&mut self) -> Vec<T> {
        self.numbers.clear();
        self.held = 0;
        std::mem::take(&mut self.waiting).into_values().map(|(_, sequence)| sequence).collect()
    }
}

/// Why a sequence had to make room.
pub fn made_room(held: usize) -> NodeError {
    NodeError::new(format!(
        "too many messages wait for the rest of their sequences, the oldest sequence was dropped \
         with {held} of them"
    ))
}

impl NodeContext {
    /// Sends `messages`, each through its port, then reports that `kept`, messages that the node
    /// had [kept](Handled::Kept), are complete. Nothing happens before it is awaited.
    pub fn send_all(&self, messages: Vec<(usize, Message)>, kept: Vec<Message>) -> Sending {
        if messages.is_empty() && (kept.is_empty() || !self.completion_watched()) {
            return Sending::done();
        }
        let cx = self.clone();
        Sending::later(Box::pin(async move {
            for (port, msg) in messages {
                cx.send(port, msg).await;
            }
            for msg in kept {
                cx.complete(msg).await;
            }
        }))
    }

    /// Fails the messages `dropped`, which the node had [kept](Handled::Kept), because of what
    /// `reason` says, then handles `msg`. For a node that has no room for it otherwise.
    pub fn drop_before(
        &self,
        dropped: Vec<Message>,
        reason: impl Fn() -> NodeError + Send + 'static,
        msg: Message,
        handle: impl FnOnce(Message, &NodeContext) -> Handled + Send + 'static,
    ) -> Handled {
        let cx = self.clone();
        Handled::Kept(Sending::later(Box::pin(async move {
            for msg in dropped {
                cx.fail_with(reason(), msg).await;
            }
            let (kept, result) = (msg.clone(), handle(msg, &cx));
            match result {
                Handled::Kept(sending) => sending.await,
                Handled::Failed(error) => cx.fail_with(error, kept).await,
                Handled::Done => cx.complete(kept).await,
                Handled::Send(port, msg) => cx.send_all(vec![(port, msg)], vec![kept]).await,
                Handled::SendAll(messages) => cx.send_all(messages, vec![kept]).await,
                Handled::Later(future) => match future.await {
                    Ok(()) => cx.complete(kept).await,
                    Err(error) => cx.fail_with(error, kept).await,
                },
                Handled::NotNow(_) => {
                    cx.fail_with("the message was not handled on the spot", kept).await;
                }
            }
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Sequence for Vec<u32> {
        fn held(&self) -> usize {
            self.len()
        }
    }

    fn add(sequences: &mut Sequences<Vec<u32>>, id: &str, number: u32) {
        sequences.change(id, Vec::new, |list| list.push(number));
    }

    #[test]
    fn the_oldest_sequence_makes_room() {
        let mut sequences = Sequences::new(3);
        for (id, number) in [("b", 1), ("a", 2), ("b", 3)] {
            assert_eq!(sequences.make_room(), None);
            add(&mut sequences, id, number);
        }
        assert_eq!(sequences.make_room(), Some(vec![1, 3]));
        assert!(sequences.make_room().is_none() && !sequences.contains("b"));
        add(&mut sequences, "b", 4);
        assert_eq!(sequences.take_all(), [vec![2], vec![4]]);
        assert!(!sequences.contains("a"));
    }

    #[test]
    fn what_is_taken_out_or_shrinks_no_longer_counts() {
        let mut sequences = Sequences::new(2);
        add(&mut sequences, "a", 1);
        add(&mut sequences, "b", 2);
        assert_eq!(sequences.remove("b"), Some(vec![2]));
        assert_eq!((sequences.remove("b"), sequences.make_room()), (None, None));
        add(&mut sequences, "a", 3);
        sequences.change("a", Vec::new, Vec::clear);
        assert_eq!(sequences.make_room(), None);
    }
}
