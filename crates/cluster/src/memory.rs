//! A cluster of several engines in one process, for tests: with a way to cut an instance off.

mod archive;
mod depot;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, Weak};

use async_trait::async_trait;
use bytes::Bytes;
use ferrowire_core::MutexExt as _;

use crate::archive::Archive;
use crate::depot::Depot;
use crate::link::{self, Link};
use crate::member::{Member, Shared};
use crate::options::Options;
use archive::MemoryArchive;
use depot::MemoryDepot;

/// What connects the instances.
#[derive(Clone, Debug, Default)]
pub struct Hub {
    places: Arc<Mutex<Vec<Place>>>,
    depot: Arc<MemoryDepot>,
    archive: Arc<MemoryArchive>,
}

#[derive(Debug)]
struct Place {
    member: Weak<Shared>,
    subjects: HashSet<String>,
}

impl Hub {
    /// A hub without instances.
    pub fn new() -> Self {
        Hub::default()
    }

    /// Adds an instance, which is connected. Must be called in a tokio runtime.
    pub fn join(&self, options: Options) -> Member {
        let member = Member::begin(options);
        let shared = &member.shared;
        let place = Place { member: Arc::downgrade(shared), subjects: HashSet::new() };
        let at = {
            let mut places = self.places.locked();
            places.push(place);
            places.len() - 1
        };
        let depot = Arc::clone(&self.depot) as Arc<dyn Depot>;
        let _only_once = shared.depot.set(depot);
        let archive = Arc::clone(&self.archive) as Arc<dyn Archive>;
        let _only_once = shared.archive.set(archive);
        shared.connect();
        shared.spawn(link::drive(Arc::clone(shared), MemoryLink { hub: self.clone(), at }));
        member
    }

    /// Cuts an instance off, or connects it again.
    pub fn connect(&self, member: &Member, connected: bool) {
        match connected {
            true => member.shared.connect(),
            false => drop(member.shared.connected.send_replace(false)),
        }
    }

    /// Removes all buckets, as if the servers had lost their disks. Whoever watches one is told nothing.
    pub fn lose_buckets(&self) {
        self.depot.lose();
    }

    /// Removes all journals, as if somebody had deleted them.
    pub fn lose_journals(&self) {
        self.archive.lose();
    }

    /// The next `count` messages of journals do not come by themselves.
    pub fn lose_arrivals(&self, count: usize) {
        self.archive.lose_arrivals(count);
    }

    /// Has no journals, and says why.
    pub fn refuse_journals(&self, why: &str) {
        self.archive.refuse(why);
    }

    /// Sends bytes to whoever is subscribed, as a stranger in the same network could.
    pub fn inject(&self, subject: &str, bytes: Bytes) {
        self.distribute(None, subject, &bytes);
    }

    /// The subjects that an instance is subscribed to, in order.
    pub fn subjects(&self, member: &Member) -> Vec<String> {
        let places = self.places.locked();
        let is_it = |place: &&Place| place.member.as_ptr() == Arc::as_ptr(&member.shared);
        let subjects = places.iter().find(is_it).map(|place| &place.subjects);
        let mut subjects: Vec<String> = subjects.into_iter().flatten().cloned().collect();
        subjects.sort();
        subjects
    }

    fn distribute(&self, from: Option<usize>, subject: &str, message: &Bytes) {
        let receivers: Vec<Arc<Shared>> = {
            let places = self.places.locked();
            let others = places.iter().enumerate().filter(|(at, _)| Some(*at) != from);
            let subscribed = others.filter(|(_, place)| place.subjects.contains(subject));
            subscribed.filter_map(|(_, place)| place.member.upgrade()).collect()
        };
        for receiver in receivers.iter().filter(|receiver| receiver.is_connected()) {
            receiver.receive(subject, message.clone());
        }
    }
}

struct MemoryLink {
    hub: Hub,
    at: usize,
}

impl MemoryLink {
    fn change(&self, change: impl FnOnce(&mut HashSet<String>)) {
        if let Some(place) = self.hub.places.locked().get_mut(self.at) {
            change(&mut place.subjects);
        }
    }
}

#[async_trait]
impl Link for MemoryLink {
    fn largest(&self) -> usize {
        1024 * 1024
    }

    async fn publish(&mut self, subject: String, message: Bytes) {
        self.hub.distribute(Some(self.at), &subject, &message);
    }

    async fn subscribe(&mut self, subject: &str) {
        self.change(|subjects| {
            subjects.insert(subject.to_owned());
        });
    }

    async fn unsubscribe(&mut self, subject: &str) {
        self.change(|subjects| {
            subjects.remove(subject);
        });
    }
}
