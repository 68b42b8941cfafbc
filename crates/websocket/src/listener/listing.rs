//! Lists and counts sessions. A list has pages, since a listener may have 100,000 sessions.

use std::collections::BinaryHeap;
use std::net::IpAddr;
use std::time::UNIX_EPOCH;

use ferrowire_core::{Key, Map, Value};

use crate::listener::member::{Client, Member};
use crate::listener::sessions::Sessions;
use crate::listener::target::{Target, To, values};

/// The sessions of a page.
pub(crate) const PAGE: usize = 1_000;

/// A page of a list: sessions in the order of their connects, after the one with the number
/// `after`. Sessions that come or go meanwhile shift no other.
#[derive(Clone, Debug)]
pub(crate) struct Page {
    pub(crate) after: u64,
    /// The most sessions.
    pub(crate) most: usize,
    /// In a cluster: the instance whose sessions are listed first.
    pub(crate) instance: Option<String>,
}

impl Page {
    /// Reads `cursor`: a number, or in a cluster `NUMBER@INSTANCE`; and `limit`, which other instances
    /// set.
    pub(crate) fn of(request: &Map) -> Self {
        let limit = request.get("limit").and_then(Value::as_f64);
        let most = limit.map_or(PAGE, |limit| limit as usize).min(PAGE);
        let (after, instance) = match request.get("cursor") {
            Some(Value::String(text)) => match text.split_once('@') {
                Some((number, instance)) => (number.parse().ok(), Some(instance.to_owned())),
                None => (text.parse().ok(), None),
            },
            cursor => (cursor.and_then(Value::as_f64).map(|cursor| cursor as u64), None),
        };
        Page { after: after.unwrap_or(0), most, instance }
    }
}

/// A page of the sessions of this instance.
#[derive(Debug)]
pub(crate) struct Listed {
    /// The sessions with their numbers.
    pub(crate) sessions: Vec<(u64, Map)>,
    has_more: bool,
}

impl Listed {
    /// After which session the next page begins, if there is one.
    pub(crate) fn cursor(&self) -> Option<u64> {
        self.sessions.last().filter(|_| self.has_more).map(|(number, _)| *number)
    }

    /// The page, ended early if it would be longer than about `most` bytes.
    pub(crate) fn cut_to(mut self, most: usize) -> Map {
        let mut length = 0;
        let mut is_short = |(_, session): &(u64, Map)| {
            length += Value::from(session.clone()).to_json().len();
            length <= most
        };
        // One is listed in any case, so that the pages come to an end.
        let fitting = self.sessions.iter().take_while(|it| is_short(it)).count().max(1);
        self.has_more |= fitting < self.sessions.len();
        self.sessions.truncate(fitting);
        self.into()
    }
}

impl From<Listed> for Map {
    fn from(listed: Listed) -> Self {
        let cursor = listed.cursor();
        let sessions: Vec<Value> =
            listed.sessions.into_iter().map(|(_, session)| session.into()).collect();
        let mut map = Map::from_iter([("sessions", Value::from(sessions))]);
        if let Some(cursor) = cursor {
            map.insert("cursor", cursor);
        }
        map
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
    /// A page of the sessions of a target.
    pub(crate) fn list(&self, target: &Target, page: &Page) -> Listed {
        // The first sessions after the cursor, the last of them on top; one more than a page.
        let mut first: BinaryHeap<Numbered> = BinaryHeap::new();
        self.each(target, &mut |client| {
            let number = client.member.number;
            let is_early = || first.peek().is_none_or(|last| number < last.0.member.number);
            if number > page.after && (first.len() <= page.most || is_early()) {
                first.push(Numbered(client.clone()));
                if first.len() > page.most + 1 {
                    first.pop();
                }
            }
        });
        let mut listed = first.into_sorted_vec();
        let has_more = listed.len() > page.most;
        listed.truncate(page.most);
        let described =
            |Numbered(client): &Numbered| (client.member.number, self.described(&client.member));
        Listed { sessions: listed.iter().map(described).collect(), has_more }
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
        map.insert("rooms", values(groups.rooms.of(member.number).iter().cloned()));
        if let Some(data) = member.data() {
            map.insert("data", data);
        }
        map
    }
}
