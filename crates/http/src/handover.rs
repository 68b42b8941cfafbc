//! `Handover`: takes a connection out of HTTP once all earlier responses are written.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use ferrowire_core::MutexExt as _;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use ferrowire_core::port::TakeOver;

use ferrowire_net::Stream;

use crate::heads::Heads;
use crate::output::Output;

/// Whether and when the connection leaves HTTP.
#[derive(Default)]
pub(crate) struct Handover(Mutex<Option<Agreed>>);

struct Agreed {
    take_over: TakeOver,
    /// HTTP has nothing left to write.
    is_due: bool,
}

impl Handover {
    /// Registers the new owner of the connection. HTTP must not respond to the request afterwards.
    pub(crate) fn agree(&self, take_over: TakeOver) {
        *self.lock() = Some(Agreed { take_over, is_due: false });
    }

    /// Drives HTTP until it ends; `None` if the connection is to be taken over.
    pub(crate) async fn drive<F: Future + Unpin>(&self, http: &mut F) -> Option<F::Output> {
        std::future::poll_fn(|cx| match Pin::new(&mut *http).poll(cx) {
            Poll::Ready(ended) => Poll::Ready(Some(ended)),
            Poll::Pending if self.lock().as_ref().is_some_and(|agreed| agreed.is_due) => {
                Poll::Ready(None)
            }
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// The new owner of the connection, if any.
    pub(crate) fn take(&self) -> Option<TakeOver> {
        self.lock().take().map(|agreed| agreed.take_over)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Agreed>> {
        self.0.locked()
    }
}

/// The connection while HTTP owns it. What HTTP reads is checked first. HTTP flushes it once
/// everything is written, which marks the handover as due.
pub(crate) struct Watched<'a> {
    pub(crate) stream: Stream,
    pub(crate) heads: &'a Heads,
    pub(crate) handover: &'a Handover,
    pub(crate) output: &'a Arc<Output>,
}

impl Watched<'_> {
    /// Notes how a write went.
    fn note(
        &self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        match written {
            Poll::Pending => self.output.poll_blocked(cx),
            Poll::Ready(Ok(bytes)) => {
                self.output.wrote(bytes);
                Poll::Ready(Ok(bytes))
            }
            failed => failed,
        }
    }
}

impl AsyncRead for Watched<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.heads.received(buf.filled().get(before..).unwrap_or_default());
        read
    }
}

impl AsyncWrite for Watched<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.note(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        match flushed {
            Poll::Ready(Ok(())) => self.output.flushed(),
            Poll::Pending => return self.output.poll_blocked(cx),
            Poll::Ready(Err(_)) => return flushed,
        }
        if let Some(agreed) = self.handover.lock().as_mut() {
            agreed.is_due = true;
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.note(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
