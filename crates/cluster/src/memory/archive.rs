//! `MemoryArchive`: journals that last as long as the hub.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Mutex;

use async_trait::async_trait;
use bytes::Bytes;
use ferrowire_core::MutexExt as _;
use ferrowire_core::cluster::{JournalError, Shape};
use futures_util::stream::{BoxStream, StreamExt as _, unfold};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::archive::{Archive, Arrived, Extract, Item, Opened};
use crate::names::JournalNames;

/// How many messages a follower may not have heard yet. Further ones do not come by themselves.
const WAITING: usize = 4096;

#[derive(Debug, Default)]
pub(crate) struct MemoryArchive {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    journals: HashMap<String, Contents>,
    epochs: u64,
    /// So many messages do not come by themselves.
    lost: usize,
    refusal: Option<String>,
}

#[derive(Debug)]
struct Contents {
    epoch: String,
    shape: Shape,
    last: u64,
    bytes: usize,
    kept: BTreeMap<u64, Kept>,
    /// The ids of messages.
    known: HashSet<String>,
    followers: Vec<(String, mpsc::Sender<Arrived>)>,
}

#[derive(Debug)]
struct Kept {
    subject: String,
    message: Bytes,
    at: Instant,
}

impl MemoryArchive {
    pub(crate) fn lose(&self) {
        self.state.locked().journals.clear();
    }

    pub(crate) fn lose_arrivals(&self, count: usize) {
        self.state.locked().lost = count;
    }

    pub(crate) fn refuse(&self, why: &str) {
        self.state.locked().refusal = Some(why.to_owned());
    }
}

impl Contents {
    fn append(&mut self, subject: String, message: Bytes) -> Arrived {
        let of_subject =
            self.kept.iter().filter(|(_, kept)| kept.subject == subject).map(|(number, _)| *number);
        let numbers: Vec<u64> = of_subject.collect();
        let before = numbers.last().copied().unwrap_or(0);
        let most = if self.shape.by_key { 1 } else { self.shape.messages + 1 };
        for old in numbers.iter().take((numbers.len() + 1).saturating_sub(most)) {
            self.remove(*old);
        }
        self.last += 1;
        self.bytes += message.len();
        let kept = Kept { subject, message: message.clone(), at: Instant::now() };
        self.kept.insert(self.last, kept);
        while self.bytes > self.shape.bytes
            && let Some(first) = self.kept.keys().next().copied()
        {
            self.remove(first);
        }
        Arrived { sequence: self.last, before, message }
    }

    fn remove(&mut self, number: u64) {
        self.bytes -= self.kept.remove(&number).map_or(0, |kept| kept.message.len());
    }

    fn expire(&mut self) {
        let Some(age) = self.shape.age else { return };
        while let Some((number, first)) = self.kept.first_key_value()
            && first.at.elapsed() >= age
        {
            let number = *number;
            self.remove(number);
        }
    }

    fn first(&self) -> u64 {
        self.kept.keys().next().copied().unwrap_or(self.last + 1)
    }
}

#[async_trait]
impl Archive for MemoryArchive {
    fn largest(&self) -> usize {
        1024 * 1024
    }

    async fn open(&self, names: &JournalNames, shape: &Shape) -> Result<Opened, JournalError> {
        let mut state = self.state.locked();
        if let Some(why) = &state.refusal {
            return Err(JournalError::Unusable(why.clone()));
        }
        state.epochs += 1;
        let epoch = format!("{:08x}", state.epochs);
        let contents = state.journals.entry(names.stream.clone()).or_insert_with(|| Contents {
            epoch,
            shape: *shape,
            last: 0,
            bytes: 0,
            kept: BTreeMap::new(),
            known: HashSet::new(),
            followers: Vec::new(),
        });
        let (last, bytes) = (contents.last, contents.bytes as u64);
        Ok(Opened { epoch: contents.epoch.clone(), last, bytes })
    }

    async fn append(
        &self,
        names: &JournalNames,
        (subject, message): (String, Bytes),
        id: String,
    ) -> Result<(), JournalError> {
        let mut state = self.state.locked();
        let is_lost = state.lost > 0;
        let contents = state.journals.get_mut(&names.stream).ok_or(JournalError::Away)?;
        if !contents.known.insert(id) {
            return Ok(());
        }
        let arrived = contents.append(subject.clone(), message);
        if !is_lost {
            let below = subject.strip_prefix(&names.appended).unwrap_or_default();
            let hear = |(place, follower): &(String, mpsc::Sender<Arrived>)| {
                let is_it = below.rsplit_once('.').is_some_and(|(of, _)| of == place);
                // One that has room later reads what it missed.
                !is_it
                    || !matches!(
                        follower.try_send(arrived.clone()),
                        Err(mpsc::error::TrySendError::Closed(_))
                    )
            };
            contents.followers.retain(hear);
        }
        state.lost = state.lost.saturating_sub(1);
        Ok(())
    }

    async fn follow(
        &self,
        names: &JournalNames,
        place: &str,
    ) -> Result<BoxStream<'static, Arrived>, JournalError> {
        let (sender, receiver) = mpsc::channel(WAITING);
        let mut state = self.state.locked();
        let contents = state.journals.get_mut(&names.stream).ok_or(JournalError::Away)?;
        contents.followers.push((place.to_owned(), sender));
        let next =
            async |mut receiver: mpsc::Receiver<Arrived>| Some((receiver.recv().await?, receiver));
        Ok(unfold(receiver, next).boxed())
    }

    async fn read(
        &self,
        names: &JournalNames,
        place: &str,
        (after, at_once): (u64, usize),
    ) -> Result<Extract, JournalError> {
        let mut state = self.state.locked();
        let contents = state.journals.get_mut(&names.stream).ok_or(JournalError::Away)?;
        contents.expire();
        let mut extract = Extract {
            epoch: contents.epoch.clone(),
            first: contents.first(),
            last: contents.last,
            ..Extract::default()
        };
        let subjects = format!("{}{place}", names.appended);
        let mut bytes = 0;
        for (number, kept) in contents.kept.range(after + 1..) {
            if kept.subject.rsplit_once('.').is_some_and(|(of, _)| of == subjects) {
                let item = Item {
                    sequence: *number,
                    message: kept.message.clone(),
                    age: kept.at.elapsed(),
                };
                extract.push(item, &mut bytes, at_once);
            }
        }
        Ok(extract)
    }
}
