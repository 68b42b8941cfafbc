//! `Rooms`: named sets of sessions.
//!
//! A room exists while it has members. Both directions are kept, so that a session that ends leaves
//! its rooms without a search through all of them. Generic over what is kept for a member, which a
//! delivery to a room needs at hand.

use std::collections::HashMap;
use std::sync::Arc;

use ferrowire_core::Text;
use ferrowire_core::cluster::Interest;
use ferrowire_core::metric::Gauge;
use indexmap::IndexMap;
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::connection::forms::Feeds;

/// The longest name of a room in bytes.
pub(crate) const MAX_NAME: usize = 256;

/// One room.
pub(crate) struct Room<T> {
    /// The members by the numbers of their sessions.
    pub(crate) members: IndexMap<u64, T, FxBuildHasher>,
    /// Lists the messages to the room for members that lag behind.
    pub(crate) feeds: Arc<Feeds>,
    /// In a cluster: has other instances send what is for the room.
    _interest: Option<Interest>,
}

/// Makes the interest in a room.
type MakeInterest = Box<dyn Fn(&str) -> Interest + Send + Sync>;

/// Rooms by name, and the rooms of each session.
pub(crate) struct Rooms<T> {
    /// The names come from flows or clients, so the hash is a keyed one.
    by_name: HashMap<Text, Room<T>>,
    of_session: FxHashMap<u64, Vec<Text>>,
    /// Shows how many rooms there are.
    gauge: Option<&'static Gauge>,
    make_interest: Option<MakeInterest>,
}

impl<T> Default for Rooms<T> {
    fn default() -> Self {
        Rooms {
            by_name: HashMap::new(),
            of_session: FxHashMap::default(),
            gauge: None,
            make_interest: None,
        }
    }
}

impl<T> Drop for Rooms<T> {
    fn drop(&mut self) {
        self.count(-i64::try_from(self.by_name.len()).unwrap_or_default());
    }
}

impl<T> Rooms<T> {
    /// Shows at `gauge` how many rooms there are from now on.
    pub(crate) fn count_at(&mut self, gauge: &'static Gauge) {
        self.gauge = Some(gauge);
    }

    fn count(&self, change: i64) {
        if let Some(gauge) = self.gauge {
            gauge.add(change);
        }
    }
}

/// A session is in as many rooms as it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany;

impl<T: Clone> Rooms<T> {
    /// No rooms yet. Each has an interest while it exists.
    pub(crate) fn with_interests(
        make_interest: impl Fn(&str) -> Interest + Send + Sync + 'static,
    ) -> Self {
        let mut rooms = Rooms::default();
        rooms.make_interest = Some(Box::new(make_interest));
        rooms
    }

    /// Adds the session `number` to `room`, of at most `most` rooms that it may be in. Returns
    /// whether it was not in it yet.
    pub(crate) fn join(
        &mut self,
        (number, member): (u64, &T),
        room: &str,
        most: usize,
    ) -> Result<bool, TooMany> {
        let known = self.by_name.get_key_value(room);
        if known.is_some_and(|(_, known)| known.members.contains_key(&number)) {
            return Ok(false);
        }
        let rooms = self.of_session.entry(number).or_default();
        if rooms.len() >= most {
            if rooms.is_empty() {
                self.of_session.remove(&number);
            }
            return Err(TooMany);
        }
        // The name's own copy: a name from a message may be a part of a large buffer.
        let name = known.map_or_else(|| Text::from(room), |(name, _)| name.clone());
        rooms.push(name.clone());
        if known.is_none() {
            self.count(1);
        }
        let make_interest = self.make_interest.as_ref();
        let room = self.by_name.entry(name).or_insert_with_key(|name| Room {
            members: IndexMap::default(),
            feeds: Arc::default(),
            _interest: make_interest.map(|make| make(name)),
        });
        room.members.insert(number, member.clone());
        Ok(true)
    }

    /// Removes the session from `room`. Returns whether it was in it.
    pub(crate) fn leave(&mut self, number: u64, room: &str) -> bool {
        if !self.remove(number, room) {
            return false;
        }
        if let Some(rooms) = self.of_session.get_mut(&number) {
            if let Some(at) = rooms.iter().position(|name| name.as_str() == room) {
                rooms.swap_remove(at);
            }
            if rooms.is_empty() {
                self.of_session.remove(&number);
            }
        }
        true
    }

