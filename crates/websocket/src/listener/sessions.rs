//! `Sessions`: the clients of a listener, from the opening handshake to the close.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use bytes::Bytes;
use ferrowire_core::cluster::Interest;
use ferrowire_core::port::ByteStream;
use ferrowire_core::{Key, Level, Map, NodeContext, RwLockExt as _, Text, generate_id};
use ferrowire_net::Backlog;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use tokio::sync::Notify;

use crate::connection::cork::Flush as _;
use crate::connection::forms::Feeds;
use crate::connection::{Connection, Ended, Limits};
use crate::events::By;
use crate::frame::Close;
use crate::listener::alive::{AliveOptions, Watch};
use crate::listener::client_rooms::ClientRooms;
use crate::listener::cluster::Others;
use crate::listener::events;
use crate::listener::guest::Guest;
use crate::listener::handshake::Accepted;
use crate::listener::history::{Bounds, Following, History, HistoryOptions};
use crate::listener::inbound::Inbound;
use crate::listener::member::{Client, Member};
use crate::listener::rates::Rates;
use crate::listener::rooms::{Rooms, TooMany};
use crate::listener::terms::Terms;
use crate::payload::Mode;
use crate::settings::SlowPeer;
use crate::{metrics, status};

/// The connected clients.
#[derive(Default)]
pub(crate) struct Clients {
    pub(crate) by_session: IndexMap<Key, Client, FxBuildHasher>,
    /// In a cluster, while there are clients: has other instances send what is for all.
    interest: Option<Interest>,
    /// The listener is stopping; no client is added any more.
    closed: bool,
    /// The sessions whose tasks have not ended; those that left may still report it.
    running: usize,
}

/// The sets of sessions that messages are sent to. Changed only with the lock of [`Clients`] held,
/// so that no session that has left is added.
#[derive(Default)]
pub(crate) struct Groups {
    pub(crate) rooms: Rooms<Client>,
    /// The sessions of each user.
    pub(crate) users: Rooms<Client>,
}

impl Groups {
    /// Those of a listener whose other instances send what is for a room or user that has members.
    fn in_cluster(others: &Arc<Others>, history: Option<&Arc<History>>) -> Self {
        let (of_rooms, of_users) = (Arc::clone(others), Arc::clone(others));
        let history = history.cloned();
        let room = move |name: &str| {
            let following = history.as_ref().and_then(|history| Following::of(history, Some(name)));
            Interest::new((of_rooms.room(name), following))
        };
        Groups {
            rooms: Rooms::with_interests(room),
            users: Rooms::with_interests(move |name| of_users.user(name)),
        }
    }
}

/// What applies to all sessions of a listener.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    pub(crate) mode: Mode,
    pub(crate) limits: Limits,
    pub(crate) slow_peer: SlowPeer,
    /// The most rooms that a session may be in.
    pub(crate) max_rooms: usize,
    /// Within what time a session must send a message.
    pub(crate) first_message: Option<Duration>,
    pub(crate) client_rooms: ClientRooms,
    pub(crate) alive: AliveOptions,
    pub(crate) rates: Rates,
    pub(crate) history: Option<(HistoryOptions, Bounds)>,
}

/// The clients of a listener, and their shared state.
pub(crate) struct Sessions {
    pub(crate) cx: NodeContext,
    pub(crate) rules: Rules,
    /// Present if clients must show that they are alive.
    pub(crate) watch: Option<Arc<Watch>>,
    /// Present if messages are kept.
    pub(crate) history: Option<Arc<History>>,
    pub(crate) feeds: Arc<Feeds>,
    /// Present if the runtime is part of a cluster.
    pub(crate) others: Option<Arc<Others>>,
    clients: RwLock<Clients>,
    groups: RwLock<Groups>,
    /// Whether the clients are let go before the runtime stops.
    pub(crate) drains: AtomicBool,
    /// Notified when a client was removed.
    left: Notify,
}

