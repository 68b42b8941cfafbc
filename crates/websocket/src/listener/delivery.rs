//! Selects the sessions that receive a message: the one in `_session`, or all.

use std::sync::Arc;

use bytes::BytesMut;
use ferrowire_core::port::ByteStream;
use ferrowire_core::{Handled, Key, Level, Message, NodeError, Text, Value};
use futures_util::future::BoxFuture;

use crate::connection::cork::{self, Distribute, Frames};
use crate::connection::forms::Forms;
use crate::connection::{Connection, NotSent};
use crate::events::By;
use crate::frame::{Payload, Role, put_frame};
use crate::listener::history::Publication;
use crate::listener::member::Client;
use crate::listener::sessions::Sessions;
use crate::listener::target::{Target, To};
use crate::payload::{Session, outgoing};
use crate::settings::SlowPeer;
use crate::{metrics, status};

/// Broadcasts up to this size are collected; larger ones gain nothing from it.
const COLLECT_UP_TO: usize = 16 * 1024;

tokio::task_local! {
    /// The session whose task is running: most messages go to it, without a look-up.
    static CURRENT: Current;
}

struct Current {
    client: Client,
    /// The listener, by its address: a message may belong to another listener.
    listener: usize,
}

impl Sessions {
    /// Runs the task of a session, so that messages to it need no look-up.
    pub(crate) async fn answering<T>(&self, client: Client, task: impl Future<Output = T>) -> T {
        let current = Current { client, listener: self.address() };
        CURRENT.scope(current, task).await
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self) as usize
    }

    /// Whether the message is for the session whose task is running.
    fn is_for_current(&self, msg: &Message) -> bool {
        let answers = |current: &Current| {
            current.listener == self.address() && current.client.member.session.sent(msg)
        };
        CURRENT.try_with(answers).unwrap_or(false)
    }

    /// Sends to the session in `_session`, or to all.
    pub(crate) fn send(self: &Arc<Self>, msg: Message) -> Handled {
        if self.is_for_current(&msg) {
            cork::settle();
            return CURRENT.with(|current| self.send_to_client(&current.client, msg));
        }
        let Some(id) = Session::id_in(&msg) else { return self.broadcast(msg) };
        match Target::of(&msg) {
            Some(Ok(target)) => return self.send_addressed(&target, msg),
            Some(Err(error)) => return Handled::Failed(error),
            None => cork::settle(),
        }
        let id = Key::from(id);
        self.send_to_session(&id, msg)
    }

    pub(super) fn send_to_session(self: &Arc<Self>, id: &str, msg: Message) -> Handled {
        match self.client(id) {
            Some(client) => self.send_to_client(&client, msg),
            None => self.send_elsewhere(id, msg),
        }
    }

    /// Sends to a session that this instance has not.
    fn send_elsewhere(self: &Arc<Self>, id: &str, msg: Message) -> Handled {
        let Some(others) = self.others.as_ref().filter(|others| others.holder(id).is_some()) else {
            self.gone(format_args!("there is no session {id}; the message was dropped"));
            return Handled::Done;
        };
        let target = Target { to: To::Sessions, names: vec![id.into()], except: None };
        match self.prepared(&target, msg) {
            Ok(Some(message)) => {
                others.publish(&target, &message);
                Handled::Done
            }
            Ok(None) => Handled::Done,
            Err(error) => Handled::Failed(error),
        }
    }

    /// The payload of a message to `target`, and what the queues and the history need to know of it.
    pub(super) fn prepared(
        &self,
        target: &Target,
        msg: Message,
    ) -> Result<Option<Publication>, NodeError> {
        let (topic, key) = (self.topic_of(&msg), self.key_of(target, &msg));
        let payload = outgoing(self.rules.mode, msg)?;
        Ok(payload.map(|payload| Publication { payload, topic, key }))
    }

    fn send_to_client(self: &Arc<Self>, client: &Client, msg: Message) -> Handled {
        let topic = self.topic_of(&msg);
        match outgoing(self.rules.mode, msg) {
            Ok(Some(payload)) => self.send_to(client, payload, topic),
            Ok(None) => Handled::Done,
            Err(error) => Handled::Failed(error.into()),
        }
    }

    /// The topic by which the queues of slow clients replace messages.
    pub(super) fn topic_of(&self, msg: &Message) -> Option<Text> {
        if self.rules.slow_peer != SlowPeer::Latest {
            return None;
        }
        match msg.get("topic")? {
            Value::String(topic) if !topic.is_empty() => Some(topic.clone()),
            _ => None,
        }
    }

    pub(super) fn send_to(
        self: &Arc<Self>,
        client: &Client,
        payload: Payload,
        topic: Option<Text>,
    ) -> Handled {
        let connection = &client.connection;
        match connection.send_about(payload, topic.as_ref()) {
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
                self.too_slow(client, 1);
                Handled::Done
            }
        }
    }

    /// A peer that receives answers to its own messages is slowed down by not reading from it.
    fn must_wait(&self, connection: &Connection<ByteStream>) -> bool {
        self.rules.slow_peer == SlowPeer::Wait || connection.is_sending_to_itself()
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
    pub(super) fn broadcast(self: &Arc<Self>, msg: Message) -> Handled {
        let all = Target::all();
        let message = match self.prepared(&all, msg) {
            Ok(Some(message)) => message,
            Ok(None) => return Handled::Done,
            Err(error) => return Handled::Failed(error),
        };
        let Some(others) = &self.others else { return self.broadcast_here(message) };
        if let Some(handled) = self.append(&all, &message) {
            return handled;
        }
        let handled = self.broadcast_here(message.clone());
        others.publish(&all, &message);
        handled
    }

    /// Sends to all clients of this instance.
    fn broadcast_here(self: &Arc<Self>, message: Publication) -> Handled {
        if message.key.is_some() {
            return self.publish(&Target::all(), message);
        }
        let Publication { payload, topic, .. } = message;
        let put = |frames: &mut BytesMut| {
            put_frame(frames, Role::Server, payload.opcode(), payload.as_bytes());
        };
        if self.may_collect(&payload) && cork::add_to_batch(self, put) {
            return Handled::Done;
        }
        cork::settle();
        let mut frame = BytesMut::new();
        put(&mut frame);
        self.broadcast_now(&self.shared(Frames { bytes: frame, count: 1 }), topic.as_ref())
    }

    /// Sends a message of another instance to the clients of this one.
    pub(super) fn deliver(self: &Arc<Self>, target: &Target, message: Publication) -> Handled {
        match (target.to, target.names.as_slice(), &target.except) {
            (To::All, _, None) => self.broadcast_here(message),
            (To::Sessions, [id], None) => match self.client(id) {
                Some(client) => self.send_to(&client, message.payload, message.topic),
                None => {
                    self.gone(format_args!("there is no session {id}; the message was dropped"));
                    Handled::Done
                }
            },
            _ => self.deliver_addressed(target, message),
        }
    }

    fn may_collect(&self, payload: &Payload) -> bool {
        let has_room = |current: &Current| {
            current.listener != self.address()
                || current.client.connection.has_room(COLLECT_UP_TO + payload.as_bytes().len())
        };
        payload.as_bytes().len() <= COLLECT_UP_TO
            && !matches!(self.rules.slow_peer, SlowPeer::Wait | SlowPeer::Latest)
            && CURRENT.try_with(has_room).unwrap_or(false)
    }

    pub(super) fn shared(&self, frames: Frames) -> Forms {
        Forms::new(frames, &self.feeds)
    }

    fn broadcast_now(self: &Arc<Self>, frames: &Forms, topic: Option<&Text>) -> Handled {
        let mut delivery = Delivery::new(self, frames, topic);
        self.clients().by_session.values().for_each(|client| delivery.give(client));
        delivery.finish()
    }

    /// Drops `count` messages for a client.
    fn too_slow(&self, client: &Client, count: u64) {
        metrics::DROPPED_SLOW.add(count);
        let text = "a client reads too slowly, a message for it was dropped";
        self.cx.log(Level::Debug, format_args!("{text}"));
        if self.rules.slow_peer == SlowPeer::Disconnect {
            metrics::CLOSED_SLOW.increment();
            client.close(&status::too_slow(), By::Runtime);
        }
    }

    /// Messages to an ended session are common, so they are counted and logged only at debug level.
    pub(super) fn gone(&self, text: std::fmt::Arguments<'_>) {
        metrics::DROPPED_GONE.increment();
        self.cx.log(Level::Debug, text);
    }
}

