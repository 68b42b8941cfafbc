//! `Lanes`: for each value of a shared store its revision, and the own changes that are not in the cluster yet.
//!
//! An own change is in the local copy at once, and then waits. While it waits, or is under way, what the
//! cluster tells about the value is kept aside: if it turns out to be newer than the own change it
//! counts, and otherwise it never did. So an echo, or an older change of another instance, never
//! replaces a newer own one. Changes of one value that wait are one: the newest.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use ferrowire_core::cluster::{Entry, Write};
use ferrowire_core::{MemoryStore, Value};
use tokio::sync::oneshot;

use crate::metrics;

/// What each change counts beside its bytes, and each function that waits for one.
const OVERHEAD: usize = 128;

/// The name of a value, and the context that it is in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Id {
    pub(crate) place: String,
    pub(crate) name: String,
}

/// Is told when a change is durable.
pub(crate) type Told = oneshot::Sender<()>;

/// An own change.
#[derive(Debug)]
pub(crate) struct Own {
    write: Write,
    told: Vec<Told>,
}

impl Own {
    pub(crate) fn new(value: Option<Bytes>) -> Self {
        Own { write: Write::of(value), told: Vec::new() }
    }
}

/// Why nothing can be heard about a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deaf {
    /// There is none.
    Nothing,
    /// Too much waits.
    Full,
}

#[derive(Debug, Default)]
struct Lane {
    revision: u64,
    /// The round of the watch that told it last.
    round: u64,
    waiting: Option<Own>,
    under_way: Option<Own>,
    /// The newest that the cluster told while an own change waited or was under way.
    aside: Option<(u64, Option<Value>)>,
}

impl Lane {
    fn is_settled(&self) -> bool {
        self.waiting.is_none() && self.under_way.is_none()
    }
}

/// The values of a store, and what becomes of their changes.
#[derive(Debug)]
pub(crate) struct Lanes {
    values: Arc<MemoryStore>,
    limit: usize,
    bytes: usize,
    lanes: HashMap<Id, Lane>,
    /// Those that have something waiting and nothing under way, in the order of their first change.
    queue: VecDeque<Id>,
    round: u64,
    is_current: bool,
}

impl Lanes {
    /// Changes of up to `limit` bytes may wait.
    pub(crate) fn new(values: Arc<MemoryStore>, limit: usize) -> Self {
        Lanes {
            values,
            limit,
            bytes: 0,
            lanes: HashMap::new(),
            queue: VecDeque::new(),
            round: 0,
            is_current: false,
        }
    }

    /// Changes a value here, and queues it for the cluster. Returns whether there was room.
    pub(crate) fn change(&mut self, id: Id, value: Option<Value>, mut own: Own) -> bool {
        let lane = self.lanes.entry(id.clone()).or_default();
        let replaced = lane.waiting.as_ref().map_or(0, |own| cost(&id, own));
        let kept = lane.waiting.as_ref().map_or(0, |own| own.told.len()) * OVERHEAD;
        let bytes = self.bytes - replaced + kept + cost(&id, &own);
        if bytes > self.limit {
            metrics::REFUSED.increment();
            return false;
        }
        self.bytes = bytes;
        self.values.put(&id.place, &id.name, value);
        if let Some(before) = lane.waiting.take() {
            own.told.extend(before.told);
        } else {
            metrics::WAITING.add(1);
            if lane.under_way.is_none() {
                self.queue.push_back(id);
            }
        }
        lane.waiting = Some(own);
        true
    }

    /// Whether the cluster is known not to have a value.
    pub(crate) fn lacks(&self, id: &Id) -> bool {
        self.is_current && !self.lanes.contains_key(id)
    }

    /// Tells when the newest own change of a value is in the cluster.
    ///
    /// # Errors
    /// If there is none on its way, or no room.
    pub(crate) fn listen(&mut self, id: &Id, told: Told) -> Result<(), Deaf> {
        let lane = self.lanes.get_mut(id);
        let own = lane.and_then(|lane| lane.waiting.as_mut().or(lane.under_way.as_mut()));
        let own = own.ok_or(Deaf::Nothing)?;
        if self.bytes + OVERHEAD > self.limit {
            return Err(Deaf::Full);
        }
        self.bytes += OVERHEAD;
        own.told.push(told);
        Ok(())
    }

