//! Events of the sessions of other instances, for `websocket in` nodes that ask for them (`eventsOf`).
//!
//! Every instance says which of its sessions connect and disconnect, and remembers those of the others: when an
//! instance is gone, so are its sessions. What was missed is made up for by asking for the sessions that there are.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ferrowire_core::cluster::{Interest, Receiver, Reply};
use ferrowire_core::{Key, Map, Users, Value};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::events::{self, By, LOST};
use crate::listener::cluster::Others;
use crate::listener::cluster::requests::{MOST_LISTED, json};
use crate::listener::member::{Client, Member};
use crate::listener::sessions::Sessions;
use crate::metrics;

/// How many events may wait. Beyond them, the sessions are asked for again.
const WAITING: usize = 4_096;

/// How many sessions of others are remembered. Further ones are told of, but not when their instance is gone.
const MOST: usize = 100_000;

/// How often is looked who is there.
const LOOK: Duration = Duration::from_millis(500);

/// Takes what other instances say of their sessions.
struct Inbox {
    queue: mpsc::Sender<(String, Bytes)>,
    has_missed: Arc<AtomicBool>,
}

impl Receiver for Inbox {
    fn receive(&self, from: &str, message: Bytes) {
        if self.queue.try_send((from.to_owned(), message)).is_err() {
            metrics::DROPPED_CLUSTER.increment();
            self.has_missed.store(true, Ordering::Relaxed);
        }
    }
}

/// Tells the events of other instances while a node asks for them.
pub(super) async fn run(sessions: Arc<Sessions>, others: Arc<Others>) {
    let mut users = sessions.cx.users();
    while users.wait_for(is_asked).await.is_ok() {
        others.tells_events.store(true, Ordering::Relaxed);
        let watch = Watch::begin(&sessions, &others);
        tokio::select! {
            () = watch.run() => {}
            _ = users.wait_for(|users| !is_asked(users)) => {}
        }
        others.tells_events.store(false, Ordering::Relaxed);
    }
}

fn is_asked(users: &Users) -> bool {
    users.iter().any(events::asks_for_cluster)
}

impl Others {
    /// Tells other instances of an event of a session, if a node asks for that.
    pub(crate) fn tell(&self, member: &Member, event: &str, payload: &Map) {
        if self.tells_events.load(Ordering::Relaxed) {
            self.say(event, Some((member, payload)));
        }
    }

    fn say(&self, event: &str, about: Option<(&Member, &Map)>) {
        let mut map = Map::from_iter([
            (Key::new_static("life"), Value::from(self.life.as_str())),
            (Key::new_static("event"), event.into()),
        ]);
        if let Some((member, payload)) = about {
            map.insert("session", member.value());
            map.insert("payload", payload.clone());
        }
        self.cluster.publish(&self.topic("events", &None), &[&json(&map)]);
    }
}

/// The sessions of another instance.
#[derive(Default)]
struct Known {
    /// The start of the listener there, as text.
    life: String,
    /// By their ids, with when they began.
    sessions: HashMap<String, (Value, Option<Instant>)>,
}

struct Watch<'a> {
    sessions: &'a Sessions,
    others: &'a Others,
    heard: mpsc::Receiver<(String, Bytes)>,
    has_missed: Arc<AtomicBool>,
    known: HashMap<String, Known>,
    /// The instances whose sessions were told to be gone.
    gone: HashSet<String>,
    /// The instances that are to be asked again.
    stale: HashSet<String>,
    /// How often the cluster was connected when was looked last.
    connects: u64,
    _interest: Interest,
}

impl<'a> Watch<'a> {
    fn begin(sessions: &'a Sessions, others: &'a Others) -> Self {
        let ((queue, heard), has_missed) = (mpsc::channel(WAITING), Arc::default());
        let inbox = Inbox { queue, has_missed: Arc::clone(&has_missed) };
        let topic = others.topic("events", &None);
        let interest = others.cluster.subscribe(&topic, Arc::new(inbox));
        others.say("begin", None);
        Watch {
            sessions,
            others,
            heard,
            has_missed,
            known: HashMap::new(),
            gone: HashSet::new(),
            stale: HashSet::new(),
            connects: others.cluster.connects(),
            _interest: interest,
        }
    }