/// Gives frames to one client after the other.
pub(super) struct Delivery<'a> {
    sessions: &'a Sessions,
    frames: &'a Forms,
    topic: Option<&'a Text>,
    sent: u64,
    waiting: Vec<BoxFuture<'static, ()>>,
}

impl<'a> Delivery<'a> {
    pub(super) fn new(sessions: &'a Sessions, frames: &'a Forms, topic: Option<&'a Text>) -> Self {
        Delivery { sessions, frames, topic, sent: 0, waiting: Vec::new() }
    }

    pub(super) fn give(&mut self, client: &Client) {
        self.give_frames(client, self.frames);
    }

    /// Gives a client that has asked for offsets the form with them.
    pub(super) fn give_form(
        &mut self,
        client: &Client,
        numbered: &mut dyn FnMut() -> Option<Forms>,
    ) {
        match client.member.offsets.then(numbered).flatten() {
            Some(frames) => self.give_frames(client, &frames),
            None => self.give_frames(client, self.frames),
        }
    }

    fn give_frames(&mut self, client: &Client, frames: &Forms) {
        let connection = &client.connection;
        match send_frames(connection, frames, self.topic) {
            Ok(count) => self.sent += count,
            Err(Full) if self.sessions.must_wait(connection) => {
                let (connection, frames) = (Arc::clone(connection), frames.clone());
                self.waiting.push(Box::pin(send_frames_when_possible(connection, frames)));
            }
            Err(Full) => self.sessions.too_slow(client, self.frames.count()),
        }
    }

