//! Sending: a message goes to the outbox, or waits before it while the socket is blocked.

use std::sync::{Arc, MutexGuard};

use bytes::Bytes;
use ferrowire_core::Text;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::connection::backlog::unlock;
use crate::connection::cork::{self, Flush};
use crate::connection::feed::Broadcast;
use crate::connection::held::{Held, Waiting};
use crate::connection::outbox::Outbox;
use crate::connection::{Connection, Io, NotSent, State};
use crate::frame::Payload;

/// Output is written once it has this size, even with more input to process.
const FLUSH_AT: usize = 64 * 1024;

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Connection<S> {
    /// Sends one message without waiting.
    ///
    /// # Errors
    /// If the queue is full or the connection is closing; the message is not sent then.
    pub fn send(self: &Arc<Self>, payload: Payload) -> Result<(), NotSent<Payload>> {
        self.send_about(payload, None)
    }

    /// Sends one message about `topic`, which may replace an older one that waits.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub(crate) fn send_about(
        self: &Arc<Self>,
        payload: Payload,
        topic: Option<&Text>,
    ) -> Result<(), NotSent<Payload>> {
        let hold = |held: &mut Held, payload| held.push(Waiting::Own(payload), topic);
        let Some(alone) = self.shared_compression() else {
            return self.push(payload.as_bytes().len(), payload, Outbox::push, hold);
        };
        // Before the lock, so that nobody waits for it. What is held is compressed when it is sent.
        let bytes = payload.clone();
        alone.compress(bytes.as_bytes(), |compressed| {
            let length = compressed.unwrap_or(bytes.as_bytes()).len();
            let push = |outbox: &mut Outbox, payload: Payload| match compressed {
                Some(compressed) => outbox.push_compressed(payload.opcode(), compressed),
                None => outbox.push_plain(payload),
            };
            self.push(length, payload, push, hold)
        })
    }

    /// Sends frames, shared by many connections.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub(crate) fn send_broadcast(
        self: &Arc<Self>,
        frames: &Broadcast,
        topic: Option<&Text>,
    ) -> Result<(), NotSent<()>> {
        let push = |outbox: &mut Outbox, ()| outbox.push_broadcast(frames);
        let hold = |held: &mut Held, ()| held.push_frames(&frames.bytes, topic);
        self.push(frames.bytes.len(), (), push, hold)
    }

    /// Sends frames that it missed, whatever the length of the queue.
    pub(crate) fn replay(self: &Arc<Self>, frames: &[Bytes]) {
        let mut io = self.lock();
        if frames.is_empty() || io.state != State::Open {
            return;
        }
        for frame in frames {
            match io.holding() {
                Some(held) => held.push_frames(frame, None),
                None => io.outbox.push_encoded(frame),
            }
        }
        io.trim();
        self.flush_soon(io);
    }

    /// Whether a message of `length` bytes would be accepted now.
    pub fn has_room(&self, length: usize) -> bool {
        self.lock().has_room(length)
    }

    fn push<T>(
        self: &Arc<Self>,
        length: usize,
        content: T,
        push: impl FnOnce(&mut Outbox, T),
        hold: impl FnOnce(&mut Held, T),
    ) -> Result<(), NotSent<T>> {
        let mut io = self.lock();
        if !io.has_room(length) && !self.makes_room(&mut io, length) {
            return Err(NotSent::Full(content));
        }
        if io.state != State::Open {
            return Err(NotSent::Closed);
        }
        match io.holding() {
            Some(held) => hold(held, content),
            None => push(&mut io.outbox, content),
        }
        io.trim();
        self.flush_soon(io);
        Ok(())
    }

    /// Whether a message that the queue had no room for can be queued now, or the connection is
    /// closing.
    #[cold]
    fn makes_room(&self, io: &mut Io<S>, length: usize) -> bool {
        if !io.blocked {
            // What is queued may not have been offered to the socket yet.
            self.write(io);
        }
        let must_fit = !io.may_drop() || self.is_sending_to_itself();
        io.state != State::Open || !must_fit || io.has_room(length)
    }

    /// Defers writing to the current task's cork, if there is one and the queue is short; otherwise
    /// writes at once.
    pub(crate) fn flush_soon(self: &Arc<Self>, mut io: MutexGuard<'_, Io<S>>) {
        if io.blocked {
            let must_relieve = io.count();
            return unlock(io, must_relieve);
        }
        if io.deferred && io.outbox.waiting() < FLUSH_AT {
            return;
        }
        if io.outbox.waiting() < FLUSH_AT && cork::defer(|| Arc::clone(self) as Arc<dyn Flush>) {
            io.deferred = true;
            return;
        }
        let must_relieve = self.write(&mut io);
        unlock(io, must_relieve);
    }
}
