//! Buckets: values under keys that all instances of a cluster share, and that outlive them.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;

use super::Topic;

/// A bucket. A key is names of any text, from the general to the particular.
pub trait Bucket: fmt::Debug + Send + Sync {
    /// Whether a value of `length` bytes can be kept under `key`.
    ///
    /// # Errors
    /// Why not.
    fn check(&self, key: Topic<'_>, length: usize) -> Result<(), String>;

    /// Tells the newest entry of each key, then [`Change::Current`], then every change, in their order. Waits for
    /// the cluster, and makes the bucket if there is none. The stream ends when the cluster is away.
    fn watch(&self) -> BoxFuture<'static, Result<BoxStream<'static, Change>, BucketError>>;

    /// The newest entry of a key, also if that removed the value; `None` if the key is new.
    fn get(&self, key: Topic<'_>) -> BoxFuture<'static, Result<Option<Entry>, BucketError>>;

    /// Writes a value, and returns its revision when it is durable. Does not wait for the cluster.
    fn write(&self, key: Topic<'_>, write: Write) -> BoxFuture<'static, Result<u64, BucketError>>;
}

/// A change of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A value was written or removed.
    Entry(Entry),
    /// What was there when the watch began has been told.
    Current,
}

/// What is kept under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The names of the key.
    pub key: Vec<String>,
    /// The value; `None` if it was removed.
    pub value: Option<Bytes>,
    /// Higher than those of all earlier changes of the bucket.
    pub revision: u64,
}

/// A write. Repeating one within two minutes, after an error, has no effect if it had arrived.
#[derive(Clone, Debug)]
pub struct Write {
    /// The new value; `None` removes the key.
    pub value: Option<Bytes>,
    /// The revision of the entry that it replaces, 0 if the key must be new; without it any.
    pub expected: Option<u64>,
    /// The number of the write in this process.
    pub number: u64,
}

impl Write {
    /// Writes or removes a value, whatever is there.
    pub fn of(value: Option<Bytes>) -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Write { value, expected: None, number: LAST.fetch_add(1, Ordering::Relaxed) + 1 }
    }

    /// The same, only if the newest entry of the key has the revision `expected`, or if the key is new, for 0.
    #[must_use]
    pub fn instead_of(self, expected: u64) -> Self {
        Write { expected: Some(expected), ..self }
    }
}

/// Why a bucket cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BucketError {
    /// The entry has another revision than the write expects.
    #[error("the value was changed meanwhile")]
    Conflict,
    /// There is no connection, or no answer in time.
    #[error("the cluster cannot be reached")]
    Away,
    /// The cluster refuses it.
    #[error("{0}")]
    Refused(String),
}
