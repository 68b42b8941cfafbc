//! Requests of `websocket control` that concern sessions of other instances.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use ferrowire_core::cluster::{Reply, Responder};
use ferrowire_core::{Map, NodeError, Value};
use futures_util::future::BoxFuture;

use crate::listener::cluster::{Others, WS};
use crate::listener::control::{Action, Changed, action_in, scope};
use crate::listener::listing::{Listed, PAGE, Page};
use crate::listener::sessions::Sessions;
use crate::listener::target::{Target, To, values};

/// An answer is at most about so long in bytes: NATS takes a MiB unless it is set up otherwise.
pub(super) const MOST_LISTED: usize = 512 * 1024;

/// Answers the requests of other instances.
pub(crate) struct Answering(Weak<Sessions>);

impl Answering {
    /// Answers about `sessions`.
    pub(crate) fn of(sessions: &Arc<Sessions>) -> Self {
        Answering(Arc::downgrade(sessions))
    }
}

impl Responder for Answering {
    fn respond(self: Arc<Self>, _: &str, request: Bytes) -> BoxFuture<'static, Vec<u8>> {
        Box::pin(async move {
            let answer = match (self.0.upgrade(), Value::from_json(&request)) {
                (Some(sessions), Ok(Value::Object(request))) => sessions.respond(&request).await,
                _ => Err(NodeError::new("the request is no object, or the listener stops")),
            };
            let answer = answer.unwrap_or_else(|error| {
                Map::from_iter([("error", Value::from(error.to_string()))])
            });
            Value::from(answer).to_json().into_bytes()
        })
    }
}

impl Sessions {
    /// Answers a request about the sessions of this instance.
    async fn respond(&self, request: &Map) -> Result<Map, NodeError> {
        match action_in(request) {
            "count" => Ok(Map::from_iter([("count", Value::from(self.count(&scope(request)?)))])),
            "roster" => Ok(self.roster(request)),
            "inspect" => Ok(self.inspect_for(request)),
            "ping" => Ok(self.ping_for(request).await),
            "list" => Ok(self.list(&scope(request)?, &Page::of(request)).cut_to(MOST_LISTED)),
            _ => {
                let (action, target) = (Action::parse(request)?, Target::parse(request)?);
                Ok(self.change_here(&action, &target).await.into())
            }
        }
    }
}

impl Others {
    /// Changes the sessions of the target that other instances have. Adds to what this one has changed.
    pub(crate) async fn change(&self, request: &Map, target: &Target, changed: &mut Changed) {
        if target.to != To::Sessions {
            let replies = self.cluster.ask_all(&self.subject(), &json(request)).await;
            changed.unanswered = replies.missing;
            for (_, answer) in replies.answers {
                changed.add(&answer);
            }
            return;
        }
        let names = std::mem::take(&mut changed.missing);
        let by_holder = self.by_holder(&names, &mut |_| {});
        changed.missing = names.iter().filter(|id| self.holder(id).is_none()).cloned().collect();
        for (holder, ids) in by_holder {
            let mut request = request.clone();
            request.insert("to", "sessions");
            request.insert("target", values(ids.iter().cloned()));
            match self.cluster.ask(holder, &self.subject(), &json(&request)).await {
                Some(Reply::Answer(answer)) => changed.add(&answer),
                Some(Reply::Nobody) => changed.missing.extend(ids),
                None => changed.unanswered.push(holder.to_owned()),
            }
        }
    }

    /// How many sessions of the request's scope other instances have, and which did not answer.
    pub(crate) async fn count(&self, request: &Map) -> (usize, Vec<String>) {
        let replies = self.cluster.ask_all(&self.subject(), &json(request)).await;
        let counts = replies.answers.iter().filter_map(|(_, answer)| number(answer, "count"));
        (counts.sum(), replies.missing)
    }

    /// A page of the sessions of all instances: one instance after the other, in the order of their
    /// names.
    pub(crate) async fn list(&self, sessions: &Sessions, request: &Map) -> Result<Map, NodeError> {
        let target = scope(request)?;
        let own = self.cluster.instance().to_owned();
        let names: BTreeSet<String> = self.cluster.others().into_iter().chain([own]).collect();
        let mut page = Page::of(request);
        let begin = page.instance.take().unwrap_or_default();
        let mut listing = Listing::default();
        for instance in names.into_iter().filter(|name| *name >= begin) {
            // The position is that of the first instance.
            let after = if instance == begin { page.after } else { 0 };
            if listing.sessions.len() >= PAGE {
                listing.cursor = Some(format!("{after}@{instance}"));
                break;
            }
            let most = PAGE - listing.sessions.len();
            let page = Page { after, most, instance: None };
            let cursor = match instance == self.cluster.instance() {
                true => listing.add(sessions.list(&target, &page)),
                false => self.page_of(&instance, (request, &page), &mut listing).await,
            };
            if let Some(after) = cursor {
                listing.cursor = Some(format!("{after}@{instance}"));
                break;
            }
        }
        if !self.cluster.is_connected() && self.cluster.others().is_empty() {
            listing.unanswered.push("*".to_owned());
        }
        Ok(listing.into())
    }

    /// Adds a page of another instance. Returns its cursor if there are more.
    async fn page_of(
        &self,
        instance: &str,
        (request, page): (&Map, &Page),
        listing: &mut Listing,
    ) -> Option<u64> {
        let mut request = request.clone();
        request.insert("cursor", page.after as f64);
        request.insert("limit", page.most);
        match self.cluster.ask(instance, &self.subject(), &json(&request)).await {
            Some(Reply::Answer(answer)) => {
                let answer = Value::from_json(&answer).unwrap_or_default();
                let list = answer.get("sessions").and_then(Value::as_array);
                listing.sessions.extend(list.into_iter().flatten().take(page.most).cloned());
                answer.get("cursor").and_then(Value::as_f64).map(|cursor| cursor as u64)
            }
            Some(Reply::Nobody) => None,
            None => {
                listing.unanswered.push(instance.to_owned());
                None
            }
        }
    }

    pub(super) fn subject(&self) -> [&str; 2] {
        [WS, &self.listener]
    }
}

/// A list of sessions of several instances.
#[derive(Default)]
struct Listing {
    sessions: Vec<Value>,
    cursor: Option<String>,
    unanswered: Vec<String>,
}

impl Listing {
    /// Adds the sessions of this instance. Returns the cursor if there are more.
    fn add(&mut self, listed: Listed) -> Option<u64> {
        let cursor = listed.cursor();
        self.sessions.extend(listed.sessions.into_iter().map(|(_, session)| session.into()));
        cursor
    }
}

impl From<Listing> for Map {
    fn from(listing: Listing) -> Self {
        let mut map = Map::from_iter([("sessions", Value::from(listing.sessions))]);
        if let Some(cursor) = listing.cursor {
            map.insert("cursor", cursor);
        }
        if !listing.unanswered.is_empty() {
            map.insert("unanswered", values(listing.unanswered));
        }
        map
    }
}

pub(super) fn json(request: &Map) -> Vec<u8> {
    Value::from(request.clone()).to_json().into_bytes()
}

fn number(answer: &[u8], name: &str) -> Option<usize> {
    let answer = Value::from_json(answer).ok()?;
    Some(answer.get(name)?.as_f64()? as usize)
}
