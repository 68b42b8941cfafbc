//! `SharedStore`: values that all instances of a cluster share, each with a copy of its own.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use bytes::Bytes;
use ferrowire_core::cluster::{Bucket, BucketError, Change, Entry, Write};
use ferrowire_core::{
    Atomic, ContextStore, Key, Map, MemoryStore, MutexExt as _, NodeError, PropertyPath, Value,
};
use futures_util::future::{BoxFuture, Either, pending, ready};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::{Notify, Semaphore, oneshot, watch};
use tokio_util::sync::CancellationToken;

use crate::lanes::{Deaf, Id, Lanes, Own};

/// The target of the log lines.
const TARGET: &str = "ferrowire::context";

/// How many changes are under way at once.
const AT_ONCE: usize = 256;

/// How many changes that depend on the value may wait at once. Further ones fail.
const DEPENDENT: usize = 1024;

/// The pause after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// How long the end waits until what is left has been written.
const AT_END: Duration = Duration::from_secs(1);

/// The name and the limits of a shared store.
#[derive(Clone, Debug)]
pub struct SharedOptions {
    /// The name in messages.
    pub name: String,
    /// How many bytes of changes may wait until the cluster has them. Beyond that a change fails.
    pub queue: usize,
    /// How long a change that depends on the value may take.
    pub timeout: Duration,
}

/// A store whose values are in a bucket of the cluster. Reads are local, from a copy that a watch keeps. A
/// change is in the copy at once, and is written in the background; the last one counts.
#[derive(Debug)]
pub struct SharedStore {
    this: Weak<SharedStore>,
    options: SharedOptions,
    bucket: Arc<dyn Bucket>,
    values: Arc<MemoryStore>,
    lanes: Mutex<Lanes>,
    /// Something waits.
    changed: Notify,
    /// Something has been written.
    written: Notify,
    /// The outcome of the first attempt to read what is there.
    first: watch::Sender<Option<Result<(), String>>>,
    dependent: Arc<Semaphore>,
    /// The places that flows of this instance have used. Others may be those of newer flows.
    used: Mutex<HashSet<String>>,
}

impl SharedStore {
    /// An empty copy of what `bucket` has, until [`run`](Self::run) fills it.
    pub fn new(options: SharedOptions, bucket: Arc<dyn Bucket>) -> Arc<Self> {
        let values = Arc::new(MemoryStore::default());
        Arc::new_cyclic(|this| SharedStore {
            this: Weak::clone(this),
            lanes: Mutex::new(Lanes::new(Arc::clone(&values), options.queue)),
            options,
            bucket,
            values,
            changed: Notify::new(),
            written: Notify::new(),
            first: watch::Sender::new(None),
            dependent: Arc::new(Semaphore::new(DEPENDENT)),
            used: Mutex::default(),
        })
    }

    /// The name in messages.
    pub fn name(&self) -> &str {
        &self.options.name
    }

    /// Waits until the copy is complete for the first time.
    ///
    /// # Errors
    /// Why it could not be read.
    pub async fn first(&self) -> Result<(), String> {
        let mut first = self.first.subscribe();
        let first = first.wait_for(Option::is_some).await;
        first.ok().and_then(|first| first.clone()).unwrap_or(Ok(()))
    }

    /// Keeps the copy and writes changes until `end` is cancelled, then what is left, for a second at most.
    pub async fn run(self: Arc<Self>, end: CancellationToken) {
        let mut last = String::new();
        loop {
            // While the cluster is away, nothing can be written at the end.
            let followed = tokio::select! {
                followed = self.follow(&end, &mut last) => followed,
                () = self.end_of_time(&end) => Ok(()),
            };
            self.lanes.locked().all_failed();
            if let Err(error) = followed {
                self.report(&error, &mut last);
            }
            if end.is_cancelled() {
                return self.report_unwritten();
            }
            let _ended = end.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
        }
    }

    /// Ends when the end has waited long enough for what is left.
    async fn end_of_time(&self, end: &CancellationToken) {
        end.cancelled().await;
        if self.lanes.locked().unwritten() > 0 {
            tokio::time::sleep(AT_END).await;
        }
    }

    /// Logs a failure, unless it was the last one as well.
    fn report(&self, error: &BucketError, last: &mut String) {
        let text = error.to_string();
        self.first.send_if_modified(|first| {
            let is_first = first.is_none();
            first.get_or_insert(Err(text.clone()));
            is_first
        });
        if *last != text {
            let name = &self.options.name;
            tracing::error!(
                target: TARGET,
                "the context store `{name}` is not up to date, and changes wait: {text}; trying again"
            );
            *last = text;
        }
    }

    fn report_unwritten(&self) {
        let unwritten = self.lanes.locked().unwritten();
        if unwritten > 0 {
            let name = &self.options.name;
            tracing::error!(
                target: TARGET,
                "{unwritten} changes of the context store `{name}` are lost: the cluster did not take them"
            );
        }
    }

