//! One WebSocket connection over any stream: reads, dispatches, writes, closes.
//!
//! One task reads the socket and delivers each message before it reads the next, so that
//! back-pressure reaches the peer's TCP window. Any task may send: frames are written directly to
//! the socket, and the rest waits in a bounded outbox that the connection's task writes.

pub(crate) mod activity;
pub(crate) mod backlog;
pub(crate) mod closing;
pub(crate) mod cork;
pub(crate) mod feed;
pub(crate) mod forms;
mod held;
mod input;
pub(crate) mod outbox;
mod piece;
mod scratch;
mod sending;

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ferrowire_core::{MutexExt as _, Sending};
use ferrowire_net::Backlog;
use ferrowire_net::backlog::Member;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tungstenite::protocol::frame::coding::{Control, OpCode};

use crate::connection::activity::Activity;
use crate::connection::backlog::unlock;
use crate::connection::cork::Flush;
use crate::connection::held::Held;
use crate::connection::input::{Input, Retiring};
use crate::connection::outbox::Outbox;
use crate::deflate::Agreed;
use crate::deflate::compressor::{Alone, Compressor};
use crate::deflate::decompressor::Decompressor;
use crate::deflate::memory::Reserved;
use crate::frame::reader::{Incoming, Reader, Violation};
use crate::frame::{Close, Payload, Role, put_close, put_frame};

pub use held::Overflow;

/// The limits of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The maximum size of a received message in bytes; a larger one closes the connection with
    /// 1009.
    pub max_message: usize,
    /// The maximum number of bytes queued for a peer. A single larger message is accepted if the
    /// queue is empty.
    pub max_queue: usize,
    /// The maximum number of messages that wait behind those that the socket is being given.
    pub max_queue_messages: usize,
    /// What happens when either is reached.
    pub overflow: Overflow,
    /// How long queued output may make no progress before the connection is dropped.
    pub stall: Duration,
    /// How long to wait for the answer to a close frame.
    pub close: Duration,
}

impl Limits {
    /// The limits of a connection for which nothing else is said.
    pub const DEFAULT: Limits = Limits {
        max_message: 100 << 20,
        max_queue: 4 << 20,
        max_queue_messages: usize::MAX,
        overflow: Overflow::Refuse,
        stall: Duration::from_secs(60),
        close: Duration::from_secs(2),
    };
}

impl Default for Limits {
    fn default() -> Self {
        Limits::DEFAULT
    }
}

/// Why this side drops a connection whose output makes no progress.
pub(crate) const STALLED: &str = "it took nothing for too long";

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By a close frame of the peer, or by ours, which the peer answered.
    Closed(Close),
    /// The peer violated the protocol or a limit; this close was sent.
    Violation(Close),
    /// Without a close frame: the peer disconnected or timed out.
    Lost(&'static str),
}

/// Why [`Connection::send`] did not accept a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotSent<T> {
    /// The queue of the peer is full; returns the message.
    Full(T),
    /// The connection is closing or gone.
    Closed,
}

/// Receives the messages of a connection.
pub trait Receive: Send + Sync {
    /// Handles one message; the connection reads on when the returned future ends.
    fn message(&self, payload: Payload) -> Sending;

    /// Handles a ping with `length` bytes, which is answered after the returned future; `None` if
    /// it is not to be answered.
    fn ping(&self, _length: usize) -> Option<Sending> {
        Some(Sending::done())
    }
}

/// After this many reads in a row the task yields.
const READS_IN_A_ROW: u32 = 16;

/// A WebSocket connection whose handshake is done.
pub struct Connection<S> {
    io: Mutex<Io<S>>,
    pub(crate) limits: Limits,
    role: Role,
    /// Notified when output was written or the state changed.
    changed: Notify,
    activity: Activity,
    /// Bytes written so far, for the stall timeout.
    progress: AtomicU64,
    /// How our messages are compressed if each stands by itself.
    alone: OnceLock<Alone>,
}

