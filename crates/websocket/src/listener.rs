//! `websocket-listener`: a path of the runtime's port and the sessions of its clients.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::{Bytes, BytesMut};
use ferrowire_core::port::{ByteStream, Origin, Registration, Response, TakeOver, Upgrade};
use ferrowire_core::{
    FromConfig, Handled, Key, Level, Message, Node, NodeConfig, NodeContext, NodeError, Sending,
    StopReason, async_trait,
};
use futures_util::future::BoxFuture;
use hyper::http::request::Parts;
use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use tokio::sync::Notify;

use crate::closing::{going_away, restarting};
use crate::connection::{Connection, Ended, NotSent, Receive};
use crate::cork::{self, Broadcast};
use crate::frame::{Close, Payload, Role, put_frame};
use crate::handshake;
use crate::metrics;
use crate::payload::{Mode, Session, incoming, outgoing};
use crate::settings::{Overrides, Settings, SlowPeer};
use crate::status;

/// Broadcasts of at most this size collect; larger ones gain nothing from it.
const COLLECT_UP_TO: usize = 16 * 1024;

type Connections = IndexMap<Key, Arc<Connection<ByteStream>>, FxBuildHasher>;

tokio::task_local! {
    /// The session whose task is working: most answers are for it, and need not be looked up.
    static CURRENT: Current;
}

struct Current {
    session: Session,
    connection: Arc<Connection<ByteStream>>,
    /// The listener, by its address: a message may have come over another one.
    listener: usize,
}

/// The configuration node `websocket-listener`: it accepts clients at a path of the port.
pub struct Listener {
    path: String,
    subprotocols: Vec<String>,
    mode: Mode,
    overrides: Overrides,
    registration: Mutex<Option<Registration>>,
    running: OnceLock<Arc<Running>>,
}

/// Who is connected.
#[derive(Default)]
struct Clients {
    by_session: Connections,
    /// Nobody comes in any more.
    closed: bool,
}

/// What the listener's connections share.
struct Running {
    cx: NodeContext,
    subprotocols: Vec<String>,
    mode: Mode,
    limits: crate::Limits,
    slow_peer: SlowPeer,
    clients: RwLock<Clients>,
    /// Told when a connection has left.
    left: Notify,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").field("path", &self.path).finish_non_exhaustive()
    }
}

impl FromConfig for Listener {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let path = config.text("path");
        if path.trim_matches('/').is_empty() {
            config.problem("path", "a path such as `/ws/chat` is needed");
        } else if !path.bytes().all(|b| b.is_ascii_graphic() && b != b'?' && b != b'#') {
            let text = format!("`{path}` is no path of a URL: encode what is not plain ASCII");
            config.problem("path", text);
        }
        Listener {
            path,
            subprotocols: split_list(&config.text("subprotocol")),
            mode: Mode::from_property(config.raw("wholemsg")),
            overrides: Overrides::from_config(config),
            registration: Mutex::default(),
            running: OnceLock::new(),
        }
    }
}

/// The entries of a comma-separated list, trimmed, without empty ones.
pub(crate) fn split_list(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect()
}

#[async_trait]
impl Node for Listener {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        let port = cx.port()?;
        let settings = cx.resource::<Settings>().unwrap_or_default();
        let (limits, slow_peer) = self.overrides.over(&settings);
        let running = self.running.get_or_init(|| {
            Arc::new(Running {
                cx: cx.clone(),
                subprotocols: self.subprotocols.clone(),
                mode: self.mode,
                limits,
                slow_peer,
                clients: RwLock::default(),
                left: Notify::new(),
            })
        });
        let path = format!("/{}", self.path.trim_start_matches('/'));
        let upgrade = Arc::new(Door(Arc::clone(running)));
        let registration = port.add_upgrade(cx.info(), &path, upgrade)?;
        *self.registration.lock().unwrap_or_else(PoisonError::into_inner) = Some(registration);
        Ok(())
    }

    fn on_message_now(&self, msg: Message, _: &NodeContext) -> Handled {
        match self.running.get() {
            Some(running) => running.send(msg),
            None => Handled::Done,
        }
    }

    async fn stop(&self, reason: StopReason, _: &NodeContext) {
        drop(self.registration.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(running) = self.running.get() {
            running
                .close_all(&match reason {
                    StopReason::Restarting => restarting(),
                    StopReason::Removed | StopReason::ShuttingDown => going_away(),
                })
                .await;
        }
    }
}

/// Lets peers in.
struct Door(Arc<Running>);

#[async_trait]
impl Upgrade for Door {
    async fn upgrade(&self, head: Parts, origin: Origin) -> Result<TakeOver, Response> {
        let answer = handshake::accept(&head, &self.0.subprotocols).map_err(|refusal| {
            metrics::REFUSED.increment();
            *refusal
        })?;
        metrics::ACCEPTED.increment();
        let running = Arc::clone(&self.0);
        let peer = origin.address;
        Ok(Box::new(move |stream, early| running.connected(stream, &answer, early, peer)))
    }
}

