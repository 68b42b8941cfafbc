//! One WebSocket connection over any stream: reads, dispatches, writes, closes.
//!
//! One task reads the socket and delivers each message before it reads the next, so that
//! back-pressure reaches the peer's TCP window. Any task may send: frames are written directly to
//! the socket, and the rest waits in a bounded outbox that the connection's task writes.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ferrowire_core::Sending;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio_util::io::poll_read_buf;
use tungstenite::protocol::frame::coding::{Control, OpCode};

use crate::cork::{self, Flush};
use crate::frame::{Close, Payload, Role, put_close, put_frame};
use crate::outbox::Outbox;
use crate::reader::{Incoming, Reader, Violation};
use crate::scratch;

/// The limits of one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The maximum size of a received message in bytes; a larger one closes the connection with
    /// 1009.
    pub max_message: usize,
    /// The maximum number of bytes queued for a peer. A single larger message is accepted if the
    /// queue is empty.
    pub max_queue: usize,
    /// How long queued output may make no progress before the connection is dropped.
    pub stall: Duration,
    /// How long to wait for the answer to a close frame.
    pub close: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            max_message: 100 << 20,
            max_queue: 4 << 20,
            stall: Duration::from_secs(60),
            close: Duration::from_secs(2),
        }
    }
}

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
}

/// Output is written once it has this size, even with more input to process.
const FLUSH_AT: usize = 64 * 1024;

/// After this many reads in a row the task yields.
const READS_IN_A_ROW: u32 = 16;

/// A WebSocket connection whose handshake is done.
pub struct Connection<S> {
    io: Mutex<Io<S>>,
    pub(crate) limits: Limits,
    role: Role,
    /// Notified when output was written or the state changed.
    changed: Notify,
    /// A ping or pong was received since this was last cleared.
    alive: AtomicBool,
    /// Bytes written so far, for the stall timeout.
    progress: AtomicU64,
}

pub(crate) struct Io<S> {
    pub(crate) stream: S,
    pub(crate) outbox: Outbox,
    pub(crate) state: State,
    /// Wakes the connection's task.
    waker: Waker,
    /// Already registered in a cork.
    deferred: bool,
    /// The socket is not writable; the task's waker is registered with it.
    blocked: bool,
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
    /// A connection over `stream`, after the handshake.
    pub fn new(stream: S, role: Role, limits: Limits) -> Arc<Self> {
        Arc::new(Connection {
            io: Mutex::new(Io {
                stream,
                outbox: Outbox::new(role, limits.max_queue),
                state: State::Open,
                waker: Waker::noop().clone(),
                deferred: false,
                blocked: false,
            }),
            limits,
            role,
            changed: Notify::new(),
            alive: AtomicBool::new(true),
            progress: AtomicU64::new(0),
        })
    }

    /// The server's side of a connection over `stream`. `answer`, the response to the handshake, is
    /// sent with the first frame, or when the connection is run.
    pub fn accepted(stream: S, answer: &Bytes, limits: Limits) -> Arc<Self> {
        let connection = Connection::new(stream, Role::Server, limits);
        connection.lock().outbox.push_encoded(answer);
        connection
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Io<S>> {
        self.io.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self) as usize
    }

    /// Sends one message without waiting.
    ///
    /// # Errors
    /// If the queue is full or the connection is closing; the message is not sent then.
    pub fn send(self: &Arc<Self>, payload: Payload) -> Result<(), NotSent<Payload>> {
        self.push(payload.as_bytes().len(), payload, Outbox::push)
    }

