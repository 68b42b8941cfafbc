//! A stream in memory that takes only a few bytes at a time, and the peer at its other end.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tungstenite::protocol::frame::coding::{Data, OpCode};

use crate::frame::reader::{Incoming, Reader};
use crate::frame::{Close, Payload, Role, put_close, put_frame};

/// The state of the stream between the two.
#[derive(Debug, Default)]
struct Between {
    to_peer: BytesMut,
    from_peer: BytesMut,
    /// The number of bytes that may be on the way to the peer.
    room: usize,
    /// Like a socket: the last waker of each direction, which is woken once.
    reads: Option<Waker>,
    writes: Option<Waker>,
    peer: Option<Waker>,
    is_shut_down: bool,
    has_left: bool,
}

type Shared = Arc<Mutex<Between>>;

/// The stream of a connection.
#[derive(Debug)]
pub struct Pipe(Shared);

/// A client at the other end.
#[derive(Debug)]
pub struct Peer(Shared);

/// A stream that takes `room` bytes before the peer has to read.
pub fn pipe(room: usize) -> (Pipe, Peer) {
    let shared = Arc::new(Mutex::new(Between { room, ..Between::default() }));
    (Pipe(Arc::clone(&shared)), Peer(shared))
}

fn lock(shared: &Shared) -> MutexGuard<'_, Between> {
    shared.locked()
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let mut between = lock(&self.0);
        if between.from_peer.is_empty() && !between.has_left {
            between.reads = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let count = between.from_peer.len().min(buffer.remaining());
        buffer.put_slice(&between.from_peer.split_to(count));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        data: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut between = lock(&self.0);
        if between.has_left {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let count = data.len().min(between.room - between.to_peer.len());
        if count == 0 {
            between.writes = Some(cx.waker().clone());
            return Poll::Pending;
        }
        between.to_peer.extend_from_slice(data.get(..count).unwrap_or_default());
        let peer = between.peer.take();
        drop(between);
        wake(peer);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end();
        Poll::Ready(Ok(()))
    }
}

impl Pipe {
    fn end(&self) {
        let mut between = lock(&self.0);
        between.is_shut_down = true;
        let peer = between.peer.take();
        drop(between);
        wake(peer);
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.end();
    }
}

impl Peer {
    /// Sends a text.
    pub fn send(&self, text: &str) {
        self.put(|out| put_frame(out, Role::Client, OpCode::Data(Data::Text), text.as_bytes()));
    }

    fn put(&self, frame: impl FnOnce(&mut BytesMut)) {
        let mut between = lock(&self.0);
        frame(&mut between.from_peer);
        let reads = between.reads.take();
        drop(between);
        wake(reads);
    }

    /// Takes everything that has arrived; `None` at the end.
    async fn take(&self) -> Option<BytesMut> {
        let taken = poll_fn(|cx| {
            let mut between = lock(&self.0);
            if between.to_peer.is_empty() && !between.is_shut_down {
                between.peer = Some(cx.waker().clone());
                return Poll::Pending;
            }
            let taken = between.to_peer.split();
            let writes = between.writes.take();
            drop(between);
            wake(writes);
            Poll::Ready(taken)
        });
        Some(taken.await).filter(|taken| !taken.is_empty())
    }

    /// Reads until there are `count` texts, or a close frame, which is answered, or the stream ends.
    pub async fn read(&self, count: usize) -> Vec<String> {
        let mut reader = Reader::new(Role::Client, usize::MAX);
        let (mut input, mut texts) = (BytesMut::new(), Vec::new());
        while texts.len() < count {
            match reader.next(&mut input) {
                Ok(Some(Incoming::Message(Payload::Text(text)))) => texts.push(text.to_string()),
                Ok(Some(Incoming::Close(close))) => {
                    self.answer(&close);
                    break;
                }
                Ok(Some(_)) => {}
                Ok(None) => match self.take().await {
                    Some(more) => input.extend_from_slice(more.chunk()),
                    None => break,
                },
                Err(violation) => {
                    texts.push(violation.to_string());
                    break;
                }
            }
        }
        texts
    }

    fn answer(&self, close: &Close) {
        self.put(|out| put_close(out, Role::Client, close));
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let mut between = lock(&self.0);
        between.has_left = true;
        let wakers = [between.reads.take(), between.writes.take()];
        drop(between);
        wakers.into_iter().for_each(wake);
    }
}
