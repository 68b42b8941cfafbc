//! `Others`: the same listener on the other instances of a cluster.
//!
//! Every instance serves its own clients first, and publishes once for the others. It is subscribed
//! only to what it has clients for:
//!
//! | topic, below `ws`, the listener | subscribed while there are |
//! |---|---|
//! | `all` | clients; also for messages to several rooms or users |
//! | `room`, NAME | members of the room |
//! | `user`, NAME | sessions of the user |
//! | `events` | nodes that ask for events of all instances |
//! | `to`, INSTANCE | always: messages to certain sessions of this instance |
//!
//! The id of a session ends with `@` and the name of its instance.

mod abroad;
mod inbox;
mod journal;
mod letter;
mod overview;
mod requests;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Once, OnceLock};
use std::time::Duration;

use ferrowire_core::cluster::{Cluster, Interest, Shape};
use ferrowire_core::{Key, NodeContext, Text, generate_id};
use tokio::sync::mpsc;

use crate::listener::history::{Bounds, Followed, HistoryOptions, Publication};
use crate::listener::sessions::Sessions;
use crate::listener::target::{Target, To};
use crate::settings::CLUSTER;
pub(crate) use inbox::Inbox;
use inbox::Waiting;
pub(crate) use letter::Letter;
pub(crate) use overview::Pinged;
use requests::Answering;

/// The first part of all topics of WebSocket nodes.
const WS: &str = "ws";

/// Journals keep messages for a second at least.
const LEAST_AGE: Duration = Duration::from_secs(1);

/// The other instances of a listener.
pub(crate) struct Others {
    cluster: Arc<dyn Cluster>,
    /// The id of the listener, the same on all instances.
    listener: String,
    /// Tells this start of the listener from others.
    life: String,
    /// Whether others are told of connects and disconnects.
    tells_events: AtomicBool,
    inbox: Arc<Inbox>,
    /// What lasts as long as the listener.
    standing: OnceLock<[Interest; 2]>,
}

impl Others {
    /// The others, if the runtime is part of a cluster; and what they will send.
    pub(crate) fn of(cx: &NodeContext) -> Option<(Arc<Self>, mpsc::Receiver<Waiting>)> {
        let Some(cluster) = cx.cluster() else {
            warn_in_library(cx);
            return None;
        };
        let (inbox, waiting) = Inbox::new(cx.clone());
        let listener = cx.id().to_owned();
        let others = Others {
            cluster,
            listener,
            life: generate_id().to_string(),
            tells_events: AtomicBool::new(false),
            inbox,
            standing: OnceLock::new(),
        };
        Some((Arc::new(others), waiting))
    }

    /// Begins to receive for `sessions`.
    pub(crate) fn begin(
        self: &Arc<Self>,
        sessions: &Arc<Sessions>,
        waiting: mpsc::Receiver<Waiting>,
    ) {
        sessions.cx.spawn(abroad::run(Arc::clone(sessions), Arc::clone(self)));
        sessions.cx.spawn(inbox::run(Arc::clone(sessions), Arc::clone(&self.inbox), waiting));
        self.standing.get_or_init(|| {
            let answering = Arc::new(Answering::of(sessions));
            let subject = [WS, self.listener.as_str()];
            [
                self.interest("to", Some(self.cluster.instance())),
                self.cluster.serve(&subject, answering),
            ]
        });
    }

    /// The interest in what is for all clients.
    pub(crate) fn clients(&self) -> Interest {
        self.interest("all", None)
    }

    /// The interest in what is for a room.
    pub(crate) fn room(&self, name: &str) -> Interest {
        self.interest("room", Some(name))
    }

    /// The interest in what is for a user.
    pub(crate) fn user(&self, name: &str) -> Interest {
        self.interest("user", Some(name))
    }

    fn interest(&self, kind: &str, name: Option<&str>) -> Interest {
        self.cluster.subscribe(&self.topic(kind, &name), Arc::clone(&self.inbox) as _)
    }

    fn topic<'a>(&'a self, kind: &'a str, name: &Option<&'a str>) -> Vec<&'a str> {
        [WS, &self.listener, kind].into_iter().chain(*name).collect()
    }

    /// Where the listener's histories are kept for all instances.
    pub(crate) fn followed(&self, (options, bounds): (HistoryOptions, Bounds)) -> Followed {
        let shape = Shape {
            messages: options.messages,
            age: options.age.map(|age| age.max(LEAST_AGE)),
            by_key: options.by_topic,
            bytes: bounds.all,
            at_once: bounds.one,
        };
        let journal = self.cluster.journal(&[WS, &self.listener], shape);
        Followed::new(journal, Arc::clone(&self.inbox), options)
    }

    /// The id of a new session of this instance.
    pub(crate) fn new_id(&self) -> Key {
        Key::from(format!("{}@{}", generate_id(), self.cluster.instance()))
    }

    /// The other instance that holds the session `id`, if it is alive.
    pub(crate) fn holder<'a>(&self, id: &'a str) -> Option<&'a str> {
        let (_, instance) = id.rsplit_once('@')?;
        let is_other = instance != self.cluster.instance() && self.cluster.knows(instance);
        is_other.then_some(instance)
    }

    /// Sends a message to the clients of the target that other instances have. Returns how many sessions
    /// are none of a living instance.
    pub(crate) fn publish(&self, target: &Target, message: &Publication) -> usize {
        let (kind, name) = match (target.to, target.names.as_slice()) {
            (To::Rooms, [room]) => ("room", Some(room.as_str())),
            (To::Users, [user]) => ("user", Some(user.as_str())),
            (To::Sessions, ids) => return self.publish_to_sessions(ids, target, message),
            _ => ("all", None),
        };
        self.send(&self.topic(kind, &name), target, message);
        0
    }

    fn publish_to_sessions(&self, ids: &[Text], target: &Target, message: &Publication) -> usize {
        let mut gone = 0;
        let by_holder = self.by_holder(ids, &mut |_| gone += 1);
        for (holder, names) in by_holder {
            let target = Target { names, ..target.clone() };
            self.send(&self.topic("to", &Some(holder)), &target, message);
        }
        gone
    }

    /// Sorts the ids of sessions of other instances by these; calls `gone` for ids that no living
    /// instance has.
    fn by_holder<'a>(
        &self,
        ids: &'a [Text],
        gone: &mut dyn FnMut(&'a Text),
    ) -> BTreeMap<&'a str, Vec<Text>> {
        let mut by_holder: BTreeMap<&str, Vec<Text>> = BTreeMap::new();
        let own =
            |id: &str| id.rsplit_once('@').is_none_or(|(_, at)| at == self.cluster.instance());
        for id in ids.iter().filter(|id| !own(id)) {
            match self.holder(id) {
                Some(holder) => by_holder.entry(holder).or_default().push(id.clone()),
                None => gone(id),
            }
        }
        by_holder
    }

    fn send(&self, topic: &[&str], target: &Target, message: &Publication) {
        let head = letter::head(target, message);
        self.cluster.publish(topic, &[&head, message.payload.as_bytes()]);
    }
}

/// A library's nodes see no cluster, which the operator should know.
fn warn_in_library(cx: &NodeContext) {
    static ONCE: Once = Once::new();
    if !cx.setting(&CLUSTER).is_empty() {
        ONCE.call_once(|| {
            cx.warn(
                "the WebSocket nodes are in a shared library, and have no part in the cluster: their \
                 messages stay on this instance; link the plugin into the runtime",
            );
        });
    }
}
