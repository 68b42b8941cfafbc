//! `Depot`: where buckets are kept.

use async_trait::async_trait;
use bytes::Bytes;
use ferrowire_core::cluster::{BucketError, Write};
use futures_util::stream::BoxStream;

/// Keeps buckets: in NATS, or in memory for tests. Names and keys are those of `crate::names`.
#[async_trait]
pub(crate) trait Depot: Send + Sync {
    /// How many bytes a value may have.
    fn largest(&self) -> usize;
    /// The newest entries, [`Kept::Current`], and what changes. Makes the bucket if there is none.
    async fn watch(&self, bucket: &str) -> Result<BoxStream<'static, Kept>, BucketError>;
    /// The newest entry of a key.
    async fn get(&self, bucket: &str, key: &str) -> Result<Option<Item>, BucketError>;
    /// Writes a value, and returns its revision; `id` is that of the write, over all instances.
    async fn write(
        &self,
        bucket: &str,
        key: &str,
        write: Write,
        id: String,
    ) -> Result<u64, BucketError>;
}

/// A change, as the depot knows it.
#[derive(Clone, Debug)]
pub(crate) enum Kept {
    Item(Item),
    Current,
}

/// An entry with the text of its key.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) key: String,
    pub(crate) value: Option<Bytes>,
    pub(crate) revision: u64,
}