    async fn run(mut self) {
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                Some((from, message)) = self.heard.recv() => self.take(&from, &message).await,
                _ = look.tick() => self.look().await,
            }
        }
    }

    /// Looks which instances have come and gone.
    async fn look(&mut self) {
        let now: HashSet<String> = self.others.cluster.others().into_iter().collect();
        let left: Vec<String> =
            self.known.keys().filter(|name| !now.contains(*name)).cloned().collect();
        for name in left {
            self.lose(&name).await;
            self.gone.insert(name);
        }
        let is_connected = self.others.cluster.is_connected();
        let connects = self.others.cluster.connects();
        let is_back = std::mem::replace(&mut self.connects, connects) != connects;
        if self.has_missed.swap(false, Ordering::Relaxed) || is_back {
            self.stale.extend(self.known.keys().cloned());
        }
        self.stale.retain(|name| now.contains(name));
        for name in now {
            let is_wanted = self.stale.contains(&name) || !self.known.contains_key(&name);
            if is_connected && is_wanted && self.learn(&name).await {
                self.stale.remove(&name);
            }
        }
    }

    /// The sessions of an instance have ended with it.
    async fn lose(&mut self, name: &str) {
        let Some(known) = self.known.remove(name) else { return };
        for (_, session) in known.sessions {
            self.tell_lost(session).await;
        }
    }

    async fn tell_lost(&self, (session, since): (Value, Option<Instant>)) {
        let age = since.map(|since| since.elapsed().as_millis() as f64).unwrap_or_default();
        let payload = Map::from_iter([
            (Key::new_static("code"), Value::from(u32::from(LOST))),
            (Key::new_static("reason"), "the instance is gone".into()),
            (Key::new_static("duration"), age.into()),
            (Key::new_static("by"), By::Runtime.name().into()),
        ]);
        events::tell_of_others(&self.sessions.cx, session, "disconnect", &payload).await;
    }

    /// Asks an instance which sessions it has. Those that are new are told unless they are the first that are
    /// heard of. Returns whether it has answered.
    async fn learn(&mut self, name: &str) -> bool {
        let Some(found) = self.ask(name).await else { return false };
        let is_first = !self.known.contains_key(name) && !self.gone.remove(name);
        if self.known.get(name).is_some_and(|known| known.life != found.life) {
            self.lose(name).await;
        }
        let before = self.known.insert(name.to_owned(), found).unwrap_or_default();
        let now = self.known.get(name).map(|known| &known.sessions);
        let new = now.into_iter().flatten().filter(|(id, _)| !before.sessions.contains_key(*id));
        let new: Vec<Value> = new.map(|(_, (session, _))| session.clone()).collect();
        if !is_first {
            for session in new {
                events::tell_of_others(&self.sessions.cx, session, "connect", &Map::new()).await;
            }
        }
        let is_there =
            |id: &String| self.known.get(name).is_some_and(|known| known.sessions.contains_key(id));
        let ended: Vec<_> = before.sessions.into_iter().filter(|(id, _)| !is_there(id)).collect();
        for (_, session) in ended {
            self.tell_lost(session).await;
        }
        true
    }

    /// The sessions of an instance; `None` if it does not answer.
    async fn ask(&self, name: &str) -> Option<Known> {
        let mut known = Known::default();
        let mut after = 0.0;
        loop {
            let request =
                Map::from_iter([("action", Value::from("roster")), ("after", after.into())]);
            let reply =
                self.others.cluster.ask(name, &self.others.subject(), &json(&request)).await;
            let answer = match reply? {
                Reply::Answer(answer) => Value::from_json(&answer).ok()?,
                Reply::Nobody => return Some(known),
            };
            known.life = answer.get("life")?.as_str()?.to_owned();
            for entry in answer.get("sessions").and_then(Value::as_array).into_iter().flatten() {
                let age = entry.get("age").and_then(Value::as_f64).unwrap_or_default();
                let since = Instant::now().checked_sub(Duration::from_secs_f64(age.max(0.0) / 1e3));
                let session = entry.get("session").cloned().unwrap_or_default();
                if let Some(id) = id_of(&session) {
                    known.sessions.insert(id, (session, since));
                }
            }
            match answer.get("next").and_then(Value::as_f64) {
                Some(next) if known.sessions.len() < MOST => after = next,
                _ => return Some(known),
            }
        }
    }

    async fn take(&mut self, from: &str, message: &[u8]) {
        let Ok(heard) = Value::from_json(message) else {
            metrics::DROPPED_CLUSTER.increment();
            return;
        };
        let text = |name: &str| heard.get(name).and_then(Value::as_str).unwrap_or_default();
        if self.known.get(from).is_some_and(|known| known.life != text("life")) {
            self.lose(from).await;
        }
        let all: usize = self.known.values().map(|known| known.sessions.len()).sum();
        let known = self.known.entry(from.to_owned()).or_default();
        text("life").clone_into(&mut known.life);
        let session = heard.get("session").cloned().unwrap_or_default();
        let Some(id) = id_of(&session) else { return };
        let event = match text("event") {
            "connect" if known.sessions.contains_key(&id) => return,
            "connect" => {
                if all < MOST {
                    known.sessions.insert(id, (session.clone(), Some(Instant::now())));
                }
                "connect"
            }
            // Who is not known was told to be gone, or was never heard of.
            "disconnect" if known.sessions.remove(&id).is_none() && all < MOST => return,
            "disconnect" => "disconnect",
            _ => return,
        };
        let payload = heard.get("payload").and_then(Value::as_object).cloned().unwrap_or_default();
        events::tell_of_others(&self.sessions.cx, session, event, &payload).await;
    }
}

fn id_of(session: &Value) -> Option<String> {
    session.get("id").and_then(Value::as_str).map(str::to_owned)
}

impl Sessions {
    /// Answers another instance that asks for the sessions after a number, in pages.
    pub(super) fn roster(&self, request: &Map) -> Map {
        let after = request.get("after").and_then(Value::as_f64).unwrap_or_default() as u64;
        let clients = self.clients();
        let later = clients.by_session.values().filter(|it| it.member.number > after);
        let mut later: Vec<Client> = later.cloned().collect();
        drop(clients);
        later.sort_unstable_by_key(|client| client.member.number);
        let (mut length, mut list, mut next) = (0, Vec::new(), None);
        for client in later {
            let member = &client.member;
            let age = member.since.elapsed().as_millis() as f64;
            let entry = Map::from_iter([("session", member.value()), ("age", age.into())]);
            let entry = Value::from(entry);
            length += entry.to_json().len();
            if length > MOST_LISTED && !list.is_empty() {
                break;
            }
            list.push(entry);
            next = Some(member.number as f64);
        }
        let life = self.others.as_ref().map(|others| others.life.clone()).unwrap_or_default();
        let mut map =
            Map::from_iter([("life", Value::from(life)), ("sessions", Value::from(list))]);
        if let Some(next) = next.filter(|_| length > MOST_LISTED) {
            map.insert("next", next);
        }
        map
    }
}
