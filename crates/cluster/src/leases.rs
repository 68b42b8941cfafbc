//! `Leases`: the leases that nodes of this instance ask for.
//!
//! A lease is an entry of a bucket, which its holder renews. An instance measures with its own clock for how long
//! it has seen no renewal, and then replaces the entry, if it still has the revision that was seen. The holder stops
//! to count as one a time to live after it has sent its last successful renewal, which is earlier. So clocks
//! need not agree, and two instances never hold a lease at once.

mod record;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use ferrowire_core::MutexExt as _;
use ferrowire_core::cluster::{Bucket, BucketError, Change, Entry, Holding, Lease, Topic, Write};
use futures_util::future::BoxFuture;
use futures_util::stream::{StreamExt as _, iter};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::metrics;
use crate::options::Options;
use record::Record;

/// So many renewals are sent within the time to live.
const RENEWALS: u32 = 3;

/// How many leases are renewed at once.
const AT_ONCE: usize = 32;

/// A lease that a node lets go is kept for so long, since the node may only be restarted.
const LINGER: Duration = Duration::from_secs(1);

/// The pause after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// The leases that nodes of this instance ask for.
#[derive(Debug)]
pub(crate) struct Leases {
    bucket: Arc<dyn Bucket>,
    me: Record,
    parts: Mutex<HashMap<Vec<String>, Arc<Part>>>,
    /// A lease was asked for.
    asked: Notify,
    /// A lease is held until another time.
    renewed: Notify,
}

/// One lease.
#[derive(Debug)]
struct Part {
    key: Vec<String>,
    state: Mutex<State>,
    holding: watch::Sender<Holding>,
    /// Held during a write, which expects the revision of the one before.
    writing: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct State {
    /// Whether the entry is known. The rest tells nothing otherwise.
    known: bool,
    revision: u64,
    record: Record,
    /// When the entry was seen for the first time.
    seen: Instant,
    /// Until when this instance holds it.
    until: Option<Instant>,
    users: usize,
    idle_since: Instant,
}

impl State {
    fn new() -> Self {
        let now = Instant::now();
        State {
            known: false,
            revision: 0,
            record: Record::default(),
            seen: now,
            until: None,
            users: 0,
            idle_since: now,
        }
    }
}

impl Leases {
    pub(crate) fn new(options: &Options, life: u64, bucket: Arc<dyn Bucket>) -> Arc<Self> {
        let me = Record {
            life,
            time_to_live: options.time_to_live,
            instance: options.instance.clone(),
            mark: None,
        };
        Arc::new(Leases {
            bucket,
            me,
            parts: Mutex::default(),
            asked: Notify::new(),
            renewed: Notify::new(),
        })
    }

    /// Asks for a lease, until what is returned is dropped.
    pub(crate) fn ask_for(self: &Arc<Self>, name: Topic<'_>) -> Box<dyn Lease> {
        let key: Vec<String> = name.iter().map(|name| (*name).to_owned()).collect();
        let mut parts = self.parts.locked();
        let part = parts.entry(key.clone()).or_insert_with(|| {
            Arc::new(Part {
                key,
                state: Mutex::new(State::new()),
                holding: watch::Sender::new(Holding::Nobody),
                writing: tokio::sync::Mutex::default(),
            })
        });
        part.state.locked().users += 1;
        self.asked.notify_one();
        Box::new(Asked { leases: Arc::clone(self), part: Arc::clone(part) })
    }

    /// Asks for leases and renews them. Without end.
    pub(crate) async fn run(self: Arc<Self>) {
        tokio::join!(self.follow_always(), self.expire());
    }

    /// Gives all leases back.
    pub(crate) async fn release(&self) {
        iter(self.all())
            .for_each_concurrent(AT_ONCE, async |part| {
                if part.state.locked().record.life == self.me.life {
                    self.give_back(&part).await;
                }
            })
            .await;
    }

    fn all(&self) -> Vec<Arc<Part>> {
        self.parts.locked().values().cloned().collect()
    }

