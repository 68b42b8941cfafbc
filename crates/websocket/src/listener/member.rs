//! `Member`: a session of a listener, with what the handshake and flows gave it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use arc_swap::ArcSwapOption;
use ferrowire_core::port::ByteStream;
use ferrowire_core::trace::Remote;
use ferrowire_core::{Key, Map, Text, Value};
use tokio::time::Instant;

use crate::connection::Connection;
pub(crate) use crate::events::By;
use crate::frame::Close;
use crate::listener::guest::Guest;
use crate::listener::history::Ask;
use crate::payload::Session;

/// A registered client. Kept in the tables of the listener and of its rooms, where a delivery needs
/// only the connection.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) connection: Arc<Connection<ByteStream>>,
    pub(crate) member: Arc<Member>,
}

impl Client {
    /// Starts the close of the session; the first one counts.
    pub(crate) fn close(&self, close: &Close, by: By) {
        self.member.closed.get_or_init(|| (close.clone(), by));
        self.connection.close(close);
    }

    /// Starts the close of the session once what it has sent is delivered.
    pub(crate) fn retire(&self, close: Close) {
        self.member.closed.get_or_init(|| (close.clone(), By::Runtime));
        self.connection.retire(close);
    }
}

/// A session of a listener.
pub(crate) struct Member {
    pub(crate) session: Session,
    /// Ascends in the order of the connects.
    pub(crate) number: u64,
    pub(crate) peer: SocketAddr,
    pub(crate) user: Option<Text>,
    pub(crate) since: Instant,
    /// The time of day of `since`.
    pub(crate) connected: SystemTime,
    /// `msg._session` with `data`, once a flow has set it.
    with_data: OnceLock<ArcSwapOption<Map>>,
    /// Whether it is or was in a room or has a user: its tables need not be searched otherwise.
    pub(crate) grouped: AtomicBool,
    /// Whether it gets messages with their offsets.
    pub(crate) offsets: bool,
    closed: OnceLock<(Close, By)>,
    /// The trace that its messages are part of.
    pub(crate) trace: Option<Box<Remote>>,
}

impl Member {
    /// The session `id` of `guest`.
    pub(crate) fn new(id: Key, guest: Guest) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let identity = guest.identity;
        let mut details = guest.details.unwrap_or_default();
        if let Some(user) = &identity.user {
            details.insert("user", user.clone());
        }
        if let Some(claims) = identity.claims {
            details.insert("claims", claims);
        }
        Member {
            session: Session::named(id, details),
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            peer: guest.peer,
            user: identity.user,
            since: Instant::now(),
            connected: SystemTime::now(),
            with_data: OnceLock::new(),
            grouped: AtomicBool::new(false),
            offsets: guest.history != Ask::Plain,
            closed: OnceLock::new(),
            trace: guest.trace,
        }
    }

    /// `msg._session` of the next message.
    pub(crate) fn value(&self) -> Value {
        let with_data = self.with_data.get().and_then(ArcSwapOption::load_full);
        with_data.map_or_else(|| self.session.value.clone(), Value::Object)
    }

    /// Sets `data` of `msg._session`, or removes it.
    pub(crate) fn set_data(&self, data: Option<Value>) {
        let value = data.and_then(|data| {
            let Value::Object(map) = &self.session.value else { return None };
            let mut map = Map::clone(map);
            map.insert(Key::new_static("data"), data);
            Some(Arc::new(map))
        });
        self.with_data.get_or_init(ArcSwapOption::default).store(value);
    }

    /// What it gets of the history of a room that it joins, unless it names a position.
    pub(crate) fn ask(&self) -> Ask {
        if self.offsets { Ask::All } else { Ask::Plain }
    }

    /// The data that a flow has set.
    pub(crate) fn data(&self) -> Option<Value> {
        let map = self.with_data.get()?.load_full()?;
        map.get("data").cloned()
    }

    /// The close of this side, and who asked for it.
    pub(crate) fn closed(&self) -> Option<&(Close, By)> {
        self.closed.get()
    }
}
