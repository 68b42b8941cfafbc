//! Journals: messages in one order that all instances of a cluster see, and that outlive them.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::{Interest, Topic};

/// A journal. Its messages belong to places, which are names of any text. Dropping it ends nothing: what was
/// appended is still written, and interests last until they are dropped.
pub trait Journal: fmt::Debug + Send + Sync {
    /// Appends a message, which consists of `parts`, to a place. `key` is that by which a journal keeps the
    /// newest messages only. Waits for nothing: the message is in a queue when this returns, which is written in
    /// its order, also when the cluster has been away. The future ends with what became of it, within the time
    /// that the runtime allows for answers; dropping the future changes nothing.
    ///
    /// # Errors
    /// If the queue is full, the message too large, or the journal cannot be used.
    fn append(
        &self,
        place: Topic<'_>,
        key: &str,
        parts: &[&[u8]],
    ) -> Result<BoxFuture<'static, Result<Appended, JournalError>>, JournalError>;

    /// Tells a follower what is kept of a place, and everything that comes then, also what came while the
    /// cluster was away.
    fn follow(&self, place: Topic<'_>, follower: Box<dyn Follower>) -> Interest;
}

/// Hears of one place of a journal.
pub trait Follower: Send + Sync {
    /// Takes what is told, one after the other. Must neither wait nor block; returns `false` if there is no room for
    /// it, and is told the same a little later then.
    fn tell(&self, told: Told) -> bool;
}

/// What a journal keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// The most messages of a place; with `by_key` only the newest of each key is kept, and this has no effect.
    pub messages: usize,
    /// How long, at least a second.
    pub age: Option<Duration>,
    /// Whether the newest message of each key is kept.
    pub by_key: bool,
    /// The most bytes of all places. Beyond that the oldest messages are dropped.
    pub bytes: usize,
    /// The most bytes of a place that a follower is told at once.
    pub at_once: usize,
}

/// What a follower hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// What is kept: the first that is told, and told again if the journal is another one than before.
    Past(Past),
    /// A message.
    Entry(Entry),
    /// The journal cannot be used, and why. Nothing else is told.
    Unusable(String),
}

/// What is kept of a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Past {
    /// The name of the journal's numbering.
    pub epoch: String,
    /// All messages of the place up to this one are known.
    pub last: u64,
    /// The messages of the place after this one are all there.
    pub lost: u64,
    /// The messages, in their order.
    pub entries: Vec<Entry>,
}

/// A message of a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number in the journal. Those of a place ascend, with gaps.
    pub sequence: u64,
    /// Messages of the place that came between this number and `sequence` are lost to the follower; without any, this is the
    /// number of the one before it.
    pub previous: u64,
    /// The message.
    pub message: Bytes,
    /// How old it was when it was read.
    pub age: Duration,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is durable.
    Kept,
    /// The cluster does not answer: it waits in the queue of this instance.
    Waits,
}

/// Why a message is not appended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// There is no journal, and there will be none.
    #[error("{0}")]
    Unusable(String),
    /// The cluster refuses the message.
    #[error("{0}")]
    Refused(String),
    /// Too many bytes wait for the cluster.
    #[error("more than `cluster-queue` ({0} bytes) wait for NATS")]
    Full(usize),
    /// There is no connection, or no answer in time.
    #[error("the cluster cannot be reached")]
    Away,
}
