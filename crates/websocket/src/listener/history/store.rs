//! `Store`: the histories of a listener and of its rooms, within one bound.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ferrowire_core::Text;
use tokio::time::Instant;

use crate::listener::history::kept::Kept;
use crate::listener::history::position::{introduction, numbered};
use crate::listener::history::{Ask, HistoryOptions, UNUSED};
use crate::metrics::{HISTORY_LOST, HISTORY_RECOVERED};
use crate::payload::Mode;

/// The most rooms with a history. The one that has waited longest for a message is dropped.
const MOST_ROOMS: usize = 10_000;

/// The bytes of all histories of a listener, and of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) all: usize,
    pub(crate) one: usize,
}

/// Whose history: the listener's, or that of a room.
pub(crate) type Place<'a> = Option<&'a Text>;

/// All histories of a listener.
#[derive(Debug)]
pub(crate) struct Store {
    options: HistoryOptions,
    bounds: Bounds,
    mode: Mode,
    /// The messages are those of a journal, and of a room all or none are there.
    follows: bool,
    listener: Kept,
    rooms: HashMap<Text, Room>,
    /// The rooms in the order of their last messages.
    by_use: BTreeMap<u64, Text>,
    uses: u64,
    bytes: usize,
}

#[derive(Debug)]
struct Room {
    kept: Kept,
    used: u64,
    used_at: Instant,
}

impl Store {
    pub(crate) fn new(options: HistoryOptions, bounds: Bounds, mode: Mode) -> Self {
        Store {
            options,
            bounds,
            mode,
            follows: false,
            listener: Kept::new(),
            rooms: HashMap::new(),
            by_use: BTreeMap::new(),
            uses: 0,
            bytes: 0,
        }
    }

    /// Keeps a message and returns its offset.
    pub(crate) fn push(&mut self, place: Place<'_>, frame: &Bytes, topic: Text) -> u64 {
        let (options, most) = (self.options, self.bounds.one);
        let mut kept = self.take(place);
        let offset = kept.push(Bytes::copy_from_slice(frame), topic, &options);
        kept.trim(&options, most);
        self.put(place, kept);
        self.shrink();
        offset
    }

    /// Has the messages and offsets of a journal from now on, or no more.
    pub(crate) fn follow(&mut self, follows: bool) {
        self.follows = follows;
    }

    /// Begins the history of a place with what a journal has.
    pub(crate) fn begin(&mut self, place: Place<'_>, mut kept: Kept) {
        kept.trim(&self.options, self.bounds.one);
        self.take(place);
        self.put(place, kept);
        self.shrink();
    }

    /// Keeps a message that has an offset already.
    pub(crate) fn push_numbered(
        &mut self,
        place: Place<'_>,
        numbers: (u64, u64, Duration),
        (frame, topic): (&Bytes, Text),
    ) {
        let (options, most) = (self.options, self.bounds.one);
        let mut kept = self.take(place);
        kept.push_numbered(numbers, Bytes::copy_from_slice(frame), topic, &options);
        kept.trim(&options, most);
        self.put(place, kept);
        self.shrink();
    }

    /// Takes a history out, so that its bytes are counted once it is back.
    fn take(&mut self, place: Place<'_>) -> Kept {
        let kept = match place {
            None => std::mem::replace(&mut self.listener, Kept::new()),
            Some(name) => self.remove(name).unwrap_or_else(Kept::new),
        };
        if place.is_none() {
            self.bytes -= kept.bytes();
        }
        kept
    }

