//! `MemberBucket`: a bucket as a member uses it, whatever keeps it.

use std::sync::Arc;

use ferrowire_core::cluster::{Bucket, BucketError, Change, Entry, Topic, Write};
use futures_util::future::BoxFuture;
use futures_util::stream::{BoxStream, StreamExt as _};

use crate::depot::{Depot, Item, Kept};
use crate::link::until;
use crate::member::Shared;
use crate::names;

/// The largest value until there is a connection: what NATS takes unless it is configured.
const USUAL: usize = 1024 * 1024 - HEADERS;

/// What the headers of a write take at most.
pub(crate) const HEADERS: usize = 512;

/// The longest key, as a subject of NATS.
const LONGEST_KEY: usize = 1024;

/// A bucket of the cluster that a member is in.
pub(crate) struct MemberBucket {
    shared: Arc<Shared>,
    name: Arc<str>,
}

impl std::fmt::Debug for MemberBucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemberBucket").field("name", &self.name).finish_non_exhaustive()
    }
}

impl MemberBucket {
    pub(crate) fn new(shared: &Arc<Shared>, name: Topic<'_>) -> Self {
        let options = &shared.options;
        let name = names::bucket(&options.prefix, &options.cluster, name);
        MemberBucket { shared: Arc::clone(shared), name: name.into() }
    }

    /// The depot, while there is a connection.
    fn depot(&self) -> Result<Arc<dyn Depot>, BucketError> {
        let depot = self.shared.depot.get().filter(|_| self.shared.is_connected());
        depot.cloned().ok_or(BucketError::Away)
    }
}

impl Bucket for MemberBucket {
    fn check(&self, key: Topic<'_>, length: usize) -> Result<(), String> {
        let largest = self.shared.depot.get().map_or(USUAL, |depot| depot.largest());
        if length > largest {
            return Err(format!(
                "the value has {length} bytes as JSON, NATS takes {largest} at most; raise \
                 `max_payload` there"
            ));
        }
        let key = names::key(key);
        match key.len() <= LONGEST_KEY {
            true => Ok(()),
            false => Err(format!("the name is longer than {LONGEST_KEY} bytes as a key of NATS")),
        }
    }

    fn watch(&self) -> BoxFuture<'static, Result<BoxStream<'static, Change>, BucketError>> {
        let (shared, name) = (Arc::clone(&self.shared), Arc::clone(&self.name));
        Box::pin(async move {
            let mut connected = shared.connected.subscribe();
            until(&mut connected, true).await;
            let depot = shared.depot.get().ok_or(BucketError::Away)?;
            let watched = depot.watch(&name).await?;
            let changes = watched.filter_map(async |kept| match kept {
                Kept::Current => Some(Change::Current),
                Kept::Item(item) => entry(item).map(Change::Entry),
            });
            let lost = async move { until(&mut connected, false).await };
            Ok(changes.take_until(Box::pin(lost)).boxed())
        })
    }

    fn get(&self, key: Topic<'_>) -> BoxFuture<'static, Result<Option<Entry>, BucketError>> {
        let (depot, name, key) = (self.depot(), Arc::clone(&self.name), names::key(key));
        Box::pin(async move { Ok(depot?.get(&name, &key).await?.and_then(entry)) })
    }

    fn write(&self, key: Topic<'_>, write: Write) -> BoxFuture<'static, Result<u64, BucketError>> {
        let (depot, name, key) = (self.depot(), Arc::clone(&self.name), names::key(key));
        let instance = &self.shared.options.instance;
        let id = format!("{instance}-{:x}-{:x}", self.shared.life, write.number);
        Box::pin(async move { depot?.write(&name, &key, write, id).await })
    }
}

/// The entry; `None` if another program has written a key that is none of ours.
fn entry(item: Item) -> Option<Entry> {
    let Item { key, value, revision } = item;
    Some(Entry { key: names::of_key(&key)?, value, revision })
}
