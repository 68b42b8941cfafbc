//! `Followed`: in a cluster, the journal that has the messages of a listener's histories and numbers them.
//!
//! A place is followed while it has members on this instance. Who connects or joins before what is kept has come waits
//! for it. Locks are taken in this order: clients, groups, places, history.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use ferrowire_core::cluster::{Appended, Follower, Interest, Journal, JournalError, Told};
use ferrowire_core::{MutexExt as _, Text};
use futures_util::future::BoxFuture;

use crate::listener::cluster::Inbox;
use crate::listener::history::store::Place;
use crate::listener::history::{Ask, History, HistoryOptions};
use crate::listener::member::Client;

/// What each thing that is told counts beside its messages.
const OVERHEAD: usize = 128;

/// The journal of a listener.
pub(crate) struct Followed {
    journal: Arc<dyn Journal>,
    inbox: Arc<Inbox>,
    by_topic: bool,
    is_unusable: AtomicBool,
    places: Mutex<HashMap<Option<Text>, Waiting>>,
}

/// A place that is followed.
struct Waiting {
    /// Tells what comes from what an earlier interest in the place still tells.
    number: u64,
    /// Those who wait for what is kept; `None` once it has come.
    clients: Option<Vec<(Client, Ask)>>,
}

/// What was told of a place.
pub(crate) struct Heard {
    pub(crate) place: Option<Text>,
    pub(crate) number: u64,
    pub(crate) told: Told,
}

impl Heard {
    /// About how many bytes it takes.
    pub(crate) fn bytes(&self) -> usize {
        let of_messages = match &self.told {
            Told::Past(past) => past.entries.iter().map(|entry| entry.message.len()).sum(),
            Told::Entry(entry) => entry.message.len(),
            Told::Unusable(_) => 0,
        };
        of_messages + OVERHEAD
    }
}

impl Followed {
    pub(crate) fn new(
        journal: Arc<dyn Journal>,
        inbox: Arc<Inbox>,
        options: HistoryOptions,
    ) -> Self {
        Followed {
            journal,
            inbox,
            by_topic: options.by_topic,
            is_unusable: AtomicBool::new(false),
            places: Mutex::default(),
        }
    }

    /// Whether it has the messages; otherwise each instance has its own.
    pub(crate) fn is_usable(&self) -> bool {
        !self.is_unusable.load(Ordering::Relaxed)
    }

    /// Does without it. Returns whether it was used before.
    pub(super) fn give_up(&self) -> bool {
        !self.is_unusable.swap(true, Ordering::Relaxed)
    }

    /// Appends a message to the history of a place.
    ///
    /// # Errors
    /// Those of [`Journal::append`].
    pub(crate) fn append(
        &self,
        place: Place<'_>,
        topic: &str,
        parts: &[&[u8]],
    ) -> Result<BoxFuture<'static, Result<Appended, JournalError>>, JournalError> {
        let key = if self.by_topic { topic } else { "" };
        self.journal.append(&names(place), key, parts)
    }

    /// Has a client wait for what is kept. Returns `false` if that has come already.
    pub(crate) fn wait(&self, client: &Client, place: Place<'_>, ask: &Ask) -> bool {
        let mut places = self.places.locked();
        let waiting = places.get_mut(&place.cloned()).and_then(|place| place.clients.as_mut());
        let Some(waiting) = waiting else { return false };
        waiting.push((client.clone(), ask.clone()));
        true
    }

    /// What is kept has come: those who wait for it, if the place is still followed.
    pub(super) fn arrived(&self, place: Place<'_>, number: u64) -> Option<Vec<(Client, Ask)>> {
        let mut places = self.places.locked();
        let waiting = places.get_mut(&place.cloned()).filter(|place| place.number == number)?;
        Some(waiting.clients.take().unwrap_or_default())
    }

    /// Whether what is told is of the present interest in a place.
    pub(super) fn is_present(&self, place: Place<'_>, number: u64) -> bool {
        let places = self.places.locked();
        places.get(&place.cloned()).is_some_and(|place| place.number == number)
    }
}

fn names<'a>(place: Place<'a>) -> Vec<&'a str> {
    match place {
        None => vec!["all"],
        Some(room) => vec!["room", room.as_str()],
    }
}

/// Follows a place until it is dropped.
pub(crate) struct Following {
    history: Arc<History>,
    place: Option<Text>,
    number: u64,
    _interest: Interest,
}

impl Following {
    /// Follows the listener's history, or that of a room, if there is a journal.
    pub(crate) fn of(history: &Arc<History>, room: Option<&str>) -> Option<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let followed = history.followed()?;
        let (place, number) = (room.map(Text::from), NUMBER.fetch_add(1, Ordering::Relaxed));
        let waiting = Waiting { number, clients: Some(Vec::new()) };
        followed.places.locked().insert(place.clone(), waiting);
        let ear = Ear { inbox: Arc::clone(&followed.inbox), place: place.clone(), number };
        let interest = followed.journal.follow(&names(place.as_ref()), Box::new(ear));
        Some(Following { history: Arc::clone(history), place, number, _interest: interest })
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let Some(followed) = &self.history.followed else { return };
        let mut places = followed.places.locked();
        if places.get(&self.place).is_some_and(|place| place.number == self.number) {
            places.remove(&self.place);
            if let (Some(room), true) = (&self.place, followed.is_usable()) {
                self.history.store.locked().remove(room);
            }
        }
    }
}

/// Hears of a place.
struct Ear {
    inbox: Arc<Inbox>,
    place: Option<Text>,
    number: u64,
}

impl Follower for Ear {
    fn tell(&self, told: Told) -> bool {
        self.inbox.hear(Heard { place: self.place.clone(), number: self.number, told })
    }
}
