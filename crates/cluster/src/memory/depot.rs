//! `MemoryDepot`: buckets that last as long as the hub.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use async_trait::async_trait;
use ferrowire_core::MutexExt as _;
use ferrowire_core::cluster::{BucketError, Write};
use futures_util::stream::{BoxStream, StreamExt as _, unfold};
use tokio::sync::mpsc;

use crate::depot::{Depot, Item, Kept};

/// How many changes a reader may not have read yet. Beyond that its watch ends, as with NATS.
const WAITING: usize = 4096;

#[derive(Debug, Default)]
pub(crate) struct MemoryDepot {
    buckets: Mutex<HashMap<String, Contents>>,
}

#[derive(Debug, Default)]
struct Contents {
    last: u64,
    items: BTreeMap<String, Item>,
    /// The ids of writes, with what they got.
    known: HashMap<String, u64>,
    watchers: Vec<mpsc::Sender<Item>>,
}

impl MemoryDepot {
    pub(crate) fn lose(&self) {
        self.buckets.locked().clear();
    }
}

#[async_trait]
impl Depot for MemoryDepot {
    fn largest(&self) -> usize {
        1024 * 1024
    }

    async fn watch(&self, bucket: &str) -> Result<BoxStream<'static, Kept>, BucketError> {
        let (sender, receiver) = mpsc::channel(WAITING);
        let mut buckets = self.buckets.locked();
        let contents = buckets.entry(bucket.to_owned()).or_default();
        let mut items: Vec<Item> = contents.items.values().cloned().collect();
        items.sort_by_key(|item| item.revision);
        contents.watchers.push(sender);
        let first = items.into_iter().map(Kept::Item).chain([Kept::Current]);
        let changes = unfold(receiver, async |mut receiver| {
            Some((Kept::Item(receiver.recv().await?), receiver))
        });
        Ok(futures_util::stream::iter(first).chain(changes).boxed())
    }

    async fn get(&self, bucket: &str, key: &str) -> Result<Option<Item>, BucketError> {
        let buckets = self.buckets.locked();
        Ok(buckets.get(bucket).and_then(|contents| contents.items.get(key)).cloned())
    }

    async fn write(
        &self,
        bucket: &str,
        key: &str,
        write: Write,
        id: String,
    ) -> Result<u64, BucketError> {
        let mut buckets = self.buckets.locked();
        let contents = buckets.entry(bucket.to_owned()).or_default();
        if let Some(revision) = contents.known.get(&id) {
            return Ok(*revision);
        }
        let now = contents.items.get(key).map_or(0, |item| item.revision);
        if write.expected.is_some_and(|expected| expected != now) {
            return Err(BucketError::Conflict);
        }
        contents.last += 1;
        let revision = contents.last;
        let item = Item { key: key.to_owned(), value: write.value, revision };
        contents.known.insert(id, revision);
        contents.items.insert(key.to_owned(), item.clone());
        contents.watchers.retain(|watcher| watcher.try_send(item.clone()).is_ok());
        Ok(revision)
    }
}