    /// Follows the bucket and writes to it, until the cluster is away.
    async fn follow(&self, end: &CancellationToken, last: &mut String) -> Result<(), BucketError> {
        let mut changes = self.bucket.watch().await?;
        self.lanes.locked().begin_round();
        let mut under_way = FuturesUnordered::new();
        let mut pause = Either::Left(pending::<()>());
        let mut is_paused = false;
        loop {
            while !is_paused && under_way.len() < AT_ONCE {
                let Some((id, write)) = self.lanes.locked().next() else { break };
                let writing = self.bucket.write(&key(&id), write);
                under_way.push(async move { (id, writing.await) });
            }
            if end.is_cancelled() && under_way.is_empty() {
                return Ok(());
            }
            tokio::select! {
                change = changes.next() => match change {
                    Some(Change::Entry(entry)) => self.take(&entry),
                    Some(Change::Current) => {
                        self.lanes.locked().end_of_past();
                        if !std::mem::take(last).is_empty() {
                            tracing::info!(target: TARGET, "the context store `{}` is up to date again", self.options.name);
                        }
                        self.first.send_replace(Some(Ok(())));
                    }
                    None => return Ok(()),
                },
                Some((id, outcome)) = under_way.next() => match outcome {
                    Ok(revision) => {
                        self.lanes.locked().written(&id, revision);
                        self.written.notify_waiters();
                    }
                    Err(BucketError::Away) => return Err(BucketError::Away),
                    Err(error) => {
                        self.lanes.locked().failed(&id);
                        self.report(&error, last);
                        is_paused = true;
                        pause = Either::Right(Box::pin(tokio::time::sleep(PAUSE)));
                    }
                },
                () = &mut pause => {
                    is_paused = false;
                    pause = Either::Left(pending());
                }
                () = self.changed.notified() => {}
                () = end.cancelled(), if !end.is_cancelled() => {}
            }
        }
    }

    fn take(&self, entry: &Entry) {
        let [place, name] = &entry.key[..] else { return };
        let value = match entry.value.as_deref().map(Value::from_json).transpose() {
            Ok(value) => value,
            Err(error) => {
                let store = &self.options.name;
                tracing::warn!(target: TARGET, place, name, "a value in the context store `{store}` is not JSON, ignored: {error}");
                return;
            }
        };
        let id = Id { place: place.clone(), name: name.clone() };
        self.lanes.locked().told(entry, id, value);
    }

    /// Changes the value at a path, here and then in the cluster.
    fn put(&self, place: &str, path: &PropertyPath, value: Option<Value>) -> Result<(), NodeError> {
        let id = Id { place: place.to_owned(), name: path.first().to_owned() };
        let mut lanes = self.lanes.locked();
        let mut values = self.only(&id);
        match value.and_then(Value::into_defined) {
            Some(value) => path.set_in(&mut values, value)?,
            None => drop(path.remove_in(&mut values)),
        }
        let value = values.remove(&id.name);
        self.put_whole(&mut lanes, id, value)?;
        drop(lanes);
        self.use_place(place);
        Ok(())
    }

    /// Changes the value of a name.
    fn put_whole(&self, lanes: &mut Lanes, id: Id, value: Option<Value>) -> Result<(), NodeError> {
        if value.is_none() && lanes.lacks(&id) {
            return Ok(());
        }
        let own = Own::new(self.encoded(&id, value.as_ref())?);
        if !lanes.change(id, value, own) {
            return Err(self.full());
        }
        self.changed.notify_one();
        Ok(())
    }

    fn full(&self) -> NodeError {
        let SharedOptions { name, queue, .. } = &self.options;
        NodeError::new(format!(
            "the context store `{name}` takes no change: more than `cluster-queue` ({queue} bytes) wait \
             for NATS"
        ))
    }

    fn use_place(&self, place: &str) {
        let mut used = self.used.locked();
        if !used.contains(place) {
            used.insert(place.to_owned());
        }
    }

    /// The value of this name alone.
    fn only(&self, id: &Id) -> Map {
        let value = self.values.value(&id.place, &id.name);
        value.into_iter().map(|value| (id.name.as_str(), value)).collect()
    }

    fn encoded(&self, id: &Id, value: Option<&Value>) -> Result<Option<Bytes>, NodeError> {
        let text = value.map(Value::stringify).transpose();
        let bytes =
            text.map_err(|error| NodeError::new(error.to_string()))?.flatten().map(Bytes::from);
        let length = bytes.as_ref().map_or(0, Bytes::len);
        self.bucket.check(&key(id), length).map_err(|why| {
            NodeError::new(format!(
                "cannot keep `{}` in the context store `{}`: {why}",
                id.name, self.options.name
            ))
        })?;
        Ok(bytes)
    }

