//! The sessions and rooms of all instances, for the admin API.

use std::collections::BTreeSet;

use ferrowire_core::cluster::Reply;
use ferrowire_core::{Map, Value};

use crate::listener::cluster::Others;
use crate::listener::cluster::requests::{MOST_LISTED, json};
use crate::listener::inspect::{Page, What};
use crate::listener::sessions::Sessions;

/// The answer to a ping of a session of another instance.
pub(crate) enum Pinged {
    /// The milliseconds.
    After(f64),
    Gone,
    Silent,
}

impl Others {
    /// A page of a list: one instance after the other, in the order of their names. `unanswered` names those that did
    /// not answer.
    pub(crate) async fn inspect(&self, sessions: &Sessions, what: What, page: Page) -> Map {
        let own = self.cluster.instance().to_owned();
        let names: BTreeSet<String> = self.cluster.others().into_iter().chain([own]).collect();
        let (mut total, mut list, mut unanswered) = (0, Vec::new(), Vec::new());
        for instance in names {
            let rest = Page {
                offset: page.offset.saturating_sub(total),
                limit: page.limit.saturating_sub(list.len()),
            };
            let found = match instance == self.cluster.instance() {
                true => Some(Value::from(sessions.inspect_here(what, rest))),
                false => self.inspect_at(&instance, what, rest).await,
            };
            let Some(found) = found else {
                unanswered.push(Value::from(instance));
                continue;
            };
            let number = found.get("total").and_then(Value::as_f64).unwrap_or_default();
            total += number as usize;
            let entries = found.get(what.name()).and_then(Value::as_array);
            let entries = entries.into_iter().flatten().take(rest.limit);
            list.extend(entries.map(|entry| at(entry.clone(), &instance)));
        }
        let mut map =
            Map::from_iter([("total", Value::from(total as f64)), (what.name(), list.into())]);
        if !unanswered.is_empty() {
            map.insert("unanswered", unanswered);
        }
        map
    }

    /// What another instance has; nothing if it has no such listener, and `None` if it does not answer.
    async fn inspect_at(&self, instance: &str, what: What, page: Page) -> Option<Value> {
        let request = Map::from_iter([
            ("action", Value::from("inspect")),
            ("what", what.name().into()),
            ("offset", (page.offset as f64).into()),
            ("limit", (page.limit as f64).into()),
        ]);
        match self.cluster.ask(instance, &self.subject(), &json(&request)).await? {
            Reply::Answer(answer) => Value::from_json(&answer).ok(),
            Reply::Nobody => Some(Map::new().into()),
        }
    }

    /// Pings a session of another instance; `None` if it is none.
    pub(crate) async fn ping(&self, id: &str) -> Option<Pinged> {
        let holder = self.holder(id)?;
        let request =
            Map::from_iter([("action", Value::from("ping")), ("session", Value::from(id))]);
        Some(match self.cluster.ask(holder, &self.subject(), &json(&request)).await {
            Some(Reply::Answer(answer)) => {
                let answer = Value::from_json(&answer).unwrap_or_default();
                match answer.get("milliseconds").and_then(Value::as_f64) {
                    Some(time) => Pinged::After(time),
                    None if answer.get("silent").is_some() => Pinged::Silent,
                    None => Pinged::Gone,
                }
            }
            Some(Reply::Nobody) => Pinged::Gone,
            None => Pinged::Silent,
        })
    }
}

impl Sessions {
    /// Answers another instance that asks for a page of a list.
    pub(super) fn inspect_for(&self, request: &Map) -> Map {
        let number = |name: &str| request.get(name).and_then(Value::as_f64).unwrap_or_default();
        let page = Page { offset: number("offset") as usize, limit: number("limit") as usize };
        let what = What::of(request.get("what").and_then(Value::as_str).unwrap_or_default());
        let mut found = self.inspect_here(what, page);
        let mut length = 0;
        let list = found
            .get(what.name())
            .and_then(Value::as_array)
            .map(<[Value]>::to_vec)
            .unwrap_or_default();
        let fits = |entry: &&Value| {
            length += entry.to_json().len();
            length <= MOST_LISTED
        };
        let fitting: Vec<Value> = list.iter().take_while(fits).cloned().collect();
        found.insert(what.name(), fitting);
        found
    }

    /// Answers another instance that wants a session to be pinged.
    pub(super) async fn ping_for(&self, request: &Map) -> Map {
        let id = request.get("session").and_then(Value::as_str).unwrap_or_default();
        match self.ping_here(id).await {
            Pinged::After(time) => Map::from_iter([("milliseconds", Value::from(time))]),
            Pinged::Gone => Map::new(),
            Pinged::Silent => Map::from_iter([("silent", Value::from(true))]),
        }
    }
}

/// An entry with the instance that it is of.
fn at(mut entry: Value, instance: &str) -> Value {
    if let Some(entry) = entry.as_object_mut() {
        entry.insert("instance", instance);
    }
    entry
}