    /// The next change that can be written. It is under way from now on.
    pub(crate) fn next(&mut self) -> Option<(Id, Write)> {
        let id = self.queue.pop_front()?;
        let lane = self.lanes.get_mut(&id)?;
        let own = lane.waiting.take()?;
        let write = own.write.clone();
        lane.under_way = Some(own);
        Some((id, write))
    }

    /// A change that was under way has this revision.
    pub(crate) fn written(&mut self, id: &Id, revision: u64) {
        let Some(lane) = self.lanes.get_mut(id) else { return };
        let Some(own) = lane.under_way.take() else { return };
        self.bytes -= cost(id, &own);
        metrics::WAITING.add(-1);
        metrics::WRITTEN.increment();
        lane.revision = lane.revision.max(revision);
        if lane.waiting.is_some() {
            self.queue.push_back(id.clone());
        } else if let Some((newer, value)) = lane.aside.take()
            && newer > revision
        {
            lane.revision = newer;
            self.values.put(&id.place, &id.name, value);
        }
        for told in own.told {
            // Whoever waited may have stopped.
            let _nobody = told.send(());
        }
    }

    /// A change that was under way waits again, behind the others, unless there is a newer one.
    pub(crate) fn failed(&mut self, id: &Id) {
        let Some(lane) = self.lanes.get_mut(id) else { return };
        let Some(own) = lane.under_way.take() else { return };
        self.queue.push_back(id.clone());
        if let Some(newer) = &mut lane.waiting {
            self.bytes -= cost(id, &own) - own.told.len() * OVERHEAD;
            metrics::WAITING.add(-1);
            newer.told.extend(own.told);
        } else {
            lane.waiting = Some(own);
        }
    }

    /// All that is under way waits again.
    pub(crate) fn all_failed(&mut self) {
        let under_way = self.lanes.iter().filter(|(_, lane)| lane.under_way.is_some());
        let mut ids: Vec<(u64, Id)> = under_way
            .map(|(id, lane)| (lane.under_way.as_ref().map_or(0, |it| it.write.number), id.clone()))
            .collect();
        ids.sort_by_key(|(number, _)| *number);
        ids.iter().for_each(|(_, id)| self.failed(id));
    }

    /// How many changes are not in the cluster yet.
    pub(crate) fn unwritten(&self) -> usize {
        let open = |lane: &Lane| {
            usize::from(lane.waiting.is_some()) + usize::from(lane.under_way.is_some())
        };
        self.lanes.values().map(open).sum()
    }

    /// The revision of a value without own changes on their way; `None` if there are some.
    pub(crate) fn settled(&self, id: &Id) -> Option<u64> {
        match self.lanes.get(id) {
            None => Some(0),
            Some(lane) => lane.is_settled().then_some(lane.revision),
        }
    }

    /// A watch begins. Revisions of the time before tell nothing, since the bucket may be another one.
    pub(crate) fn begin_round(&mut self) {
        self.round += 1;
        self.is_current = false;
        for lane in self.lanes.values_mut() {
            (lane.revision, lane.aside) = (0, None);
        }
    }

    /// The watch has told all that is there: what it did not tell is not there any more.
    pub(crate) fn end_of_past(&mut self) {
        self.is_current = true;
        let round = self.round;
        let gone = |lane: &Lane| lane.round != round && lane.revision == 0 && lane.is_settled();
        for (id, _) in self.lanes.extract_if(|_, lane| gone(lane)) {
            self.values.put(&id.place, &id.name, None);
        }
    }

    /// The cluster tells an entry; `value` is what is in it.
    pub(crate) fn told(&mut self, entry: &Entry, id: Id, value: Option<Value>) {
        let lane = self.lanes.entry(id.clone()).or_default();
        lane.round = self.round;
        if !lane.is_settled() {
            if lane.aside.as_ref().is_none_or(|(revision, _)| *revision < entry.revision) {
                lane.aside = Some((entry.revision, value));
            }
            return;
        }
        // After a removal nothing older can come any more.
        let is_over = entry.value.is_none() && entry.revision >= lane.revision;
        if entry.revision > lane.revision {
            lane.revision = entry.revision;
            self.values.put(&id.place, &id.name, value);
        }
        if is_over {
            self.lanes.remove(&id);
        }
    }
}

