//! `Sessions`: the clients of a listener, from the opening handshake to the close.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use ferrowire_core::port::ByteStream;
use ferrowire_core::{Key, Level, NodeContext, Sending};
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use tokio::sync::Notify;

use crate::connection::{Connection, Ended, Receive};
use crate::frame::{Close, Payload};
use crate::payload::{Mode, Session, incoming};
use crate::settings::SlowPeer;
use crate::{metrics, status};

type Connections = IndexMap<Key, Arc<Connection<ByteStream>>, FxBuildHasher>;

/// The connected clients.
#[derive(Default)]
pub(crate) struct Clients {
    pub(crate) by_session: Connections,
    /// The listener is stopping; no client is added any more.
    closed: bool,
}

/// The clients of a listener, and their shared state.
pub(crate) struct Sessions {
    pub(crate) cx: NodeContext,
    pub(crate) mode: Mode,
    limits: crate::Limits,
    pub(crate) slow_peer: SlowPeer,
    clients: RwLock<Clients>,
    /// Notified when a client was removed.
    left: Notify,
}

impl Sessions {
    /// No sessions yet.
    pub(crate) fn new(
        cx: NodeContext,
        mode: Mode,
        limits: crate::Limits,
        slow_peer: SlowPeer,
    ) -> Self {
        Sessions { cx, mode, limits, slow_peer, clients: RwLock::default(), left: Notify::new() }
    }

    /// The client is registered before it receives the handshake response, so that it receives
    /// every broadcast from then on.
    pub(crate) fn connected(
        self: Arc<Self>,
        stream: ByteStream,
        answer: &Bytes,
        early: Bytes,
        peer: SocketAddr,
    ) {
        let connection = Connection::accepted(stream, answer, self.limits);
        let Some(present) = self.enter(&connection) else {
            return self.cx.log(
                Level::Debug,
                format_args!("{peer} connected while the listener was stopping"),
            );
        };
        let id = &present.session.id;
        self.cx.log(Level::Debug, format_args!("{peer} connected as session {id}"));
        let cx = self.cx.clone();
        cx.spawn(present.run(connection, early, peer));
    }

    /// Registers a client, unless the listener is stopping.
    fn enter(self: &Arc<Self>, connection: &Arc<Connection<ByteStream>>) -> Option<Present> {
        let mut clients = self.clients_mut();
        if clients.closed {
            return None;
        }
        let present = Present { sessions: Arc::clone(self), session: Session::new() };
        let session = &present.session;
        clients.by_session.insert(session.id.clone(), Arc::clone(connection));
        metrics::OPEN.add(1);
        let count = clients.by_session.len().to_string();
        // Shown under the lock, so that the last status has the last count.
        self.cx.status_of_users(status::connected(&count, "connect", session));
        drop(clients);
        Some(present)
    }

    pub(crate) fn clients(&self) -> RwLockReadGuard<'_, Clients> {
        self.clients.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn clients_mut(&self) -> RwLockWriteGuard<'_, Clients> {
        self.clients.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes every session and waits until all have ended; each does so within its limits.
    pub(crate) async fn close_all(&self, close: &Close) {
        let connections: Vec<_> = {
            let mut clients = self.clients_mut();
            clients.closed = true;
            clients.by_session.values().cloned().collect()
        };
        for connection in connections {
            connection.close(close);
        }
        loop {
            let mut left = std::pin::pin!(self.left.notified());
            left.as_mut().enable();
            if self.clients().by_session.is_empty() {
                return;
            }
            left.await;
        }
    }
}

/// A registered session, until dropped: even if its task is cancelled or never starts.
struct Present {
    sessions: Arc<Sessions>,
    session: Session,
}

impl Present {
    async fn run(self, connection: Arc<Connection<ByteStream>>, early: Bytes, peer: SocketAddr) {
        let Present { sessions, session } = &self;
        let receiver = Inbound { sessions, session };
        let run = Arc::clone(&connection).run(early, &receiver);
        let ended = sessions.answering(session, connection, run).await;
        let how = status::describe(&ended);
        let cx = &sessions.cx;
        cx.log(Level::Debug, format_args!("session {} of {peer} ended: {how}", session.id));
        if matches!(ended, Ended::Violation(_)) {
            cx.status_of_users(status::error(session));
        }
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        let Present { sessions, session } = self;
        let mut clients = sessions.clients_mut();
        clients.by_session.swap_remove(&session.id);
        metrics::OPEN.add(-1);
        sessions.cx.status_of_users(match clients.by_session.len() {
            0 => status::disconnected(session),
            count => status::connected(&count.to_string(), "disconnect", session),
        });
        drop(clients);
        sessions.left.notify_waiters();
    }
}

/// Sends a session's messages into the flow.
struct Inbound<'a> {
    sessions: &'a Sessions,
    session: &'a Session,
}

impl Receive for Inbound<'_> {
    fn message(&self, payload: Payload) -> Sending {
        metrics::RECEIVED.increment();
        self.sessions.cx.send(0, incoming(self.sessions.mode, payload, self.session))
    }
}