impl Sessions {
    /// No sessions yet.
    pub(crate) fn new(cx: NodeContext, rules: Rules) -> Arc<Self> {
        let (others, inbox) = Others::of(&cx).unzip();
        let history = rules.history.map(|kept| {
            let followed = others.as_ref().map(|others| others.followed(kept));
            History::new(kept.0, kept.1, rules.mode, followed)
        });
        let in_cluster = |others| Groups::in_cluster(others, history.as_ref());
        let mut groups = others.as_ref().map(in_cluster).unwrap_or_default();
        groups.rooms.count_at(&metrics::ROOMS);
        let sessions = Arc::new(Sessions {
            cx,
            others,
            watch: Watch::new(rules.alive),
            history,
            rules,
            feeds: Arc::default(),
            clients: RwLock::default(),
            groups: RwLock::new(groups),
            drains: AtomicBool::new(false),
            left: Notify::new(),
        });
        if let (Some(others), Some(inbox)) = (&sessions.others, inbox) {
            others.begin(&sessions, inbox);
        }
        if let Some(watch) = sessions.watch.clone() {
            let cx = sessions.cx.clone();
            sessions.cx.spawn(async move { watch.run(&cx).await });
        }
        if let Some(history) = sessions.history.clone() {
            sessions.cx.spawn(async move { history.expire().await });
        }
        sessions
    }

    /// The client is registered before it receives the handshake response, so that it receives
    /// every broadcast from then on.
    pub(crate) fn connected(
        self: Arc<Self>,
        stream: ByteStream,
        accepted: Accepted,
        early: Bytes,
        mut guest: Guest,
    ) {
        let tickets = std::mem::take(&mut guest.tickets);
        let terms = Terms::new(guest.identity.expires, self.rules.first_message);
        let Accepted { answer, compression } = accepted;
        let limits = self.rules.limits;
        let connection = Connection::accepted(stream, &answer, limits, Backlog::of_process());
        if let Some(agreed) = compression {
            connection.compress(agreed);
        }
        let peer = guest.peer;
        let Some(present) = self.enter(&connection, guest) else {
            return self.cx.log(
                Level::Debug,
                format_args!("{peer} connected while the listener was stopping"),
            );
        };
        let id = &present.member.session.id;
        self.cx.log(Level::Debug, format_args!("{peer} connected as session {id}"));
        let cx = self.cx.clone();
        cx.spawn(async move {
            present.run(connection, early, terms).await;
            drop(tickets);
        });
    }

    /// Registers a client, unless the listener is stopping.
    fn enter(
        self: &Arc<Self>,
        connection: &Arc<Connection<ByteStream>>,
        mut guest: Guest,
    ) -> Option<Present> {
        let mut clients = self.clients_mut();
        if clients.closed {
            return None;
        }
        let rooms = std::mem::take(&mut guest.identity.rooms);
        let ask = guest.history.clone();
        let id = self.others.as_ref().map_or_else(generate_id, |others| others.new_id());
        let member = Arc::new(Member::new(id, guest));
        let client = Client { connection: Arc::clone(connection), member: Arc::clone(&member) };
        if let (None, Some(others)) = (&clients.interest, &self.others) {
            let history = self.history.as_ref();
            let following = history.and_then(|history| Following::of(history, None));
            clients.interest = Some(Interest::new((others.clients(), following)));
        }
        self.replay(&client, None, &ask);
        self.join_first(&client, &rooms);
        clients.by_session.insert(member.session.id.clone(), client);
        clients.running += 1;
        let present = Present { sessions: Arc::clone(self), member, left: false };
        metrics::OPEN.add(1);
        let count = clients.by_session.len().to_string();
        // Shown under the lock, so that the last status has the last count.
        self.cx.status_of_users(status::connected(&count, "connect", &present.member.session));
        drop(clients);
        Some(present)
    }

    /// Adds a new session to its user and its first rooms.
    fn join_first(&self, client: &Client, rooms: &[Text]) {
        let member = &client.member;
        if member.user.is_none() && rooms.is_empty() {
            return;
        }
        member.grouped.store(true, Ordering::Relaxed);
        let mut groups = self.groups_mut();
        let entry = (member.number, client);
        let in_user =
            member.user.as_ref().map_or(Ok(true), |user| groups.users.join(entry, user, 1));
        let most = self.rules.max_rooms;
        let in_rooms = rooms.iter().try_for_each(|room| {
            if groups.rooms.join(entry, room, most)? {
                self.replay(client, Some(room), &member.ask());
            }
            Ok::<(), TooMany>(())
        });
        drop(groups);
        if in_user.is_err() || in_rooms.is_err() {
            let id = &member.session.id;
            self.cx.warn(format_args!(
                "session {id} was admitted to more rooms than `maxRooms` ({most}); it joined the \
                 first ones"
            ));
        }
    }

