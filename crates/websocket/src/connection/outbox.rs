//! `Outbox`: the bounded output queue of one socket.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::AsyncWrite;
use tungstenite::protocol::frame::coding::OpCode;

use crate::connection::feed::Broadcast;
use crate::connection::piece::{Piece, Run};
use crate::deflate::compressor::Compressor;
use crate::frame::header::MAX_HEADER;
use crate::frame::{Payload, Role, apply_mask, put_compressed_header, put_header};

/// Payloads up to this size are copied into one buffer, so that many leave in one write; larger
/// ones are written without a copy.
const COPY_UP_TO: usize = 2048;

/// The maximum number of slices in one write.
const SLICES: usize = 16;

/// The tail becomes a piece at this size, so that its memory is released while it is written.
const TAIL: usize = 64 * 1024;

/// Runs of broadcasts are copied together for a write up to this size, as they may be short.
const GATHER: usize = 64 * 1024;

/// With fewer pieces than this, a run may begin anywhere in a segment; with more only at its
/// beginning. Bounds the broadcasts that a queue retains without sending them.
const FEW: usize = 8;

thread_local! {
    static GATHERED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Frames to be written, in order.
#[derive(Debug)]
pub(crate) struct Outbox {
    role: Role,
    /// Shared bytes while they are the only ones, which avoids a copy or allocation.
    single: Bytes,
    /// Complete pieces before the tail.
    pieces: VecDeque<Piece>,
    /// Small frames, concatenated.
    tail: BytesMut,
    waiting: usize,
    /// The part of `waiting` that is not shared with other outboxes.
    own: usize,
    limit: usize,
    /// Written to the stream, but possibly still in its buffer (TLS).
    unflushed: bool,
    /// Compresses messages, if that was agreed on.
    compressor: Option<Box<Compressor>>,
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
            own: 0,
            limit,
            unflushed: false,
            compressor: None,
        }
    }

    /// Compresses messages from now on.
    pub(crate) fn compress(&mut self, compressor: Compressor) {
        self.compressor = Some(Box::new(compressor));
    }

    /// The number of queued bytes.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting
    }

    /// The number of bytes that may wait.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// The number of bytes in memory that are not shared with other outboxes.
    pub(crate) fn own(&self) -> usize {
        self.own + self.pieces.len() * size_of::<Piece>()
    }

    /// Whether everything was passed to the system.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting == 0 && !self.unflushed
    }

    /// Whether there is room for `length` bytes. An empty outbox has room for any length.
    pub(crate) fn has_room(&self, length: usize) -> bool {
        self.waiting == 0 || self.waiting + length + MAX_HEADER <= self.limit
    }

    /// Drops what is queued.
    pub(crate) fn clear(&mut self) {
        *self = Outbox::new(self.role, self.limit);
    }

    /// Appends a message as one frame.
    pub(crate) fn push(&mut self, payload: Payload) {
        let Some(mut compressor) = self.compressor.take() else {
            return self.push_plain(payload);
        };
        let bytes = payload.clone();
        compressor.compress(bytes.as_bytes(), |compressed| match compressed {
            Some(compressed) => self.push_compressed(payload.opcode(), compressed),
            None => self.push_plain(payload),
        });
        self.compressor = Some(compressor);
    }

    /// Appends a message as one frame that is not compressed.
    pub(crate) fn push_plain(&mut self, payload: Payload) {
        let (opcode, length) = (payload.opcode(), payload.as_bytes().len());
        match self.begin(length, |out, role| put_header(out, role, opcode, length)) {
            None if length > COPY_UP_TO => self.push_piece(Piece::Own(payload.into_bytes())),
            mask => self.append(payload.as_bytes(), mask),
        }
    }

    /// Appends a compressed message as one frame.
    pub(crate) fn push_compressed(&mut self, opcode: OpCode, body: &[u8]) {
        let length = body.len();
        match self.begin(length, |out, role| put_compressed_header(out, role, opcode, length)) {
            None if length > COPY_UP_TO => {
                self.push_piece(Piece::Own(Bytes::copy_from_slice(body)));
            }
            mask => self.append(body, mask),
        }
    }

    /// Appends the header of a frame with `length` bytes, and returns its mask.
    fn begin(
        &mut self,
        length: usize,
        put_header: impl FnOnce(&mut BytesMut, Role) -> Option<[u8; 4]>,
    ) -> Option<[u8; 4]> {
        self.join_single();
        self.reserve(length.min(COPY_UP_TO));
        let before = self.tail.len();
        let mask = put_header(&mut self.tail, self.role);
        let added = self.tail.len() - before + length;
        self.waiting += added;
        self.own += added;
        mask
    }

    fn append(&mut self, body: &[u8], mask: Option<[u8; 4]>) {
        let start = self.tail.len();
        self.tail.extend_from_slice(body);
        if let Some(mask) = mask {
            apply_mask(&mut self.tail[start..], mask);
        }
    }

    /// Appends complete bytes that may be shared.
    pub(crate) fn push_encoded(&mut self, bytes: &Bytes) {
        if self.waiting == 0 {
            self.single = bytes.clone();
        } else {
            self.join_single();
            self.append_shared(bytes);
        }
        self.waiting += bytes.len();
    }

    /// Appends a broadcast, by reference: as a part of the run of broadcasts before it if possible.
    pub(crate) fn push_broadcast(&mut self, broadcast: &Broadcast) {
        if self.waiting == 0 || !self.append_to_run(broadcast) {
            self.push_encoded(&broadcast.bytes);
        } else {
            self.waiting += broadcast.bytes.len();
        }
    }

    /// Whether the broadcast is now part of a run.
    fn append_to_run(&mut self, broadcast: &Broadcast) -> bool {
        let Some(place) = broadcast.place() else { return false };
        self.join_single();
        if self.tail.is_empty()
            && let Some(Piece::Run(run)) = self.pieces.back_mut()
            && run.extend(place)
        {
            return true;
        }
        let may_begin = place.index == 0 || self.pieces.len() < FEW;
        if may_begin {
            self.push_piece(Piece::Run(Run::new(place.clone())));
        }
        may_begin
    }

    fn append_shared(&mut self, bytes: &Bytes) {
        if bytes.len() <= COPY_UP_TO {
            self.reserve(bytes.len());
            self.tail.extend_from_slice(bytes);
            self.own += bytes.len();
        } else {
            self.push_piece(Piece::Shared(bytes.clone()));
        }
    }

    /// Appends a piece behind the tail.
    fn push_piece(&mut self, piece: Piece) {
        self.end_tail();
        self.pieces.push_back(piece);
    }

    fn end_tail(&mut self) {
        if !self.tail.is_empty() {
            self.pieces.push_back(Piece::Own(self.tail.split().freeze()));
        }
    }

    /// Moves the single bytes to the queue, since others follow.
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
        let added = self.tail.len() - before;
        self.waiting += added;
        self.own += added;
    }

    fn reserve(&mut self, length: usize) {
        if self.tail.len() >= TAIL {
            self.end_tail();
        }
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
            self.role.sent(written);
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
        match self.pieces.front() {
            None => Pin::new(stream).poll_write(cx, &self.tail),
            Some(Piece::Run(_)) => GATHERED.with_borrow_mut(|gathered| {
                self.gather(gathered);
                Pin::new(stream).poll_write(cx, gathered)
            }),
            Some(_) => self.poll_write_slices(stream, cx),
        }
    }

    /// Copies the first runs to `gathered`: at least one broadcast.
    fn gather(&self, gathered: &mut Vec<u8>) {
        gathered.clear();
        let runs = self.pieces.iter().map_while(Piece::as_run);
        for part in runs.flat_map(Run::parts) {
            if !gathered.is_empty() && gathered.len() + part.len() > GATHER {
                return;
            }
            gathered.extend_from_slice(part);
        }
    }

    fn poll_write_slices<S: AsyncWrite + Unpin>(
        &self,
        stream: &mut S,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let mut count = 0;
        let pieces = self.pieces.iter().map_while(Piece::as_bytes);
        for (slice, piece) in slices.iter_mut().zip(pieces) {
            *slice = IoSlice::new(piece);
            count += 1;
        }
        if count == self.pieces.len()
            && let Some(slice) = slices.get_mut(count)
        {
            *slice = IoSlice::new(&self.tail);
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
            let taken = first.advance(written);
            written -= taken;
            if first.is_own() {
                self.own -= taken;
            }
            if !first.is_empty() {
                return;
            }
            self.pieces.pop_front();
        }
        self.own -= written;
        self.tail.advance(written);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection::feed::Feed;
    use crate::frame::reader::{Incoming, Reader};
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
            step in 1usize..5000, client in any::<bool>(), way in 0..3,
        ) {
            let (role, peer) =
                if client { (Role::Client, Role::Server) } else { (Role::Server, Role::Client) };
            let mut outbox = Outbox::new(role, usize::MAX);
            let messages: Vec<Payload> = sizes
                .iter()
                .enumerate()
                .map(|(at, size)| Payload::Binary(vec![at as u8; *size].into()))
                .collect();
            let feed = Feed::default();
            for (at, message) in messages.iter().enumerate() {
                let mut frame = BytesMut::new();
                crate::frame::put_frame(&mut frame, role, message.opcode(), message.as_bytes());
                match way {
                    0 => outbox.push(message.clone()),
                    1 => outbox.push_encoded(&frame.freeze()),
                    _ if at % 5 == 4 => outbox.push(message.clone()),
                    _ => outbox.push_broadcast(&Broadcast::new(frame.freeze(), 1, &feed)),
                }
            }
            let queued = outbox.waiting();
            let mut slow = Slow { written: BytesMut::new(), step };
            let poll = outbox.poll_flush(&mut slow, &mut Context::from_waker(Waker::noop()));
            prop_assert!(poll.is_ready() && outbox.is_empty());
            prop_assert_eq!((outbox.own(), slow.written.len()), (0, queued));
            let mut reader = Reader::new(peer, usize::MAX);
            for message in messages {
                let read = reader.next(&mut slow.written).unwrap();
                prop_assert_eq!(read, Some(Incoming::Message(message)));
            }
            prop_assert!(slow.written.is_empty());
        }
    }

    fn broadcast(size: usize, feed: &Feed) -> Broadcast {
        Broadcast::new(vec![7; size].into(), 1, feed)
    }

    #[test]
    fn broadcasts_to_slow_peers_are_shared_and_not_copied() {
        for size in [10, 1_000, 5_000, 20_000] {
            let feed = Feed::default();
            let mut outboxes: Vec<_> =
                (0..100).map(|_| Outbox::new(Role::Server, usize::MAX)).collect();
            for _ in 0..1_000 {
                let broadcast = broadcast(size, &feed);
                outboxes.iter_mut().for_each(|outbox| outbox.push_broadcast(&broadcast));
            }
            for outbox in &outboxes {
                assert_eq!(outbox.waiting(), 1_000 * size);
                // A reference for each segment, or for each large broadcast.
                let references =
                    if size > 16_000 { 1_000 } else { 1_000 / (64_000 / size).min(256) };
                let most = (references + 2) * size_of::<Piece>() + size.min(COPY_UP_TO);
                assert!(outbox.own() <= most, "{size}: {} of {most}", outbox.own());
            }
        }
    }

    #[test]
    fn a_peer_that_misses_broadcasts_retains_few_that_it_does_not_send() {
        let feed = Feed::default();
        let (mut follows, mut misses) =
            (Outbox::new(Role::Server, usize::MAX), Outbox::new(Role::Server, usize::MAX));
        for at in 0..20_000 {
            let broadcast = broadcast(1_000, &feed);
            follows.push_broadcast(&broadcast);
            if at % 67 == 0 {
                misses.push_broadcast(&broadcast);
            }
        }
        drop(follows);
        let segments = misses.pieces.iter().filter_map(Piece::as_run).count();
        assert!(segments <= FEW + 20_000 / 67 / 60, "{segments} segments are retained");
        assert_eq!(misses.waiting(), 20_000usize.div_ceil(67) * 1_000);
    }
}