    fn put(&mut self, place: Place<'_>, kept: Kept) {
        self.bytes += kept.bytes();
        let Some(name) = place else {
            self.listener = kept;
            return;
        };
        self.uses += 1;
        let room = Room { kept, used: self.uses, used_at: Instant::now() };
        self.by_use.insert(self.uses, name.clone());
        self.rooms.insert(name.clone(), room);
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<Kept> {
        let room = self.rooms.remove(name)?;
        self.by_use.remove(&room.used);
        self.bytes -= room.kept.bytes();
        Some(room.kept)
    }

    /// Drops histories of rooms until the rest is within the bounds, and then messages of the
    /// listener's.
    fn shrink(&mut self) {
        while (self.bytes > self.bounds.all || self.by_use.len() > MOST_ROOMS)
            && let Some((_, name)) = self.by_use.first_key_value()
        {
            let name = name.clone();
            self.drop_room(&name);
        }
        while self.bytes > self.bounds.all && !self.listener.is_empty() {
            let before = self.listener.bytes();
            self.listener.pop();
            self.bytes -= before - self.listener.bytes();
        }
    }

    /// Drops the history of a room. That of a journal goes on without the messages.
    fn drop_room(&mut self, name: &str) {
        match self.rooms.get_mut(name).filter(|_| self.follows) {
            Some(room) => {
                self.bytes -= room.kept.bytes();
                room.kept.clear();
                self.by_use.remove(&room.used);
            }
            None => {
                self.remove(name);
            }
        }
    }

    /// Drops messages that are too old, and histories of rooms that nobody has sent to for long.
    pub(crate) fn expire(&mut self) {
        let (options, most) = (self.options, self.bounds.one);
        let mut kept = self.take(None);
        kept.trim(&options, most);
        self.put(None, kept);
        if self.follows && options.age.is_none() {
            return;
        }
        let (now, unused) = (Instant::now(), options.age.unwrap_or(UNUSED));
        while let Some((_, name)) = self.by_use.first_key_value()
            && self.rooms.get(name).is_some_and(|room| room.used_at + unused <= now)
        {
            let name = name.clone();
            self.drop_room(&name);
        }
    }

    /// The frames for a client that connects or joins now. The caller registers it before anything
    /// else is sent.
    pub(crate) fn replay(&mut self, place: Place<'_>, ask: &Ask) -> Vec<Bytes> {
        let (options, most, mode) = (self.options, self.bounds.one, self.mode);
        let kept = match place {
            None => &mut self.listener,
            Some(name) if self.rooms.contains_key(name) || *ask != Ask::Plain => {
                // A position in a room that nobody has sent to is one of its history.
                let kept = self.take(place);
                self.put(place, kept);
                match self.rooms.get_mut(name) {
                    Some(room) => &mut room.kept,
                    None => return Vec::new(),
                }
            }
            Some(_) => return Vec::new(),
        };
        let before = kept.bytes();
        kept.trim(&options, most);
        self.bytes -= before - kept.bytes();
        let (recovered, from) = match ask {
            Ask::Plain => return kept.after(0).map(|(_, entry)| entry.frame.clone()).collect(),
            Ask::All => (None, 0),
            Ask::After(Some(position)) if kept.covers(position) => {
                HISTORY_RECOVERED.increment();
                (Some(true), position.offset)
            }
            Ask::After(_) => {
                HISTORY_LOST.increment();
                (Some(false), 0)
            }
        };
        let first = introduction(place, &kept.position(), recovered);
        let rest = kept
            .after(from)
            .filter_map(|(offset, entry)| numbered(&entry.frame, (offset, None, place), mode))
            .map(BytesMut::freeze);
        [first].into_iter().chain(rest).collect()
    }

    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(bounds: Bounds) -> Store {
        let options = HistoryOptions { messages: 100, age: None, by_topic: false };
        Store::new(options, bounds, Mode::Payload)
    }

    fn frame(text: &str) -> Bytes {
        let mut frame = BytesMut::new();
        let payload = crate::frame::Payload::Text(text.into());
        crate::frame::put_frame(
            &mut frame,
            crate::frame::Role::Server,
            payload.opcode(),
            payload.as_bytes(),
        );
        frame.freeze()
    }

    /// The bytes are those of all histories.
    fn assert_counted(store: &Store) {
        let rooms = store.rooms.values().map(|room| room.kept.bytes()).sum::<usize>();
        assert_eq!(store.bytes, rooms + store.listener.bytes());
        assert_eq!(store.by_use.len(), store.rooms.len());
    }

    #[tokio::test(start_paused = true)]
    async fn the_histories_of_all_rooms_are_bounded_and_those_used_last_stay() {
        let mut store = store(Bounds { all: 10_000, one: 5_000 });
        for number in 0..1_000 {
            let room = Text::from(format!("room {number}"));
            store.push(Some(&room), &frame("text"), Text::new());
            store.push(None, &frame("text"), Text::new());
            assert!(store.bytes <= 10_000);
            assert_counted(&store);
        }
        assert!(store.rooms.contains_key("room 999") && !store.rooms.contains_key("room 0"));
        store.expire();
        assert!(!store.rooms.is_empty());
        tokio::time::advance(UNUSED + Duration::from_secs(1)).await;
        store.expire();
        assert!(store.rooms.is_empty());
        assert_counted(&store);
    }

    #[tokio::test(start_paused = true)]
    async fn who_names_a_position_gets_what_came_after_it_or_is_told_that_it_is_lost() {
        let mut store = store(Bounds { all: 1 << 20, one: 1 << 20 });
        let room = Text::from("r");
        let text = |frames: Vec<Bytes>| -> Vec<String> {
            let text = |frame: &Bytes| String::from_utf8_lossy(&frame[2..]).into_owned();
            frames.iter().map(text).collect()
        };
        let first = text(store.replay(Some(&room), &Ask::All)).remove(0);
        let position = first.split("\"position\":\"").nth(1).unwrap();
        let position = position.split('"').next().unwrap();
        store.push(Some(&room), &frame("one"), Text::new());
        store.push(Some(&room), &frame("two"), Text::new());
        let plain = text(store.replay(Some(&room), &Ask::Plain));
        assert_eq!(plain, ["one", "two"]);
        let after = text(store.replay(Some(&room), &Ask::parse(position)));
        assert!(after[0].contains("\"recovered\":true"), "{after:?}");
        assert_eq!(
            after[1..],
            [r#"{"offset":1,"room":"r","data":"one"}"#, r#"{"offset":2,"room":"r","data":"two"}"#,]
        );
        let lost = text(store.replay(Some(&room), &Ask::parse("0badc0de:1")));
        assert!(lost[0].contains("\"recovered\":false") && lost.len() == 3, "{lost:?}");
        assert_counted(&store);
    }
}