    /// Removes a session from its user and rooms.
    fn leave_groups(&self, member: &Member) {
        if member.grouped.load(Ordering::Relaxed) {
            let mut groups = self.groups_mut();
            groups.users.leave_all(member.number);
            groups.rooms.leave_all(member.number);
        }
    }

    pub(crate) fn clients(&self) -> RwLockReadGuard<'_, Clients> {
        self.clients.read_locked()
    }

    fn clients_mut(&self) -> RwLockWriteGuard<'_, Clients> {
        self.clients.write_locked()
    }

    pub(crate) fn groups(&self) -> RwLockReadGuard<'_, Groups> {
        self.groups.read_locked()
    }

    pub(crate) fn groups_mut(&self) -> RwLockWriteGuard<'_, Groups> {
        self.groups.write_locked()
    }

    /// Closes every session and waits until all have ended; each does so within its limits.
    pub(crate) async fn close_all(&self, close: &Close) {
        let present: Vec<_> = {
            let mut clients = self.clients_mut();
            clients.closed = true;
            clients.by_session.values().cloned().collect()
        };
        for client in present {
            client.close(close, By::Runtime);
        }
        self.all_ended().await;
    }

    /// Waits until no session is left.
    pub(crate) async fn all_ended(&self) {
        loop {
            let mut left = std::pin::pin!(self.left.notified());
            left.as_mut().enable();
            if self.clients().running == 0 {
                return;
            }
            left.await;
        }
    }
}

/// A registered session, until dropped: even if its task is cancelled or never starts.
struct Present {
    sessions: Arc<Sessions>,
    member: Arc<Member>,
    left: bool,
}

impl Present {
    async fn run(mut self, connection: Arc<Connection<ByteStream>>, early: Bytes, terms: Terms) {
        let (sessions, member) = (Arc::clone(&self.sessions), Arc::clone(&self.member));
        let told = sessions.tell(&member, "connect", &Map::new());
        if !told.is_done() {
            // The client need not wait for the flow.
            connection.flush();
            told.await;
        }
        let client = Client { connection: Arc::clone(&connection), member: Arc::clone(&member) };
        let receiver = Inbound::new(&sessions, client.clone(), &terms);
        let run = std::pin::pin!(connection.run(early, &receiver));
        let run = terms.hold(&client, run);
        let ended = sessions.answering(client.clone(), run).await;
        let (how, peer, id) = (status::describe(&ended), member.peer, &member.session.id);
        let cx = &sessions.cx;
        // Whoever reads the line finds it counted.
        metrics::closed_with::counter(status::counted_code(&ended)).increment();
        cx.log(Level::Debug, format_args!("session {id} of {peer} ended: {how}"));
        if matches!(ended, Ended::Violation(_)) {
            cx.status_of_users(status::error(&member.session));
        }
        // A flow that hears of it finds the session gone.
        self.leave();
        sessions.tell(&member, "disconnect", &events::disconnect(&member, &ended)).await;
    }

    fn leave(&mut self) {
        if std::mem::replace(&mut self.left, true) {
            return;
        }
        let Present { sessions, member, .. } = self;
        let session = &member.session;
        let mut clients = sessions.clients_mut();
        clients.by_session.swap_remove(&session.id);
        sessions.leave_groups(member);
        if clients.by_session.is_empty() {
            clients.interest = None;
        }
        metrics::OPEN.add(-1);
        sessions.cx.status_of_users(match clients.by_session.len() {
            0 => status::disconnected(session),
            count => status::connected(&count.to_string(), "disconnect", session),
        });
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        self.leave();
        self.sessions.clients_mut().running -= 1;
        self.sessions.left.notify_waiters();
    }
}
