//! Other instances of the runtime as nodes see them: topics, and requests to instances.
//!
//! Instances of one cluster run the same flows. What a node publishes to a topic reaches the nodes of
//! other instances that are subscribed to it; nothing comes back to its own instance. Delivery is at
//! most once. What one instance publishes arrives in that order at each other one. What is to outlive
//! instances is kept in buckets and journals.
//!
//! This module knows no network. The runtime provides the implementation.

mod bucket;
mod journal;
mod lease;

pub use bucket::{Bucket, BucketError, Change, Entry, Write};
pub use journal::{
    Appended, Entry as JournalEntry, Follower, Journal, JournalError, Past, Shape, Told,
};
pub use lease::{Holding, Lease};

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;

/// Whether a cluster or an instance may have that name: 1 to 64 letters, digits, `-` and `_`.
pub fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&name.len()) && name.bytes().all(is_plain)
}

/// Whether the subjects of a cluster may begin with `prefix`: names with dots between them, up to 200 bytes.
pub fn is_prefix(prefix: &str) -> bool {
    prefix.len() <= 200 && prefix.split('.').all(is_name)
}

/// A topic: names of any text, from the general to the particular.
pub type Topic<'a> = &'a [&'a str];

/// The instances that work together.
pub trait Cluster: fmt::Debug + Send + Sync {
    /// The name of this instance: letters, digits, `-` and `_`.
    fn instance(&self) -> &str;

    /// The names of the other instances that are alive, in order. While the cluster is away: those
    /// that were alive before.
    fn others(&self) -> Vec<String>;

    /// Whether `instance` is one of the others.
    fn knows(&self, instance: &str) -> bool;

    /// Whether there is a connection to the cluster.
    fn is_connected(&self) -> bool;

    /// How often a connection to the cluster was made. If it changes, messages may have been missed.
    fn connects(&self) -> u64;

    /// Publishes a message, which consists of `parts`, to the instances that are subscribed to `topic`.
    /// Never waits: when the queue is full, or the message too large, it is dropped and counted.
    fn publish(&self, topic: Topic<'_>, parts: &[&[u8]]);

    /// Subscribes to a topic, until the interest is dropped. Messages that were published before the
    /// subscription has reached the cluster do not arrive.
    fn subscribe(&self, topic: Topic<'_>, receiver: Arc<dyn Receiver>) -> Interest;

    /// Answers the requests of other instances about `subject`, until the interest is dropped.
    fn serve(&self, subject: Topic<'_>, responder: Arc<dyn Responder>) -> Interest;

    /// Asks another instance. `None` if it does not answer within the time that the runtime allows.
    /// Dropping the future gives up.
    fn ask(
        &self,
        instance: &str,
        subject: Topic<'_>,
        request: &[u8],
    ) -> BoxFuture<'static, Option<Reply>>;

    /// Asks all other instances at once. Ends when all have answered, or after the time that the runtime
    /// allows.
    fn ask_all(&self, subject: Topic<'_>, request: &[u8]) -> BoxFuture<'static, Replies>;

    /// The bucket of this name, which is made at its first use.
    fn bucket(&self, name: Topic<'_>) -> Arc<dyn Bucket>;

    /// The journal of this name, which is made at its first use.
    fn journal(&self, name: Topic<'_>, shape: Shape) -> Arc<dyn Journal>;

    /// Asks for the lease of this name, until it is dropped.
    fn lease(&self, name: Topic<'_>) -> Box<dyn Lease>;
}

/// Receives the messages of a topic.
pub trait Receiver: Send + Sync {
    /// Takes a message of the instance `from`. Those of one instance come one at a time, in their order.
    /// Must neither wait nor block.
    fn receive(&self, from: &str, message: Bytes);
}

/// Answers requests.
pub trait Responder: Send + Sync {
    /// Answers a request of the instance `from`. Runs in a task of its own, several at once; it is
    /// dropped when the instance that asked has given up.
    fn respond(self: Arc<Self>, from: &str, request: Bytes) -> BoxFuture<'static, Vec<u8>>;
}

/// What an instance answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The answer.
    Answer(Bytes),
    /// The instance has nothing that answers about the subject.
    Nobody,
}

/// What several instances answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Replies {
    /// The answers with the names of their instances. Those that have nothing that answers are left out.
    pub answers: Vec<(String, Bytes)>,
    /// The instances that did not answer in time; `*` if the cluster is away and none is known.
    pub missing: Vec<String>,
}

/// A subscription, which ends when this is dropped.
#[must_use = "the subscription ends as soon as this is dropped"]
pub struct Interest {
    _guard: Box<dyn Any + Send + Sync>,
}

impl Interest {
    /// An interest that lasts as long as `guard`.
    pub fn new(guard: impl Any + Send + Sync) -> Self {
        Interest { _guard: Box::new(guard) }
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interest").finish_non_exhaustive()
    }
}