impl Running {
    /// The client is counted before it hears that it is connected, so that it gets whatever is
    /// sent to all from then on.
    fn connected(
        self: Arc<Self>,
        stream: ByteStream,
        answer: &Bytes,
        early: Bytes,
        peer: SocketAddr,
    ) {
        let connection = Connection::accepted(stream, answer, self.limits);
        let Some(present) = self.enter(&connection) else {
            return self.cx.log(Level::Debug, format_args!("{peer} came too late"));
        };
        let id = &present.session.id;
        self.cx.log(Level::Debug, format_args!("{peer} connected as session {id}"));
        let cx = self.cx.clone();
        cx.spawn(present.run(connection, early, peer));
    }

    /// Counts a client in, unless this listener stops.
    fn enter(self: &Arc<Self>, connection: &Arc<Connection<ByteStream>>) -> Option<Present> {
        let mut clients = self.clients_mut();
        if clients.closed {
            return None;
        }
        let present = Present { running: Arc::clone(self), session: Session::new() };
        let session = &present.session;
        clients.by_session.insert(session.id.clone(), Arc::clone(connection));
        metrics::OPEN.add(1);
        let count = clients.by_session.len().to_string();
        // Shown under the lock, so that the last status has the last count.
        self.cx.status_of_users(status::connected(&count, "connect", session));
        drop(clients);
        Some(present)
    }