fn cost(id: &Id, own: &Own) -> usize {
    let value = own.write.value.as_ref().map_or(0, Bytes::len);
    value + id.place.len() + id.name.len() + OVERHEAD * (1 + own.told.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> Id {
        Id { place: "global".into(), name: "a".into() }
    }

    struct Store(Lanes, Arc<MemoryStore>);

    impl Store {
        fn new() -> Self {
            let values = Arc::new(MemoryStore::default());
            Store(Lanes::new(Arc::clone(&values), 100_000), values)
        }

        fn change(&mut self, value: i32) {
            let own = Own::new(Some(Bytes::from(value.to_string())));
            assert!(self.0.change(id(), Some(value.into()), own));
        }

        fn told(&mut self, revision: u64, value: Option<i32>) {
            let bytes = value.map(|value| Bytes::from(value.to_string()));
            let entry = Entry { key: Vec::new(), value: bytes, revision };
            self.0.told(&entry, id(), value.map(Value::from));
        }

        fn value(&self) -> Option<Value> {
            self.1.value("global", "a")
        }
    }

    #[test]
    fn an_older_echo_never_replaces_a_newer_own_value_and_a_newer_change_of_others_counts() {
        let mut store = Store::new();
        store.change(1);
        assert_eq!(store.value(), Some(1.into()), "at once");
        store.0.next().unwrap();
        store.change(2);
        // Another instance's change, and then the echo of the own first one.
        store.told(7, Some(70));
        store.told(8, Some(1));
        assert_eq!(store.value(), Some(2.into()));
        store.0.written(&id(), 8);
        assert_eq!(store.value(), Some(2.into()));
        store.0.next().unwrap();
        // What another instance wrote after the own change is told before its outcome.
        store.told(9, Some(2));
        store.told(10, Some(100));
        store.0.written(&id(), 9);
        assert_eq!(store.value(), Some(100.into()));
        store.told(9, Some(2));
        assert_eq!(store.value(), Some(100.into()));
    }

    #[test]
    fn an_echo_after_the_removal_of_a_value_does_not_bring_it_back() {
        let mut store = Store::new();
        store.change(1);
        store.0.next().unwrap();
        store.0.written(&id(), 3);
        assert!(store.0.change(id(), None, Own::new(None)));
        store.0.next().unwrap();
        store.0.written(&id(), 4);
        store.told(3, Some(1));
        assert_eq!(store.value(), None);
        store.told(4, None);
        assert_eq!((store.value(), store.0.lanes.len(), store.0.bytes), (None, 0, 0));
    }

    #[test]
    fn what_a_new_watch_does_not_tell_is_gone_unless_it_waits() {
        let mut store = Store::new();
        store.0.begin_round();
        store.told(500, Some(1));
        let other = Id { place: "global".into(), name: "b".into() };
        assert!(store.0.change(other, Some(5.into()), Own::new(Some("5".into()))));
        store.0.end_of_past();
        // Another bucket, whose revisions begin anew.
        store.0.begin_round();
        assert_eq!(store.value(), Some(1.into()), "until it is known");
        store.0.end_of_past();
        assert_eq!((store.value(), store.1.value("global", "b")), (None, Some(5.into())));
        store.told(2, Some(3));
        assert_eq!(store.value(), Some(3.into()));
    }

    #[test]
    fn changes_of_one_value_count_once_and_at_the_bound_a_change_fails() {
        let values = Arc::new(MemoryStore::default());
        let mut lanes = Lanes::new(Arc::clone(&values), 1_000);
        let mut change = |name: &str, length: usize| {
            let own = Own::new(Some(Bytes::from(vec![b'1'; length])));
            lanes.change(Id { place: "p".into(), name: name.into() }, Some(1.into()), own)
        };
        assert!(change("a", 700));
        assert!(change("a", 700), "it replaces the first one");
        assert!(!change("b", 700));
        assert!(change("a", 100) && change("b", 500));
        lanes.next().unwrap();
        lanes.next().unwrap();
        lanes.all_failed();
        assert_eq!((lanes.unwritten(), lanes.next().unwrap().0.name), (2, "a".to_owned()));
        assert_eq!(values.value("p", "c"), None);
    }
}