pub(crate) struct Io<S> {
    pub(crate) stream: S,
    pub(crate) outbox: Outbox,
    /// Messages that wait before the outbox while the socket is blocked, if some may be dropped.
    pub(crate) held: Option<Box<Held>>,
    /// Until the connection is run.
    decompressor: Option<Box<Decompressor>>,
    /// The memory of compression contexts.
    contexts: Option<Reserved>,
    pub(crate) state: State,
    /// How it ends once its input so far is delivered.
    retiring: Option<Box<Retiring>>,
    /// Wakes the connection's task.
    waker: Waker,
    /// Already registered in a cork.
    pub(crate) deferred: bool,
    /// The socket is not writable; the task's waker is registered with it.
    pub(crate) blocked: bool,
    /// Why the stream is unusable.
    pub(crate) lost: &'static str,
    pub(crate) member: Member,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Open,
    /// Our close frame is queued or sent.
    Closing,
    /// The stream is unusable.
    Dead,
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Connection<S> {
    /// A connection over `stream`, after the handshake. Its output is part of `backlog`.
    pub fn new(stream: S, role: Role, limits: Limits, backlog: &'static Backlog) -> Arc<Self> {
        Arc::new_cyclic(|this: &Weak<Self>| Connection {
            io: Mutex::new(Io {
                stream,
                outbox: Outbox::new(role, limits.max_queue),
                held: Held::new(limits.overflow, limits.max_queue_messages),
                decompressor: None,
                contexts: None,
                state: State::Open,
                retiring: None,
                waker: Waker::noop().clone(),
                deferred: false,
                blocked: false,
                lost: "it cannot be written to",
                member: backlog.join(this.clone()),
            }),
            limits,
            role,
            changed: Notify::new(),
            activity: Activity::default(),
            progress: AtomicU64::new(0),
            alone: OnceLock::new(),
        })
    }

    /// Compresses as was agreed on in the handshake. Must be called before anything is sent and
    /// before the connection is run.
    pub(crate) fn compress(&self, agreed: Agreed) {
        let Agreed { ours, theirs, rules, memory } = agreed;
        let mut io = self.lock();
        io.decompressor = Some(Box::new(Decompressor::new(theirs)));
        io.contexts = memory;
        let compressor = Compressor::new(rules, ours);
        if let Some(alone) = compressor.alone() {
            // Set only here.
            let _alone = self.alone.get_or_init(|| alone);
        }
        io.outbox.compress(compressor);
    }

    /// How broadcasts to this connection can be compressed, together with those to others.
    pub(crate) fn shared_compression(&self) -> Option<Alone> {
        self.alone.get().copied()
    }

    /// The server's side of a connection over `stream`. `answer`, the response to the handshake, is
    /// sent with the first frame, or when the connection is run.
    pub fn accepted(
        stream: S,
        answer: &Bytes,
        limits: Limits,
        backlog: &'static Backlog,
    ) -> Arc<Self> {
        let connection = Connection::new(stream, Role::Server, limits, backlog);
        connection.lock().outbox.push_encoded(answer);
        connection
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Io<S>> {
        self.io.locked()
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self) as usize
    }

    /// Writes queued output. An error marks the connection dead and wakes its task. Returns whether
    /// the backlog exceeds its limit.
    pub(crate) fn write(&self, io: &mut Io<S>) -> bool {
        let was_blocked = std::mem::take(&mut io.blocked);
        if io.outbox.is_empty() || io.state == State::Dead {
            return false;
        }
        let before = io.waiting();
        // A task that writes to many sockets would use up tokio's budget, which would look like a
        // blocked socket and wake the task of each.
        let Io { outbox, held, stream, waker, .. } = &mut *io;
        let flush = poll_fn(|cx| held::poll_flush((&mut *outbox, &mut *held), stream, cx));
        let flush = pin!(tokio::task::unconstrained(flush));
        let poll = flush.poll(&mut Context::from_waker(waker));
        if was_blocked && io.waiting() < before {
            self.activity.show();
        }
        match poll {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => {
                io.state = State::Dead;
                io.waker.wake_by_ref();
            }
            Poll::Pending => {
                io.blocked = true;
                if io.waiting() < before {
                    self.progress.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        if io.blocked != was_blocked || io.state == State::Dead {
            self.changed.notify_waiters();
        }
        (io.blocked || was_blocked) && io.count()
    }

    /// Waits until a message may be sent again, or the connection has ended.
    pub async fn room(&self) {
        self.until(|io| {
            // Another task may have put its output off to the end of its poll. A write that does not
            // block then wakes nobody, so only a blocked socket is waited for.
            if !io.blocked {
                self.write(io);
            }
            io.state != State::Open || io.is_drained()
        })
        .await;
    }

    pub(crate) async fn until(&self, condition: impl Fn(&mut Io<S>) -> bool) {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            if condition(&mut self.lock()) {
                return;
            }
            changed.await;
        }
    }

    /// Whether the current task is the one that reads this connection.
    pub fn is_sending_to_itself(&self) -> bool {
        cork::is_working_for(self.address())
    }

    /// Starts the closing handshake: sends queued output, then a close frame. The task ends when
    /// the peer has answered, or after `limits.close`.
    pub fn close(self: &Arc<Self>, close: &Close) {
        let mut io = self.lock();
        if io.state != State::Open {
            return;
        }
        io.state = State::Closing;
        io.release();
        io.outbox.push_control(|out, role| put_close(out, role, close));
        self.write(&mut io);
        io.waker.wake_by_ref();
        self.changed.notify_waiters();
    }

    /// Drops the connection at once, without a close frame.
    pub fn abort(&self) {
        self.end(self.lock());
    }

    pub(crate) fn end(&self, mut io: MutexGuard<'_, Io<S>>) {
        io.state = State::Dead;
        io.waker.wake_by_ref();
        self.changed.notify_waiters();
    }

    pub(crate) fn control(self: &Arc<Self>, kind: Control, payload: &[u8]) {
        let mut io = self.lock();
        if io.state == State::Open {
            io.outbox.push_control(|out, role| {
                put_frame(out, role, OpCode::Control(kind), payload);
            });
            self.flush_soon(io);
        }
    }

    /// Reads until the connection ends. `early` are the bytes received after the handshake.
    ///
    /// Dropping the future drops the connection; use [`close`](Self::close) for a clean end.
    pub async fn run(self: Arc<Self>, early: Bytes, receiver: &dyn Receive) -> Ended {
        let mut reading = pin!(self.read(early, receiver));
        let working = poll_fn(|cx| {
            self.drain(cx.waker());
            cork::corked(self.address(), || reading.as_mut().poll(cx))
        });
        let ended = tokio::select! {
            biased;
            ended = working => ended,
            () = self.stalled() => Ended::Lost(STALLED),
        };
        self.lock().state = State::Dead;
        self.changed.notify_waiters();
        ended
    }

    /// At the start of each poll: stores the task's waker, and writes output left by a blocked
    /// socket.
    fn drain(&self, waker: &Waker) {
        let mut io = self.lock();
        if !io.waker.will_wake(waker) {
            io.waker = waker.clone();
            // A waker registered with the socket earlier may be stale.
            io.blocked = true;
        }
        if io.blocked {
            self.write(&mut io);
        }
    }

    /// Ends when queued output made no progress for `limits.stall`.
    async fn stalled(&self) {
        loop {
            self.until(|io| io.blocked && io.state != State::Dead).await;
            let before = self.progress.load(Ordering::Relaxed);
            tokio::time::sleep(self.limits.stall).await;
            if self.lock().blocked && self.progress.load(Ordering::Relaxed) == before {
                return;
            }
        }
    }

    async fn read(self: &Arc<Self>, early: Bytes, receiver: &dyn Receive) -> Ended {
        let mut input = BytesMut::from(early);
        let decompressor = self.lock().decompressor.take();
        let mut reader =
            Reader::new(self.role, self.limits.max_message).with_compression(decompressor);
        let mut reads = 0;
        loop {
            match self.dispatch(&mut reader, &mut input, receiver).await {
                Ok(None) => {}
                Ok(Some(close)) => return self.answer_close(close).await,
                Err(violation) => return self.fail(violation).await,
            }
            reads += 1;
            if reads >= READS_IN_A_ROW {
                tokio::task::yield_now().await;
                reads = 0;
            }
            let more = poll_fn(|cx| {
                let poll = self.poll_input(cx, &reader, &mut input);
                if poll.is_pending() {
                    reads = 0;
                }
                poll
            });
            match more.await {
                Input::More => self.activity.show(),
                Input::Retiring(close) => {
                    self.close(&close);
                    return self.await_close(&mut reader, input, Some(receiver)).await;
                }
                Input::Closing => return self.await_close(&mut reader, input, None).await,
                Input::End(reason) => return Ended::Lost(reason),
            }
        }
    }

    /// Delivers every message in `input`; stops at a close frame.
    async fn dispatch(
        self: &Arc<Self>,
        reader: &mut Reader,
        input: &mut BytesMut,
        receiver: &dyn Receive,
    ) -> Result<Option<Close>, Violation> {
        while let Some(incoming) = reader.next(input)? {
            match incoming {
                Incoming::Message(payload) => {
                    let sending = receiver.message(payload);
                    if !sending.is_done() {
                        self.busy_with(sending).await;
                    }
                }
                Incoming::Part => tokio::task::yield_now().await,
                Incoming::Ping(payload) => self.answer_ping(&payload, receiver).await,
                Incoming::Pong => self.take_pong(),
                Incoming::Close(close) => return Ok(Some(close)),
            }
        }
        Ok(None)
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Flush for Connection<S> {
    fn flush(&self) {
        let mut io = self.lock();
        io.deferred = false;
        if !io.blocked {
            let must_relieve = self.write(&mut io);
            unlock(io, must_relieve);
        }
    }
}

impl<S> std::fmt::Debug for Connection<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("role", &self.role).finish_non_exhaustive()
    }
}