    /// Sends encoded frames, shared by many connections.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn send_encoded<'a>(self: &Arc<Self>, frame: &'a Bytes) -> Result<(), NotSent<&'a Bytes>> {
        self.push(frame.len(), frame, Outbox::push_encoded)
    }

    /// Whether a message of `length` bytes would be accepted now.
    pub fn has_room(&self, length: usize) -> bool {
        self.lock().outbox.has_room(length)
    }

    fn push<T>(
        self: &Arc<Self>,
        length: usize,
        content: T,
        push: impl FnOnce(&mut Outbox, T),
    ) -> Result<(), NotSent<T>> {
        let mut io = self.lock();
        if !io.outbox.has_room(length) && !io.blocked {
            // Try to write first: the queued output may not have been offered to the socket yet.
            self.write(&mut io);
        }
        if io.state != State::Open {
            return Err(NotSent::Closed);
        }
        if !io.outbox.has_room(length) {
            return Err(NotSent::Full(content));
        }
        push(&mut io.outbox, content);
        self.flush_soon(io);
        Ok(())
    }

    /// Defers writing to the current task's cork, if there is one and the queue is short; otherwise
    /// writes at once.
    fn flush_soon(self: &Arc<Self>, mut io: MutexGuard<'_, Io<S>>) {
        if io.blocked || (io.deferred && io.outbox.waiting() < FLUSH_AT) {
            return;
        }
        if io.outbox.waiting() < FLUSH_AT && cork::defer(|| Arc::clone(self) as Arc<dyn Flush>) {
            io.deferred = true;
            return;
        }
        self.write(&mut io);
    }

    /// Writes queued output. An error marks the connection dead and wakes its task.
    fn write(&self, io: &mut Io<S>) {
        let was_blocked = std::mem::take(&mut io.blocked);
        if io.outbox.is_empty() || io.state == State::Dead {
            return;
        }
        let before = io.outbox.waiting();
        // A task that writes to many sockets would use up tokio's budget, which would look like a
        // blocked socket and wake the task of each.
        let flush = poll_fn(|cx| io.outbox.poll_flush(&mut io.stream, cx));
        let flush = pin!(tokio::task::unconstrained(flush));
        match flush.poll(&mut Context::from_waker(&io.waker)) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => {
                io.state = State::Dead;
                io.waker.wake_by_ref();
            }
            Poll::Pending => {
                io.blocked = true;
                if io.outbox.waiting() < before {
                    self.progress.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        if io.blocked != was_blocked || io.state == State::Dead {
            self.changed.notify_waiters();
        }
    }

    /// Waits until a message may be sent again, or the connection has ended.
    pub async fn room(&self) {
        self.write(&mut self.lock());
        self.until(|io| io.state != State::Open || io.outbox.is_empty()).await;
    }

    pub(crate) async fn until(&self, condition: impl Fn(&Io<S>) -> bool) {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            if condition(&self.lock()) {
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
        io.outbox.push_control(|out, role| put_close(out, role, close));
        self.write(&mut io);
        io.waker.wake_by_ref();
        self.changed.notify_waiters();
    }

    /// Drops the connection at once, without a close frame.
    pub fn abort(&self) {
        let mut io = self.lock();
        io.state = State::Dead;
        io.waker.wake_by_ref();
        self.changed.notify_waiters();
    }

    /// Sends a ping (RFC 6455 §5.5.2).
    pub fn ping(self: &Arc<Self>) {
        self.control(Control::Ping, &[]);
    }

    /// Whether a ping or pong was received since the last call.
    pub fn take_alive(&self) -> bool {
        self.alive.swap(false, Ordering::Relaxed)
    }

    fn control(self: &Arc<Self>, kind: Control, payload: &[u8]) {
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
            () = self.stalled() => Ended::Lost("it took nothing for too long"),
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
        let mut reader = Reader::new(self.role, self.limits.max_message);
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
                Input::More => {}
                Input::Closing => return self.await_close(&mut reader, input).await,
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
                        sending.await;
                    }
                }
                Incoming::Ping(payload) => {
                    self.alive.store(true, Ordering::Relaxed);
                    if !self.lock().outbox.has_room(payload.len()) {
                        self.room().await;
                    }
                    self.control(Control::Pong, &payload);
                }
                Incoming::Pong => self.alive.store(true, Ordering::Relaxed),
                Incoming::Close(close) => return Ok(Some(close)),
            }
        }
        Ok(None)
    }

    fn poll_input(
        &self,
        cx: &mut Context<'_>,
        reader: &Reader,
        input: &mut BytesMut,
    ) -> Poll<Input> {
        let mut io = self.lock();
        match io.state {
            State::Open => {}
            State::Closing => return Poll::Ready(Input::Closing),
            State::Dead => return Poll::Ready(Input::End("it cannot be written to")),
        }
        let stream = Pin::new(&mut io.stream);
        let read = if input.is_empty() {
            *input = BytesMut::new();
            scratch::with(|scratch| {
                let read = poll_read_buf(stream, cx, scratch);
                if !scratch.is_empty() {
                    *input = scratch.split();
                }
                read
            })
        } else {
            input.reserve(reader.wanted(input).max(scratch::LEAST));
            poll_read_buf(stream, cx, input)
        };
        read.map(Input::from)
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Flush for Connection<S> {
    fn flush(&self) {
        let mut io = self.lock();
        io.deferred = false;
        if !io.blocked {
            self.write(&mut io);
        }
    }
}

impl<S> std::fmt::Debug for Connection<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("role", &self.role).finish_non_exhaustive()
    }
}

/// The result of a read.
enum Input {
    More,
    Closing,
    End(&'static str),
}

impl From<io::Result<usize>> for Input {
    fn from(read: io::Result<usize>) -> Self {
        match read {
            Ok(0) => Input::End("it ended without a close frame"),
            Ok(_) => Input::More,
            Err(_) => Input::End("reading failed"),
        }
    }
}