    /// Removes the session from all its rooms, and returns their names.
    pub(crate) fn leave_all(&mut self, number: u64) -> Vec<Text> {
        let rooms = self.of_session.remove(&number).unwrap_or_default();
        for room in &rooms {
            self.remove(number, room);
        }
        rooms
    }

    fn remove(&mut self, number: u64, name: &str) -> bool {
        let Some(room) = self.by_name.get_mut(name) else { return false };
        let was_in = room.members.swap_remove(&number).is_some();
        if room.members.is_empty() {
            self.by_name.remove(name);
            self.count(-1);
        }
        was_in
    }

    /// The room `name`, if it has members.
    pub(crate) fn room(&self, name: &str) -> Option<&Room<T>> {
        self.by_name.get(name)
    }

    /// The names of the rooms that the session is in.
    pub(crate) fn of(&self, number: u64) -> &[Text] {
        self.of_session.get(&number).map_or(&[], Vec::as_slice)
    }

    /// The names and rooms, in no order.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (&Text, &Room<T>)> {
        self.by_name.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Join(u64, String),
        Leave(u64, String),
        LeaveAll(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let session = || 0u64..6;
        let room = || "[a-d]{1,2}";
        prop_oneof![
            3 => (session(), room()).prop_map(|(session, room)| Step::Join(session, room)),
            2 => (session(), room()).prop_map(|(session, room)| Step::Leave(session, room)),
            1 => session().prop_map(Step::LeaveAll),
        ]
    }

    /// What both directions of the tables say, and whether an empty room or session was left.
    fn assert_same(rooms: &Rooms<u64>, model: &BTreeMap<u64, BTreeSet<String>>) {
        let mut seen: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
        for (name, room) in rooms.iter() {
            assert!(!room.members.is_empty(), "the room {name:?} is empty");
            for (number, member) in &room.members {
                assert_eq!(number, member);
                seen.entry(*number).or_default().insert(name.to_string());
            }
        }
        assert_eq!(&seen, model);
        assert_eq!(rooms.of_session.len(), model.len());
        for (number, names) in model {
            let of: BTreeSet<String> = rooms.of(*number).iter().map(Text::to_string).collect();
            assert_eq!(&of, names);
        }
    }

    proptest! {
        #[test]
        fn joins_and_leaves_in_any_order_leave_no_member_behind(
            steps in proptest::collection::vec(step(), 0..200)
        ) {
            const MOST: usize = 4;
            let mut rooms = Rooms::default();
            let mut model: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
            for step in steps {
                match step {
                    Step::Join(session, room) => {
                        let of = model.get(&session).cloned().unwrap_or_default();
                        let expected = match of.contains(&room) {
                            true => Ok(false),
                            false if of.len() == MOST => Err(TooMany),
                            false => Ok(true),
                        };
                        assert_eq!(rooms.join((session, &session), &room, MOST), expected);
                        if expected == Ok(true) {
                            model.entry(session).or_default().insert(room);
                        }
                    }
                    Step::Leave(session, room) => {
                        let was_in = model.get_mut(&session).is_some_and(|of| of.remove(&room));
                        assert_eq!(rooms.leave(session, &room), was_in);
                    }
                    Step::LeaveAll(session) => {
                        let left: BTreeSet<String> =
                            rooms.leave_all(session).iter().map(Text::to_string).collect();
                        assert_eq!(left, model.remove(&session).unwrap_or_default());
                    }
                }
                model.retain(|_, of| !of.is_empty());
                assert_same(&rooms, &model);
            }
            for session in 0..6 {
                rooms.leave_all(session);
            }
            assert_same(&rooms, &BTreeMap::new());
        }
    }

    #[test]
    fn a_session_that_may_join_no_room_leaves_nothing_behind() {
        let mut rooms = Rooms::default();
        assert_eq!(rooms.join((1, &1), "a", 0), Err(TooMany));
        assert_same(&rooms, &BTreeMap::new());
    }
}
