//! Direct writes for the tuned fan-out: the subscribers, and the write half of each socket.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::Notify;

/// A subscriber with this many queued bytes is disconnected.
const MAX_WAITING: usize = 16 << 20;

/// The subscribers. The list is copied on change, so that a broadcast holds no lock.
#[derive(Debug, Default)]
pub(super) struct Hub {
    peers: Mutex<Arc<Vec<Arc<Peer>>>>,
}

impl Hub {
    /// Adds a subscriber.
    pub(super) fn join(&self, write: OwnedWriteHalf) -> Arc<Peer> {
        let peer = Arc::new(Peer { write, waiting: Mutex::default(), wake: Notify::new() });
        Arc::make_mut(&mut *lock(&self.peers)).push(peer.clone());
        peer
    }

    /// Removes a subscriber.
    pub(super) fn leave(&self, peer: &Arc<Peer>) {
        Arc::make_mut(&mut *lock(&self.peers)).retain(|other| !Arc::ptr_eq(other, peer));
    }

    /// Writes encoded frames to all subscribers.
    pub(super) fn broadcast(&self, frames: &Bytes) {
        let peers = lock(&self.peers).clone();
        for peer in peers.iter() {
            peer.write(frames);
        }
    }
}

/// The write half of one socket: written directly, or queued while the socket is blocked.
#[derive(Debug)]
pub(super) struct Peer {
    write: OwnedWriteHalf,
    waiting: Mutex<Waiting>,
    wake: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    queue: VecDeque<Bytes>,
    bytes: usize,
    failed: Option<io::ErrorKind>,
}

impl Peer {
    fn write(&self, frames: &Bytes) {
        let mut waiting = lock(&self.waiting);
        let mut rest = frames.clone();
        if waiting.queue.is_empty() {
            match self.write.try_write(&rest) {
                Ok(written) => rest.advance(written),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => waiting.failed = Some(error.kind()),
            }
        }
        if rest.is_empty() {
            return;
        }
        waiting.bytes += rest.len();
        if waiting.bytes > MAX_WAITING {
            waiting.failed = Some(io::ErrorKind::TimedOut);
        } else {
            waiting.queue.push_back(rest);
        }
        self.wake.notify_one();
    }

    /// Writes queued output when the socket becomes writable; ends when the socket fails.
    pub(super) async fn drain(&self) -> io::Result<()> {
        loop {
            self.wake.notified().await;
            while self.write_waiting()? {
                self.write.writable().await?;
            }
        }
    }

    /// Writes until the socket blocks; returns whether output is left.
    fn write_waiting(&self) -> io::Result<bool> {
        let mut waiting = lock(&self.waiting);
        if let Some(kind) = waiting.failed {
            return Err(kind.into());
        }
        while let Some(front) = waiting.queue.front_mut() {
            match self.write.try_write(front) {
                Ok(written) => {
                    front.advance(written);
                    if front.is_empty() {
                        waiting.queue.pop_front();
                    }
                    waiting.bytes -= written;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}

/// The stream through which the library reads and answers control frames.
#[derive(Debug)]
pub(super) struct PeerStream {
    read: OwnedReadHalf,
    peer: Arc<Peer>,
}

impl PeerStream {
    /// Joins the two halves of a socket.
    pub(super) fn new(read: OwnedReadHalf, peer: Arc<Peer>) -> Self {
        Self { read, peer }
    }
}

impl AsyncRead for PeerStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.read).poll_read(cx, buf)
    }
}

impl AsyncWrite for PeerStream {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.peer.write(&Bytes::copy_from_slice(buf));
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
