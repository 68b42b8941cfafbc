//! Sends messages that are kept, and replays them to who connects or joins.
//!
//! A message is numbered and given to everybody with the history locked, and a client is registered
//! and gets the replay with the same lock. So it gets each message once, and in the order of the
//! offsets. Locks are taken in this order: clients, groups, history.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use ferrowire_core::{Handled, Message, MutexExt as _, Text, Value};
use rustc_hash::FxHashSet;

use crate::connection::cork;
use crate::connection::cork::Frames;
use crate::connection::forms::{Feeds, Forms};
use crate::frame::Payload;
use crate::listener::delivery::Delivery;
use crate::listener::history::store::{Bounds, Place, Store};
use crate::listener::history::{Ask, Followed, HistoryOptions};
use crate::listener::member::Client;
use crate::listener::sessions::Sessions;
use crate::listener::target::{Target, To};
use crate::payload::Mode;
use crate::settings::SlowPeer;

/// How often messages are looked for that have become too old.
const EXPIRE: Duration = Duration::from_secs(10);

/// What a listener keeps.
pub(crate) struct History {
    by_topic: bool,
    pub(super) store: Mutex<Store>,
    /// Lists messages with offsets for clients that lag behind.
    feeds: Arc<Feeds>,
    /// In a cluster: where the messages and offsets come from.
    pub(super) followed: Option<Followed>,
}

impl History {
    pub(crate) fn new(
        options: HistoryOptions,
        bounds: Bounds,
        mode: Mode,
        followed: Option<Followed>,
    ) -> Arc<Self> {
        let mut store = Store::new(options, bounds, mode);
        store.follow(followed.is_some());
        let (store, feeds) = (Mutex::new(store), Arc::default());
        Arc::new(History { by_topic: options.by_topic, store, feeds, followed })
    }

    /// Where messages and offsets come from, unless they are those of this instance.
    pub(crate) fn followed(&self) -> Option<&Followed> {
        self.followed.as_ref().filter(|followed| followed.is_usable())
    }

    /// Drops what has become too old, without end.
    pub(crate) async fn expire(&self) {
        loop {
            tokio::time::sleep(EXPIRE).await;
            self.store.locked().expire();
        }
    }

    /// The topic under which a message is kept.
    fn key(&self, msg: &Message) -> Text {
        match msg.get("topic") {
            Some(Value::String(topic)) if self.by_topic => topic.clone(),
            _ => Text::new(),
        }
    }
}

/// A message on its way.
#[derive(Clone)]
pub(crate) struct Publication {
    pub(crate) payload: Payload,
    /// By which the queues of slow clients replace messages.
    pub(crate) topic: Option<Text>,
    /// By which the history replaces messages; `None` if it is not kept.
    pub(crate) key: Option<Text>,
}

impl Sessions {
    /// What the history needs to know of a message, if messages to `target` are kept.
    pub(crate) fn key_of(&self, target: &Target, msg: &Message) -> Option<Text> {
        let history = self.history.as_ref()?;
        matches!(target.to, To::All | To::Rooms).then(|| history.key(msg))
    }

    /// A message of another instance.
    pub(crate) fn publication(
        &self,
        target: &Target,
        payload: Payload,
        topic: Option<Text>,
    ) -> Publication {
        let is_kept = matches!(target.to, To::All | To::Rooms);
        // What a journal does not have got no offset.
        let keeps = |history: &&Arc<History>| is_kept && history.followed().is_none();
        let history = self.history.as_ref().filter(keeps);
        let by_topic =
            |history: &Arc<History>| topic.clone().filter(|_| history.by_topic).unwrap_or_default();
        let key = history.map(by_topic);
        let topic = topic.filter(|_| self.rules.slow_peer == SlowPeer::Latest);
        Publication { payload, topic, key }
    }

    /// Keeps a message and sends it to `target`: all, or rooms.
    pub(crate) fn publish(self: &Arc<Self>, target: &Target, message: Publication) -> Handled {
        let Some(history) = &self.history else { return Handled::Done };
        cork::settle();
        let frames = self.frames_for(target, &message.payload);
        let except = target.except.as_ref().and_then(|id| self.client(id));
        let except = except.map(|client| client.member.number);
        let key = message.key.unwrap_or_default();
        let mut delivery = Delivery::new(self, &frames, message.topic.as_ref());
        let mut give = |client: &Client, numbered: &mut dyn FnMut() -> Option<Forms>| {
            if except != Some(client.member.number) {
                delivery.give_form(client, numbered);
            }
        };
        if target.to == To::All {
            let clients = self.clients();
            let mut store = history.store.locked();
            let mut numbered = history.number(&mut store, None, (&frames, key));
            clients.by_session.values().for_each(|client| give(client, &mut numbered));
        } else {
            let groups = self.groups();
            let mut store = history.store.locked();
            let mut seen = FxHashSet::default();
            for name in &target.names {
                let at = (&frames, key.clone());
                let mut numbered = history.number(&mut store, Some(name), at);
                let members = groups.rooms.room(name).map(|room| room.members.values());
                for client in members.into_iter().flatten() {
                    if target.names.len() == 1 || seen.insert(client.member.number) {
                        give(client, &mut numbered);
                    }
                }
            }
        }
        delivery.finish()
    }

    /// Sends what is kept to a client that is being registered. The caller holds the lock of the
    /// table that it is added to.
    pub(crate) fn replay(&self, client: &Client, place: Place<'_>, ask: &Ask) {
        let Some(history) = &self.history else { return };
        if history.followed().is_some_and(|followed| followed.wait(client, place, ask)) {
            return;
        }
        let frames = history.store.locked().replay(place, ask);
        client.connection.replay(&frames);
    }
}

impl History {
    /// Keeps a message, and makes its form with the offset when that is asked for.
    fn number(
        &self,
        store: &mut Store,
        place: Place<'_>,
        (frames, key): (&Forms, Text),
    ) -> impl FnMut() -> Option<Forms> + use<> {
        let offset = store.push(place, frames.plain(), key);
        self.form(store.mode(), frames, (offset, None, place.cloned()))
    }

    /// Makes the form of a message with its offset when that is asked for.
    pub(super) fn form(
        &self,
        mode: Mode,
        frames: &Forms,
        (offset, previous, room): (u64, Option<u64>, Option<Text>),
    ) -> impl FnMut() -> Option<Forms> + use<> {
        let feeds = Arc::clone(&self.feeds);
        let frame: Bytes = frames.plain().clone();
        let mut made: Option<Forms> = None;
        move || {
            if made.is_none() {
                let numbered =
                    super::position::numbered(&frame, (offset, previous, room.as_ref()), mode)?;
                made = Some(Forms::new(Frames { bytes: numbered, count: 1 }, &feeds));
            }
            made.clone()
        }
    }
}