    async fn follow_always(&self) {
        let mut last = String::new();
        loop {
            match self.follow(&mut last).await {
                Ok(()) => {}
                Err(error) if error.to_string() == last => {}
                Err(error) => {
                    last = error.to_string();
                    warn!(
                        "what is to run once in the cluster does not run here: {last}; trying again"
                    );
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Follows the bucket until the cluster is away.
    async fn follow(&self, last: &mut String) -> Result<(), BucketError> {
        let mut changes = self.bucket.watch().await?;
        self.forget();
        let mut is_current = false;
        let mut ticks = tokio::time::interval(self.me.time_to_live / RENEWALS);
        loop {
            tokio::select! {
                change = changes.next() => match change {
                    Some(Change::Entry(entry)) => {
                        if self.told(&entry) && is_current {
                            self.act().await;
                        }
                    }
                    Some(Change::Current) => {
                        is_current = true;
                        last.clear();
                        self.act().await;
                        ticks.reset();
                    }
                    None => return Ok(()),
                },
                _ = ticks.tick(), if is_current => self.act().await,
                () = self.asked.notified(), if is_current => self.act().await,
            }
        }
    }

    /// Nothing is known any more. Others get their whole time to live again, since they may have been cut off as well.
    fn forget(&self) {
        for part in self.all() {
            part.state.locked().known = false;
        }
    }

    /// Takes an entry. Returns whether nobody holds the lease that nodes ask for.
    fn told(&self, entry: &Entry) -> bool {
        let part = self.parts.locked().get(&entry.key).cloned();
        part.is_some_and(|part| {
            self.learn(&part, Some(entry));
            part.state.locked().record.life == 0
        })
    }

    /// Learns the entry of a lease.
    fn learn(&self, part: &Part, entry: Option<&Entry>) {
        let mut state = part.state.locked();
        let revision = entry.map_or(0, |entry| entry.revision);
        if state.known && revision <= state.revision {
            return;
        }
        let value = entry.and_then(|entry| entry.value.as_ref());
        // What is no record of this version is replaced, after its whole time to live.
        let unknown = || Record { life: 1, instance: "?".to_owned(), ..self.me.clone() };
        let record = value.map(|value| Record::parse(value).unwrap_or_else(unknown));
        let mark = state.record.mark.take();
        state.record = record.unwrap_or_else(|| Record { mark, ..Record::default() });
        (state.known, state.revision, state.seen) = (true, revision, Instant::now());
        self.tell(part, &mut state);
    }

    /// Tells nodes who holds the lease.
    fn tell(&self, part: &Part, state: &mut State) {
        if state.known && state.record.life != self.me.life {
            state.until = None;
        }
        let now = match state.until {
            Some(until) if until > Instant::now() => Holding::Here,
            None if state.known && ![0, self.me.life].contains(&state.record.life) => {
                Holding::Elsewhere
            }
            _ => Holding::Nobody,
        };
        part.holding.send_if_modified(|holding| {
            let before = std::mem::replace(holding, now);
            metrics::LEASES
                .add(i64::from(now == Holding::Here) - i64::from(before == Holding::Here));
            before != now
        });
    }

    /// Does for each lease what is to be done.
    async fn act(&self) {
        let parts = iter(self.all());
        parts.for_each_concurrent(AT_ONCE, async |part| self.act_on(&part).await).await;
    }

    async fn act_on(&self, part: &Part) {
        if !part.state.locked().known {
            match self.bucket.get(&topic(&part.key)).await {
                Ok(entry) => self.learn(part, entry.as_ref()),
                Err(_) => return,
            }
        }
        match self.decide(part) {
            Step::Nothing => {}
            Step::Hold(revision) => {
                let is_same = |state: &State| state.revision == revision;
                let hold =
                    |state: &State| Record { mark: state.record.mark.clone(), ..self.me.clone() };
                self.write(part, |state| is_same(state).then(|| hold(state))).await;
            }
            Step::GiveBack => self.give_back(part).await,
            Step::Forget => self.remove(part),
        }
    }

    fn decide(&self, part: &Part) -> Step {
        let state = part.state.locked();
        let is_mine = state.record.life == self.me.life;
        if state.users == 0 {
            return match (state.idle_since.elapsed() >= LINGER, is_mine) {
                (false, true) => Step::Hold(state.revision),
                (true, true) => Step::GiveBack,
                (true, false) => Step::Forget,
                (false, false) => Step::Nothing,
            };
        }
        let limit = self.me.time_to_live.max(state.record.time_to_live);
        // The last sixth is for whoever held it, to end what it does.
        let is_late = state.seen.elapsed() > limit + limit / 6;
        match is_mine || state.record.life == 0 || is_late {
            true => Step::Hold(state.revision),
            false => Step::Nothing,
        }
    }

    async fn give_back(&self, part: &Part) {
        let nobody =
            |state: &State| Record { mark: state.record.mark.clone(), ..Record::default() };
        self.write(part, |state| self.is_mine(state).then(|| nobody(state))).await;
    }

    fn remove(&self, part: &Part) {
        let mut parts = self.parts.locked();
        // A node may have asked for it since.
        if part.state.locked().users == 0 {
            parts.remove(&part.key);
        }
    }

    fn is_mine(&self, state: &State) -> bool {
        state.record.life == self.me.life
    }

    /// Replaces the entry of a lease by what `change` makes of the state that is known when it is this write's turn:
    /// another instance may have taken the lease meanwhile. Returns whether it has been replaced.
    async fn write(&self, part: &Part, change: impl FnOnce(&State) -> Option<Record>) -> bool {
        let _alone = part.writing.lock().await;
        let (record, revision) = {
            let state = part.state.locked();
            let Some(record) = change(&state) else { return false };
            (record, state.revision)
        };
        let sent = Instant::now();
        let write = Write::of(Some(record.encode())).instead_of(revision);
        match self.bucket.write(&topic(&part.key), write).await {
            Ok(revision) => {
                let mut state = part.state.locked();
                let is_mine = record.life == self.me.life;
                if is_mine && state.until.is_none() {
                    info!(
                        "this instance has `{}`, which runs once in the cluster",
                        part.key.join(" ")
                    );
                }
                state.until = is_mine.then(|| sent + self.me.time_to_live);
                (state.known, state.revision, state.seen) = (true, revision, sent);
                state.record = record;
                self.tell(part, &mut state);
                drop(state);
                self.renewed.notify_one();
                true
            }
            Err(BucketError::Conflict) => {
                if let Ok(entry) = self.bucket.get(&topic(&part.key)).await {
                    self.learn(part, entry.as_ref());
                }
                false
            }
            Err(_) => false,
        }
    }

    /// Ends what is held when its time is over. Without end.
    async fn expire(&self) {
        loop {
            let untils = self.all().into_iter().filter_map(|part| part.state.locked().until);
            match untils.min() {
                None => self.renewed.notified().await,
                Some(first) => tokio::select! {
                    () = tokio::time::sleep_until(first) => self.end_late(),
                    () = self.renewed.notified() => {}
                },
            }
        }
    }

    fn end_late(&self) {
        for part in self.all() {
            let mut state = part.state.locked();
            if state.until.is_some_and(|until| until <= Instant::now()) {
                state.until = None;
                self.tell(&part, &mut state);
                let name = part.key.join(" ");
                warn!(
                    "this instance has lost `{name}`, which runs once in the cluster: NATS did not answer in time"
                );
            }
        }
    }
}

/// What is to be done for a lease.
enum Step {
    Nothing,
    /// Take it, or renew it, if it still has this revision.
    Hold(u64),
    GiveBack,
    Forget,
}

fn topic(key: &[String]) -> Vec<&str> {
    key.iter().map(String::as_str).collect()
}

/// A lease that a node has asked for.
#[derive(Debug)]
struct Asked {
    leases: Arc<Leases>,
    part: Arc<Part>,
}

impl Lease for Asked {
    fn holding(&self) -> watch::Receiver<Holding> {
        self.part.holding.subscribe()
    }

    fn mark(&self) -> Option<Bytes> {
        self.part.state.locked().record.mark.clone()
    }

    fn note(&self, mark: Bytes) -> BoxFuture<'static, bool> {
        let (leases, part) = (Arc::clone(&self.leases), Arc::clone(&self.part));
        Box::pin(async move {
            let is_held = |state: &State| {
                leases.is_mine(state) && state.until.is_some_and(|until| until > Instant::now())
            };
            let noted = Record { mark: Some(mark), ..leases.me.clone() };
            let written = leases.write(&part, |state| is_held(state).then_some(noted)).await;
            written && is_held(&part.state.locked())
        })
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let mut state = self.part.state.locked();
        state.users -= 1;
        state.idle_since = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::memory::Hub;
    use ferrowire_core::cluster::Cluster as _;

    #[tokio::test(start_paused = true)]
    async fn a_note_or_renewal_that_waits_takes_nothing_back_from_another_instance() {
        let options = Options::default();
        let member = Hub::new().join(options.clone());
        let bucket = member.bucket(&["leases"]);
        let leases = Leases::new(&options, 7, Arc::clone(&bucket));
        let lease = leases.ask_for(&["x"]);
        let part = leases.all().remove(0);
        leases.act_on(&part).await;
        assert_eq!(*lease.holding().borrow(), Holding::Here);
        let turn = part.writing.lock().await;
        let mut note = lease.note(Bytes::from("late"));
        let mut renewal = Box::pin(leases.act_on(&part));
        assert!((&mut note).now_or_never().is_none() && (&mut renewal).now_or_never().is_none());
        // It was stopped meanwhile, and hears of the other one before it goes on.
        let other = Record { life: 8, instance: "other".to_owned(), ..leases.me.clone() };
        bucket.write(&["x"], Write::of(Some(other.encode()))).await.unwrap();
        let entry = bucket.get(&["x"]).await.unwrap();
        leases.learn(&part, entry.as_ref());
        drop(turn);
        let (noted, ()) = tokio::join!(note, renewal);
        assert!(!noted);
        assert_eq!(bucket.get(&["x"]).await.unwrap(), entry);
        assert_eq!(*lease.holding().borrow(), Holding::Elsewhere);
    }
}
