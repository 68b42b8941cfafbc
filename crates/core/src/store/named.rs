//! `NamedStore`: a context store as nodes see it, which counts how it is used.

use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::{Atomic, ContextStore};
use crate::metric::Sharded;
use crate::{Key, NodeError, PropertyPath, Value};

/// How often nodes have used a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreUsage {
    /// Values, and lists of names, that were read.
    pub reads: u64,
    /// Values that were set, removed or changed.
    pub writes: u64,
    /// Those that the store refused.
    pub refused: u64,
}

/// A store and its name.
#[derive(Debug)]
pub(crate) struct NamedStore {
    name: String,
    store: Arc<dyn ContextStore>,
    counts: Arc<Counts>,
}

#[derive(Debug)]
struct Counts {
    reads: Sharded,
    writes: Sharded,
    refused: Sharded,
}

impl NamedStore {
    pub(super) fn new(name: impl Into<String>, store: Arc<dyn ContextStore>) -> Self {
        let [reads, writes, refused] = [(); 3].map(|()| Sharded::new());
        NamedStore { name: name.into(), store, counts: Arc::new(Counts { reads, writes, refused }) }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The store itself, whose use is not counted.
    pub(super) fn store(&self) -> &dyn ContextStore {
        &*self.store
    }

    pub(super) fn usage(&self) -> StoreUsage {
        let Counts { reads, writes, refused } = &*self.counts;
        StoreUsage { reads: reads.sum(), writes: writes.sum(), refused: refused.sum() }
    }

    pub(crate) fn get(&self, place: &str, path: &PropertyPath) -> Option<Value> {
        self.counts.reads.add(1);
        self.store.get(place, path)
    }

    pub(crate) fn keys(&self, place: &str) -> Vec<Key> {
        self.counts.reads.add(1);
        self.store.keys(place)
    }

    pub(crate) fn set(
        &self,
        place: &str,
        path: &PropertyPath,
        value: Option<Value>,
    ) -> Result<(), NodeError> {
        self.counts.writes.add(1);
        self.store.set(place, path, value).inspect_err(|_| self.counts.refused.add(1))
    }

    pub(crate) fn written(
        &self,
        place: &str,
        path: &PropertyPath,
    ) -> Option<BoxFuture<'static, Result<(), NodeError>>> {
        self.store.written(place, path)
    }

    pub(crate) fn change(
        &self,
        place: &str,
        path: &PropertyPath,
        change: Atomic,
    ) -> BoxFuture<'static, Result<Value, NodeError>> {
        self.counts.writes.add(1);
        let (changing, counts) = (self.store.change(place, path, change), Arc::clone(&self.counts));
        Box::pin(async move { changing.await.inspect_err(|_| counts.refused.add(1)) })
    }
}
