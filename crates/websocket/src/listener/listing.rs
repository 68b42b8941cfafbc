//! Lists and counts sessions. A list has pages, since a listener may have 100,000 sessions.

use std::collections::BinaryHeap;
use std::net::IpAddr;
use std::time::UNIX_EPOCH;

use ferrowire_core::{Key, Map, Value};

use crate::listener::member::{Client, Member};
use crate::listener::sessions::Sessions;
use crate::listener::target::{Target, To};

/// The sessions of a page.
const PAGE: usize = 1_000;

/// A page of a list: sessions in the order of their connects, after the one with the number
/// `after`. Sessions that come or go meanwhile shift no other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    after: u64,
}

impl Page {
    /// Reads `cursor`.
    pub(crate) fn of(request: &Map) -> Self {
        let cursor = request.get("cursor").and_then(Value::as_f64);
        Page { after: cursor.map_or(0, |cursor| cursor as u64) }
    }
}

/// A session in a heap, ordered by its number.
struct Numbered(Client);

impl PartialEq for Numbered {
    fn eq(&self, other: &Self) -> bool {
        self.0.member.number == other.0.member.number
    }
}

impl Eq for Numbered {}

impl PartialOrd for Numbered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Numbered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.member.number.cmp(&other.0.member.number)
    }
}

impl Sessions {
    /// A page of the sessions of a target: `{sessions, cursor}`, the cursor if there are more.
    pub(crate) fn list(&self, target: &Target, page: Page) -> Map {
        // The first sessions after the cursor, the last of them on top; one more than a page.
        let mut first: BinaryHeap<Numbered> = BinaryHeap::new();
        self.each(target, &mut |client| {
            let number = client.member.number;
            let is_early = || first.peek().is_none_or(|last| number < last.0.member.number);
            if number > page.after && (first.len() <= PAGE || is_early()) {
                first.push(Numbered(client.clone()));
                if first.len() > PAGE + 1 {
                    first.pop();
                }
            }
        });
        let mut listed = first.into_sorted_vec();
        let has_more = listed.len() > PAGE;
        listed.truncate(PAGE);
        let cursor = listed.last().filter(|_| has_more).map(|last| last.0.member.number);
        let sessions: Vec<Value> =
            listed.iter().map(|Numbered(client)| self.described(&client.member).into()).collect();
        let mut list = Map::from_iter([("sessions", Value::from(sessions))]);
        if let Some(cursor) = cursor {
            list.insert("cursor", cursor);
        }
        list
    }

    /// How many sessions the target has.
    pub(crate) fn count(&self, target: &Target) -> usize {
        if target.to == To::All && target.except.is_none() {
            return self.clients().by_session.len();
        }
        let mut count = 0;
        self.each(target, &mut |_| count += 1);
        count
    }

    fn described(&self, member: &Member) -> Map {
        let since = member.connected.duration_since(UNIX_EPOCH).unwrap_or_default();
        let mut map = Map::with_capacity(8);
        map.insert("id", member.session.id.clone());
        if let Some(user) = &member.user {
            map.insert("user", user.clone());
        }
        for detail in ["path", "params"] {
            if let Some(value) = member.session.value.get(detail) {
                map.insert(Key::new_static(detail), value.clone());
            }
        }
        let ip: IpAddr = member.peer.ip().to_canonical();
        map.insert("ip", ip.to_string());
        map.insert("since", since.as_millis() as f64);
        let groups = self.groups();
        let rooms: Vec<Value> =
            groups.rooms.of(member.number).iter().cloned().map(Value::from).collect();
        map.insert("rooms", rooms);
        if let Some(data) = member.data() {
            map.insert("data", data);
        }
        map
    }
}