    fn clients(&self) -> RwLockReadGuard<'_, Clients> {
        self.clients.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn clients_mut(&self) -> RwLockWriteGuard<'_, Clients> {
        self.clients.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self) as usize
    }

    /// Whether the message is an answer to the connection that is working now.
    fn is_for_current(&self, msg: &Message) -> bool {
        let answers =
            |current: &Current| current.listener == self.address() && current.session.sent(msg);
        CURRENT.try_with(answers).unwrap_or(false)
    }

    /// Sends to the session that the message names, or to all.
    fn send(self: &Arc<Self>, msg: Message) -> Handled {
        if self.is_for_current(&msg) {
            cork::settle();
            return match outgoing(self.mode, msg) {
                Ok(Some(payload)) => {
                    CURRENT.with(|current| self.send_to(&current.connection, payload))
                }
                Ok(None) => Handled::Done,
                Err(error) => Handled::Failed(error.into()),
            };
        }
        let Some(id) = Session::id_in(&msg) else { return self.broadcast(msg) };
        cork::settle();
        let target = self.clients().by_session.get(id).cloned();
        match target {
            Some(connection) => match outgoing(self.mode, msg) {
                Ok(Some(payload)) => self.send_to(&connection, payload),
                Ok(None) => Handled::Done,
                Err(error) => Handled::Failed(error.into()),
            },
            None => {
                self.gone(format_args!("there is no session {id}, the message was dropped"));
                Handled::Done
            }
        }
    }

    fn send_to(
        self: &Arc<Self>,
        connection: &Arc<Connection<ByteStream>>,
        payload: Payload,
    ) -> Handled {
        match connection.send(payload) {
            Ok(()) => {
                metrics::SENT.increment();
                Handled::Done
            }
            Err(NotSent::Closed) => {
                self.gone(format_args!("the session is closing, the message was dropped"));
                Handled::Done
            }
            Err(NotSent::Full(payload)) if self.must_wait(connection) => {
                let (running, connection) = (Arc::clone(self), Arc::clone(connection));
                Handled::Later(Box::pin(running.send_when_possible(connection, payload)))
            }
            Err(NotSent::Full(_)) => {
                self.too_slow(connection);
                Handled::Done
            }
        }
    }

    /// A peer that gets answers to its own messages is slowed down by not reading more of them.
    fn must_wait(&self, connection: &Connection<ByteStream>) -> bool {
        self.slow_peer == SlowPeer::Wait || connection.is_sending_to_itself()
    }

    async fn send_when_possible(
        self: Arc<Self>,
        connection: Arc<Connection<ByteStream>>,
        mut payload: Payload,
    ) -> Result<(), NodeError> {
        loop {
            connection.room().await;
            match connection.send(payload) {
                Ok(()) => {
                    metrics::SENT.increment();
                    return Ok(());
                }
                Err(NotSent::Full(again)) => payload = again,
                Err(NotSent::Closed) => {
                    self.gone(format_args!("the session ended, the message was dropped"));
                    return Ok(());
                }
            }
        }
    }

    /// Sends to all: together with other broadcasts of the same task if it is one that has more
    /// to do, and nobody may have to be waited for.
    fn broadcast(self: &Arc<Self>, msg: Message) -> Handled {
        let payload = match outgoing(self.mode, msg) {
            Ok(Some(payload)) => payload,
            Ok(None) => return Handled::Done,
            Err(error) => return Handled::Failed(error.into()),
        };
        let put = |frames: &mut BytesMut| {
            put_frame(frames, Role::Server, payload.opcode(), payload.as_bytes());
        };
        metrics::SENT.add(self.clients().by_session.len() as u64);
        if self.may_collect(&payload) && cork::add_to_batch(self, put) {
            return Handled::Done;
        }
        cork::settle();
        let mut frame = BytesMut::new();
        put(&mut frame);
        self.broadcast_now(&frame.freeze())
    }

    fn may_collect(&self, payload: &Payload) -> bool {
        let has_room = |current: &Current| {
            current.listener != self.address()
                || current.connection.has_room(COLLECT_UP_TO + payload.as_bytes().len())
        };
        payload.as_bytes().len() <= COLLECT_UP_TO
            && self.slow_peer != SlowPeer::Wait
            && CURRENT.try_with(has_room).unwrap_or(false)
    }

    fn broadcast_now(self: &Arc<Self>, frame: &Bytes) -> Handled {
        let clients = self.clients();
        let mut waiting: Vec<BoxFuture<'static, Result<(), NodeError>>> = Vec::new();
        for connection in clients.by_session.values() {
            match connection.send_encoded(frame) {
                Ok(()) | Err(NotSent::Closed) => {}
                Err(NotSent::Full(_)) if self.must_wait(connection) => {
                    let (running, connection) = (Arc::clone(self), Arc::clone(connection));
                    let frame = frame.clone();
                    waiting.push(Box::pin(running.send_encoded_when_possible(connection, frame)));
                }
                Err(NotSent::Full(_)) => self.too_slow(connection),
            }
        }
        if waiting.is_empty() {
            return Handled::Done;
        }
        Handled::Later(Box::pin(async move {
            futures_util::future::join_all(waiting).await;
            Ok(())
        }))
    }

    async fn send_encoded_when_possible(
        self: Arc<Self>,
        connection: Arc<Connection<ByteStream>>,
        frame: Bytes,
    ) -> Result<(), NodeError> {
        while let Err(NotSent::Full(_)) = connection.send_encoded(&frame) {
            connection.room().await;
        }
        Ok(())
    }

    fn too_slow(&self, connection: &Arc<Connection<ByteStream>>) {
        metrics::DROPPED_SLOW.increment();
        let text = "a client reads too slowly, a message for it was dropped";
        self.cx.log(Level::Debug, format_args!("{text}"));
        if self.slow_peer == SlowPeer::Disconnect {
            connection.close(&status::too_slow());
        }
    }

    /// An answer often comes after its session has ended: it is counted, and logged for debugging.
    fn gone(&self, text: std::fmt::Arguments<'_>) {
        metrics::DROPPED_GONE.increment();
        self.cx.log(Level::Debug, text);
    }

    /// Closes every session and waits until all have left; each does within its limits.
    async fn close_all(&self, close: &Close) {
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

impl Broadcast for Running {
    fn broadcast(&self, frames: &Bytes) {
        let clients = self.clients();
        for connection in clients.by_session.values() {
            if let Err(NotSent::Full(_)) = connection.send_encoded(frames) {
                self.too_slow(connection);
            }
        }
    }
}

/// A session that is counted among the clients, until this is dropped: also when its task is
/// cancelled, or never begins.
struct Present {
    running: Arc<Running>,
    session: Session,
}

impl Present {
    async fn run(self, connection: Arc<Connection<ByteStream>>, early: Bytes, peer: SocketAddr) {
        let Present { running, session } = &self;
        let current = Current {
            session: session.clone(),
            connection: Arc::clone(&connection),
            listener: running.address(),
        };
        let receiver = Inbound { running, session };
        let ended = CURRENT.scope(current, connection.run(early, &receiver)).await;
        let how = status::describe(&ended);
        let cx = &running.cx;
        cx.log(Level::Debug, format_args!("session {} of {peer} ended: {how}", session.id));
        if matches!(ended, Ended::Violation(_)) {
            cx.status_of_users(status::error(session));
        }
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        let Present { running, session } = self;
        let mut clients = running.clients_mut();
        clients.by_session.swap_remove(&session.id);
        metrics::OPEN.add(-1);
        running.cx.status_of_users(match clients.by_session.len() {
            0 => status::disconnected(session),
            count => status::connected(&count.to_string(), "disconnect", session),
        });
        drop(clients);
        running.left.notify_waiters();
    }
}

/// Sends what a session receives into the flow.
struct Inbound<'a> {
    running: &'a Running,
    session: &'a Session,
}

impl Receive for Inbound<'_> {
    fn message(&self, payload: Payload) -> Sending {
        metrics::RECEIVED.increment();
        self.running.cx.send(0, incoming(self.running.mode, payload, self.session))
    }
}