    /// Makes a change that depends on the value, again if another instance was faster.
    async fn change_in_cluster(
        &self,
        id: Id,
        path: PropertyPath,
        change: Atomic,
    ) -> Result<Value, NodeError> {
        let failed = |error: BucketError| NodeError::new(error.to_string());
        let revision = self.settled(&id).await;
        let mut seen = (self.only(&id), revision);
        loop {
            let (mut values, revision) = seen;
            let (result, changes) = change.apply(&mut values, &path)?;
            if !changes && revision == 0 {
                // Perhaps the copy only does not have it yet.
                if let Some(entry) = self.bucket.get(&key(&id)).await.map_err(failed)? {
                    seen = contents(&id, &entry)?;
                    continue;
                }
            }
            if !changes {
                return Ok(result);
            }
            let value = values.remove(&id.name);
            let bytes = self.encoded(&id, value.as_ref())?;
            let write = Write::of(bytes.clone()).instead_of(revision);
            match self.bucket.write(&key(&id), write).await {
                Ok(revision) => {
                    let key = vec![id.place.clone(), id.name.clone()];
                    let entry = Entry { key, value: bytes, revision };
                    self.lanes.locked().told(&entry, id, value);
                    return Ok(result);
                }
                Err(BucketError::Conflict) => {}
                Err(error) => return Err(failed(error)),
            }
            seen = match self.bucket.get(&key(&id)).await.map_err(failed)? {
                Some(entry) => contents(&id, &entry)?,
                None => (Map::new(), 0),
            };
        }
    }

    /// Waits until no own change of a value is on its way, and returns its revision.
    async fn settled(&self, id: &Id) -> u64 {
        loop {
            let mut written = std::pin::pin!(self.written.notified());
            written.as_mut().enable();
            if let Some(revision) = self.lanes.locked().settled(id) {
                return revision;
            }
            written.await;
        }
    }
}

fn key(id: &Id) -> [&str; 2] {
    [&id.place, &id.name]
}

/// The value in an entry, alone, and its revision.
fn contents(id: &Id, entry: &Entry) -> Result<(Map, u64), NodeError> {
    let value = entry.value.as_deref().map(Value::from_json).transpose();
    let value = value.map_err(|error| NodeError::new(format!("the value is not JSON: {error}")))?;
    let values = value.into_iter().map(|value| (id.name.as_str(), value)).collect();
    Ok((values, entry.revision))
}

impl ContextStore for SharedStore {
    fn get(&self, place: &str, path: &PropertyPath) -> Option<Value> {
        self.values.get(place, path)
    }

    fn set(&self, place: &str, path: &PropertyPath, value: Option<Value>) -> Result<(), NodeError> {
        self.put(place, path, value)
    }

    fn written(
        &self,
        place: &str,
        path: &PropertyPath,
    ) -> Option<BoxFuture<'static, Result<(), NodeError>>> {
        let (told, written) = oneshot::channel();
        let id = Id { place: place.to_owned(), name: path.first().to_owned() };
        match self.lanes.locked().listen(&id, told) {
            Err(Deaf::Nothing) => return None,
            Err(Deaf::Full) => return Some(Box::pin(ready(Err(self.full())))),
            Ok(()) => {}
        }
        Some(Box::pin(async move {
            let ended = || NodeError::new("the runtime ends before the value is durable");
            written.await.map_err(|_| ended())
        }))
    }

    fn change(
        &self,
        place: &str,
        path: &PropertyPath,
        change: Atomic,
    ) -> BoxFuture<'static, Result<Value, NodeError>> {
        let SharedOptions { name, timeout, .. } = self.options.clone();
        let permit = Arc::clone(&self.dependent).try_acquire_owned();
        let (Some(this), Ok(permit)) = (self.this.upgrade(), permit) else {
            let text = format!("more than {DEPENDENT} changes wait for the context store `{name}`");
            return Box::pin(ready(Err(NodeError::new(text))));
        };
        let id = Id { place: place.to_owned(), name: path.first().to_owned() };
        let path = path.clone();
        self.use_place(place);
        Box::pin(async move {
            let _permit = permit;
            let changed = tokio::time::timeout(timeout, this.change_in_cluster(id, path, change));
            changed.await.unwrap_or_else(|_| {
                let text = format!("the context store `{name}` does not answer in time");
                Err(NodeError::new(text))
            })
        })
    }

    fn keys(&self, place: &str) -> Vec<Key> {
        self.values.keys(place)
    }

    /// Removes only places that flows of this instance have used: the flows of others may be newer.
    fn retain(&self, keep: &dyn Fn(&str) -> bool) {
        let mut gone = Vec::new();
        {
            let mut used = self.used.locked();
            for place in self.values.places() {
                match keep(&place) {
                    true => drop(used.insert(place)),
                    false if used.remove(&place) => gone.push(place),
                    false => {}
                }
            }
        }
        let mut lanes = self.lanes.locked();
        for place in gone {
            for name in self.values.keys(&place) {
                let id = Id { place: place.clone(), name: name.as_str().to_owned() };
                if let Err(error) = self.put_whole(&mut lanes, id, None) {
                    tracing::warn!(target: TARGET, place, "the context of a deleted node or flow stays: {error}");
                }
            }
        }
    }
}
