//! What a journal tells: it becomes the history of a place, and is sent to the members.

use std::sync::Arc;

use bytes::BytesMut;
use ferrowire_core::cluster::{JournalEntry, Past, Told};
use ferrowire_core::{Handled, MutexExt as _, Text};
use futures_util::future::BoxFuture;

use crate::connection::forms::Forms;
use crate::frame::{Payload, Role, put_frame};
use crate::listener::cluster::Letter;
use crate::listener::delivery::Delivery;
use crate::listener::history::kept::Kept;
use crate::listener::history::store::Place;
use crate::listener::history::{Ask, Followed, Heard, History, HistoryOptions};
use crate::listener::member::Client;
use crate::listener::sessions::{Groups, Sessions};
use crate::listener::target::{Target, To};
use crate::metrics;
use crate::settings::SlowPeer;

impl Sessions {
    /// Takes what a journal tells. Returns what has to be waited for.
    pub(crate) fn hear(self: &Arc<Self>, heard: Heard) -> Option<BoxFuture<'static, ()>> {
        let history = self.history.as_ref()?;
        let followed = history.followed.as_ref()?;
        let Heard { place, number, told } = heard;
        let place = place.as_ref();
        match told {
            Told::Past(past) => self.begin(history, followed, (place, number), past),
            Told::Entry(entry) if followed.is_present(place, number) => {
                let handled = self.deliver_entry(history, place, entry);
                return self.waits(handled);
            }
            Told::Entry(_) => {}
            Told::Unusable(why) => self.do_without(history, followed, (place, number), &why),
        }
        None
    }

    /// Begins the history of a place with what is kept, which those who wait for it get.
    fn begin(
        &self,
        history: &History,
        followed: &Followed,
        (place, number): (Place<'_>, u64),
        past: Past,
    ) {
        let kept = self.kept(past);
        let (clients, groups) = (self.clients(), self.groups());
        let Some(mut waiting) = followed.arrived(place, number) else { return };
        if waiting.is_empty() {
            // It is another journal than before, if somebody is here already.
            let members: Vec<Client> = match place {
                None => clients.by_session.values().cloned().collect(),
                Some(room) => members(&groups, room),
            };
            let with_offsets = members.into_iter().filter(|client| client.member.offsets);
            waiting = with_offsets.map(|client| (client, Ask::After(None))).collect();
        }
        history.store.locked().begin(place, kept);
        give(history, place, &groups, waiting);
    }

    /// The messages of a journal as a history keeps them.
    fn kept(&self, past: Past) -> Kept {
        let mut kept = Kept::at(past.epoch.into(), past.lost, past.lost);
        let Some((options, _)) = &self.rules.history else { return kept };
        for entry in past.entries {
            let JournalEntry { sequence, previous, message, age } = entry;
            if let Some(letter) = self.letter(message) {
                let mut frame = BytesMut::new();
                let payload = &letter.payload;
                put_frame(&mut frame, Role::Server, payload.opcode(), payload.as_bytes());
                let topic = key(options, &letter);
                kept.push_numbered((sequence, previous, age), frame.freeze(), topic, options);
            }
        }
        kept.advance(past.last);
        kept
    }

    fn letter(&self, message: bytes::Bytes) -> Option<Letter> {
        Letter::parse(message)
            .inspect_err(|why| {
                metrics::DROPPED_CLUSTER.increment();
                self.cx.warn(format_args!("a message of a history was dropped: {why}"));
            })
            .ok()
    }

    /// Keeps a message and sends it to the members of its place.
    fn deliver_entry(
        self: &Arc<Self>,
        history: &History,
        place: Place<'_>,
        entry: JournalEntry,
    ) -> Handled {
        let JournalEntry { sequence, previous, message, age } = entry;
        let Some((options, _)) = &self.rules.history else { return Handled::Done };
        let Some(letter) = self.letter(message) else { return Handled::Done };
        let frames = self.frames_of(place, &letter.payload);
        let topic = letter.topic.as_ref().filter(|_| self.rules.slow_peer == SlowPeer::Latest);
        let except = letter.target.except.as_ref().and_then(|id| self.client(id));
        let mut delivery = Delivery::new(self, &frames, topic);
        let (clients, groups) = (self.clients(), self.groups());
        let mut store = history.store.locked();
        let content = (frames.plain(), key(options, &letter));
        store.push_numbered(place, (sequence, previous, age), content);
        let numbers = (sequence, Some(previous), place.cloned());
        let mut numbered = history.form(store.mode(), &frames, numbers);
        let mut give = |client: &Client| {
            if except.as_ref().is_none_or(|it| it.member.number != client.member.number) {
                delivery.give_form(client, &mut numbered);
            }
        };
        match place {
            None => clients.by_session.values().for_each(give),
            Some(name) => {
                let earlier = earlier(&letter.target, name);
                let members = groups.rooms.room(name).map(|room| room.members.values());
                let has_got_it = |client: &&Client| is_in_one(&groups, earlier, client);
                members.into_iter().flatten().filter(|it| !has_got_it(it)).for_each(&mut give);
            }
        }
        drop(store);
        drop((clients, groups));
        delivery.finish()
    }

    fn frames_of(&self, place: Place<'_>, payload: &Payload) -> Forms {
        let target = match place {
            None => Target::all(),
            Some(room) => Target { to: To::Rooms, names: vec![room.clone()], except: None },
        };
        self.frames_for(&target, payload)
    }

    /// There is no journal: the histories are those of this instance.
    fn do_without(
        &self,
        history: &History,
        followed: &Followed,
        (place, number): (Place<'_>, u64),
        why: &str,
    ) {
        let (_clients, groups) = (self.clients(), self.groups());
        if followed.give_up() {
            history.store.locked().follow(false);
            self.cx.error(format_args!(
                "the history is in memory of this instance alone, until the node is restarted: {why}"
            ));
        }
        let waiting = followed.arrived(place, number).unwrap_or_default();
        give(history, place, &groups, waiting);
    }
}

/// Gives clients what they get of a history, if they are still there.
fn give(history: &History, place: Place<'_>, groups: &Groups, clients: Vec<(Client, Ask)>) {
    for (client, ask) in clients {
        let number = client.member.number;
        let is_member = |room: &Text| {
            groups.rooms.room(room).is_some_and(|it| it.members.contains_key(&number))
        };
        if place.is_none_or(is_member) {
            let frames = history.store.locked().replay(place, &ask);
            client.connection.replay(&frames);
        }
    }
}

/// The topic by which a history keeps a message.
fn key(options: &HistoryOptions, letter: &Letter) -> Text {
    letter.topic.clone().filter(|_| options.by_topic).unwrap_or_default()
}

fn members(groups: &Groups, room: &str) -> Vec<Client> {
    let members = groups.rooms.room(room).map(|room| room.members.values().cloned());
    members.into_iter().flatten().collect()
}

/// The rooms of a message to several ones that come before `room`: each of them has the message too.
fn earlier<'a>(target: &'a Target, room: &Text) -> &'a [Text] {
    let at = target.names.iter().position(|name| name == room).unwrap_or(0);
    target.names.get(..at).unwrap_or_default()
}

fn is_in_one(groups: &Groups, rooms: &[Text], client: &Client) -> bool {
    let number = client.member.number;
    let mut found = rooms.iter().filter_map(|name| groups.rooms.room(name));
    found.any(|room| room.members.contains_key(&number))
}