    /// Counts what was sent. The sender waits for clients that read slowly, if it must.
    pub(super) fn finish(self) -> Handled {
        metrics::SENT.add(self.sent);
        if self.waiting.is_empty() {
            return Handled::Done;
        }
        Handled::Later(Box::pin(async move {
            futures_util::future::join_all(self.waiting).await;
            Ok(())
        }))
    }
}

/// The queue of a client has no room for frames.
struct Full;

/// Sends frames to one client. Returns how many messages were sent: none to a client that has left.
/// The caller counts them, once for all clients.
fn send_frames(
    connection: &Arc<Connection<ByteStream>>,
    frames: &Forms,
    topic: Option<&Text>,
) -> Result<u64, Full> {
    match connection.send_broadcast(frames.of(connection), topic) {
        Ok(()) => Ok(frames.count()),
        Err(NotSent::Closed) => {
            metrics::DROPPED_GONE.add(frames.count());
            Ok(0)
        }
        Err(NotSent::Full(_)) => Err(Full),
    }
}

async fn send_frames_when_possible(connection: Arc<Connection<ByteStream>>, frames: Forms) {
    loop {
        if let Ok(count) = send_frames(&connection, &frames, None) {
            metrics::SENT.add(count);
            return;
        }
        connection.room().await;
    }
}

impl Distribute for Sessions {
    fn distribute(&self, frames: Frames) {
        let frames = &self.shared(frames);
        let clients = self.clients();
        let mut sent = 0;
        for client in clients.by_session.values() {
            match send_frames(&client.connection, frames, None) {
                Ok(count) => sent += count,
                Err(Full) => self.too_slow(client, frames.count()),
            }
        }
        metrics::SENT.add(sent);
    }
}
