//! Selects the sessions that receive a message: the one in `_session`, or all.

use std::sync::Arc;

use bytes::BytesMut;
use ferrowire_core::port::ByteStream;
use ferrowire_core::{Handled, Level, Message, NodeError};
use futures_util::future::BoxFuture;

use crate::connection::{Connection, NotSent};
use crate::cork::{self, Broadcast, Frames};
use crate::frame::{Payload, Role, put_frame};
use crate::payload::{Session, outgoing};
use crate::sessions::Sessions;
use crate::settings::SlowPeer;
use crate::{metrics, status};

/// Broadcasts up to this size are collected; larger ones gain nothing from it.
const COLLECT_UP_TO: usize = 16 * 1024;

tokio::task_local! {
    /// The session whose task is running: most messages go to it, without a look-up.
    static CURRENT: Current;
}

struct Current {
    session: Session,
    connection: Arc<Connection<ByteStream>>,
    /// The listener, by its address: a message may belong to another listener.
    listener: usize,
}

impl Sessions {
    /// Runs the task of a session, so that messages to it need no look-up.
    pub(crate) async fn answering<T>(
        &self,
        session: &Session,
        connection: Arc<Connection<ByteStream>>,
        task: impl Future<Output = T>,
    ) -> T {
        let current = Current { session: session.clone(), connection, listener: self.address() };
        CURRENT.scope(current, task).await
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self) as usize
    }

    /// Whether the message is for the session whose task is running.
    fn is_for_current(&self, msg: &Message) -> bool {
        let answers =
            |current: &Current| current.listener == self.address() && current.session.sent(msg);
        CURRENT.try_with(answers).unwrap_or(false)
    }

    /// Sends to the session in `_session`, or to all.
    pub(crate) fn send(self: &Arc<Self>, msg: Message) -> Handled {
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
                self.gone(format_args!("there is no session {id}; the message was dropped"));
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
                self.gone(format_args!("the session is closing; the message was dropped"));
                Handled::Done
            }
            Err(NotSent::Full(payload)) if self.must_wait(connection) => {
                let (sessions, connection) = (Arc::clone(self), Arc::clone(connection));
                Handled::Later(Box::pin(sessions.send_when_possible(connection, payload)))
            }
            Err(NotSent::Full(_)) => {
                self.too_slow(connection, 1);
                Handled::Done
            }
        }
    }

    /// A peer that receives answers to its own messages is slowed down by not reading from it.
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
                    self.gone(format_args!("the session ended; the message was dropped"));
                    return Ok(());
                }
            }
        }
    }

    /// Sends to all. Batched with other broadcasts of the task if it has more input, unless senders
    /// may have to wait.
    fn broadcast(self: &Arc<Self>, msg: Message) -> Handled {
        let payload = match outgoing(self.mode, msg) {
            Ok(Some(payload)) => payload,
            Ok(None) => return Handled::Done,
            Err(error) => return Handled::Failed(error.into()),
        };
        let put = |frames: &mut BytesMut| {
            put_frame(frames, Role::Server, payload.opcode(), payload.as_bytes());
        };
        if self.may_collect(&payload) && cork::add_to_batch(self, put) {
            return Handled::Done;
        }
        cork::settle();
        let mut frame = BytesMut::new();
        put(&mut frame);
        self.broadcast_now(&Frames { bytes: frame.freeze(), count: 1 })
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

    fn broadcast_now(self: &Arc<Self>, frames: &Frames) -> Handled {
        let clients = self.clients();
        let mut sent = 0;
        let mut waiting: Vec<BoxFuture<'static, ()>> = Vec::new();
        for connection in clients.by_session.values() {
            match send_frames(connection, frames) {
                Ok(count) => sent += count,
                Err(Full) if self.must_wait(connection) => {
                    let sending = send_frames_when_possible(Arc::clone(connection), frames.clone());
                    waiting.push(Box::pin(sending));
                }
                Err(Full) => self.too_slow(connection, frames.count),
            }
        }
        metrics::SENT.add(sent);
        if waiting.is_empty() {
            return Handled::Done;
        }
        Handled::Later(Box::pin(async move {
            futures_util::future::join_all(waiting).await;
            Ok(())
        }))
    }

    /// Drops `count` messages for a client.
    fn too_slow(&self, connection: &Arc<Connection<ByteStream>>, count: u64) {
        metrics::DROPPED_SLOW.add(count);
        let text = "a client reads too slowly, a message for it was dropped";
        self.cx.log(Level::Debug, format_args!("{text}"));
        if self.slow_peer == SlowPeer::Disconnect {
            connection.close(&status::too_slow());
        }
    }

    /// Messages to an ended session are common, so they are counted and logged only at debug level.
    fn gone(&self, text: std::fmt::Arguments<'_>) {
        metrics::DROPPED_GONE.increment();
        self.cx.log(Level::Debug, text);
    }
}

/// The queue of a client has no room for frames.
struct Full;

/// Sends frames to one client. Returns how many messages were sent: none to a client that has left.
/// The caller counts them, once for all clients.
fn send_frames(connection: &Arc<Connection<ByteStream>>, frames: &Frames) -> Result<u64, Full> {
    match connection.send_encoded(&frames.bytes) {
        Ok(()) => Ok(frames.count),
        Err(NotSent::Closed) => {
            metrics::DROPPED_GONE.add(frames.count);
            Ok(0)
        }
        Err(NotSent::Full(_)) => Err(Full),
    }
}

async fn send_frames_when_possible(connection: Arc<Connection<ByteStream>>, frames: Frames) {
    loop {
        if let Ok(count) = send_frames(&connection, &frames) {
            metrics::SENT.add(count);
            return;
        }
        connection.room().await;
    }
}

impl Broadcast for Sessions {
    fn broadcast(&self, frames: &Frames) {
        let clients = self.clients();
        let mut sent = 0;
        for connection in clients.by_session.values() {
            match send_frames(connection, frames) {
                Ok(count) => sent += count,
                Err(Full) => self.too_slow(connection, frames.count),
            }
        }
        metrics::SENT.add(sent);
    }
}
