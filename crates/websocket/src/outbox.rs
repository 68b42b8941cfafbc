//! `Outbox`: the bounded output queue of one socket.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncWrite;

use crate::frame::{Payload, Role, apply_mask, put_header};
use crate::header::MAX_HEADER;

/// Payloads up to this size are copied into one buffer, so that many leave in one write; larger
/// ones are written without a copy.
const COPY_UP_TO: usize = 2048;

/// The maximum number of slices in one write.
const SLICES: usize = 16;

/// Frames to be written, in order.
#[derive(Debug)]
pub(crate) struct Outbox {
    role: Role,
    /// A shared frame while it is the only one, which avoids a copy or allocation.
    single: Bytes,
    /// Complete pieces before the tail.
    pieces: VecDeque<Bytes>,
    /// Small frames, concatenated.
    tail: BytesMut,
    waiting: usize,
    limit: usize,
    /// Written to the stream, but possibly still in its buffer (TLS).
    unflushed: bool,
}

impl Outbox {
    /// An empty outbox for at most `limit` bytes.
    pub(crate) fn new(role: Role, limit: usize) -> Self {
        Outbox {
            role,
            single: Bytes::new(),
            pieces: VecDeque::new(),
            tail: BytesMut::new(),
            waiting: 0,
            limit,
            unflushed: false,
        }
    }

    /// The number of queued bytes.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Whether everything was passed to the system.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting == 0 && !self.unflushed
    }

    /// Whether there is room for `length` bytes. An empty outbox has room for any length.
    pub(crate) fn has_room(&self, length: usize) -> bool {
        self.waiting == 0 || self.waiting + length + MAX_HEADER <= self.limit
    }

    /// Appends a message as one frame.
    pub(crate) fn push(&mut self, payload: Payload) {
        self.join_single();
        let length = payload.as_bytes().len();
        self.reserve(length.min(COPY_UP_TO));
        let before = self.tail.len();
        let mask = put_header(&mut self.tail, self.role, payload.opcode(), length);
        self.waiting += self.tail.len() - before + length;
        match mask {
            None if length > COPY_UP_TO => {
                self.pieces.push_back(self.tail.split().freeze());
                self.pieces.push_back(payload.into_bytes());
            }
            None => self.tail.extend_from_slice(payload.as_bytes()),
            Some(mask) => {
                let start = self.tail.len();
                self.tail.extend_from_slice(payload.as_bytes());
                apply_mask(&mut self.tail[start..], mask);
            }
        }
    }

    /// Appends an encoded frame that is shared with other outboxes.
    pub(crate) fn push_encoded(&mut self, frame: &Bytes) {
        if self.waiting == 0 {
            self.single = frame.clone();
        } else {
            self.join_single();
            self.append_shared(frame);
        }
        self.waiting += frame.len();
    }

    fn append_shared(&mut self, frame: &Bytes) {
        if frame.len() <= COPY_UP_TO {
            self.reserve(frame.len());
            self.tail.extend_from_slice(frame);
            return;
        }
        if !self.tail.is_empty() {
            self.pieces.push_back(self.tail.split().freeze());
        }
        self.pieces.push_back(frame.clone());
    }

    /// Moves the single frame to the queue, since another one follows.
    fn join_single(&mut self) {
        if !self.single.is_empty() {
            let single = std::mem::take(&mut self.single);
            self.append_shared(&single);
        }
    }

    /// Appends a control frame, which always has room.
    pub(crate) fn push_control(&mut self, write: impl FnOnce(&mut BytesMut, Role)) {
        self.join_single();
        let before = self.tail.len();
        write(&mut self.tail, self.role);
        self.waiting += self.tail.len() - before;
    }

    fn reserve(&mut self, length: usize) {
        if self.tail.capacity() - self.tail.len() < length + MAX_HEADER {
            self.tail.reserve((length + MAX_HEADER).max(256).max(self.tail.len()));
        }
    }

    /// Writes until the outbox is empty or the socket blocks. An empty outbox holds no memory.
    pub(crate) fn poll_flush<S: AsyncWrite + Unpin>(
        &mut self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while self.waiting > 0 {
            let written = ready!(self.poll_write(stream, cx))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.unflushed = true;
            self.advance(written);
        }
        if self.unflushed {
            ready!(Pin::new(stream).poll_flush(cx))?;
            self.unflushed = false;
        }
        self.single = Bytes::new();
        if self.tail.capacity() > 0 {
            self.tail = BytesMut::new();
        }
        if self.pieces.capacity() > 0 {
            self.pieces = VecDeque::new();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_write<S: AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        if !self.single.is_empty() {
            return Pin::new(stream).poll_write(cx, &self.single);
        }
        if self.pieces.is_empty() {
            return Pin::new(stream).poll_write(cx, &self.tail);
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let pieces = self.pieces.iter().map(Bytes::as_ref).chain([self.tail.as_ref()]);
        let mut count = 0;
        for (slice, piece) in slices.iter_mut().zip(pieces) {
            *slice = IoSlice::new(piece);
            count += 1;
        }
        Pin::new(stream).poll_write_vectored(cx, &slices[..count])
    }

    fn advance(&mut self, mut written: usize) {
        self.waiting -= written;
        if !self.single.is_empty() {
            return self.single.advance(written);
        }
        while let Some(first) = self.pieces.front_mut() {
            if written < first.len() {
                return first.advance(written);
            }
            written -= first.len();
            self.pieces.pop_front();
        }
        self.tail.advance(written);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reader::{Incoming, Reader};
    use proptest::prelude::*;
    use std::task::Waker;

    /// Accepts `step` bytes at a time.
    struct Slow {
        written: BytesMut,
        step: usize,
    }

    impl AsyncWrite for Slow {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            data: &[u8],
        ) -> Poll<io::Result<usize>> {
            let taken = data.len().min(self.step);
            self.written.extend_from_slice(&data[..taken]);
            Poll::Ready(Ok(taken))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    proptest! {
        #[test]
        fn messages_of_all_sizes_leave_in_order(
            sizes in proptest::collection::vec(prop_oneof![0usize..200, 1900usize..70_000], 1..20),
            step in 1usize..5000, client in any::<bool>(), shared in any::<bool>(),
        ) {
            let (role, peer) =
                if client { (Role::Client, Role::Server) } else { (Role::Server, Role::Client) };
            let mut outbox = Outbox::new(role, usize::MAX);
            let messages: Vec<Payload> = sizes
                .iter()
                .enumerate()
                .map(|(at, size)| Payload::Binary(vec![at as u8; *size].into()))
                .collect();
            for message in &messages {
                if shared {
                    let mut frame = BytesMut::new();
                    crate::frame::put_frame(&mut frame, role, message.opcode(), message.as_bytes());
                    outbox.push_encoded(&frame.freeze());
                } else {
                    outbox.push(message.clone());
                }
            }
            let mut slow = Slow { written: BytesMut::new(), step };
            let poll = outbox.poll_flush(&mut slow, &mut Context::from_waker(Waker::noop()));
            prop_assert!(poll.is_ready() && outbox.is_empty());
            let mut reader = Reader::new(peer, usize::MAX);
            for message in messages {
                let read = reader.next(&mut slow.written).unwrap();
                prop_assert_eq!(read, Some(Incoming::Message(message)));
            }
            prop_assert!(slow.written.is_empty());
        }
    }
}
