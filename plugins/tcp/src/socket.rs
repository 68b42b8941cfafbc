//! `Socket`: the writing half of a plain connection, which senders use directly while nothing waits.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use ferrowire::MutexExt as _;
use ferrowire_net::Stream;
use tokio::io::{AsyncWrite, AsyncWriteExt as _, WriteHalf};
use tokio::net::tcp::OwnedWriteHalf;

/// The socket for senders; empty before and after the connection, and for TLS.
#[derive(Debug, Default)]
pub(crate) struct Socket(Mutex<Option<Arc<OwnedWriteHalf>>>);

/// Held by a sender while it writes. What has to wait is queued before it is dropped, so that it comes
/// before what others write.
pub(crate) struct Held<'a>(MutexGuard<'a, Option<Arc<OwnedWriteHalf>>>);

impl Socket {
    pub(crate) fn hold(&self) -> Held<'_> {
        Held(self.0.locked())
    }

    /// Lets senders write directly to this half.
    pub(crate) fn open(&self, half: OwnedWriteHalf) -> Writer {
        let half = Arc::new(half);
        *self.0.locked() = Some(Arc::clone(&half));
        Writer::Plain(half)
    }

    /// Ends that.
    pub(crate) fn close(&self) {
        *self.0.locked() = None;
    }
}

impl Held<'_> {
    /// Whether the socket can be written to directly.
    pub(crate) fn is_open(&self) -> bool {
        self.0.is_some()
    }

    /// Writes as much as the socket takes now; returns how much that is.
    ///
    /// # Errors
    /// If the connection is broken. Whoever reads from it sees the same.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let Some(half) = &*self.0 else { return Ok(0) };
        match half.try_write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
            written => written,
        }
    }
}

/// The writing half, for what waits.
pub(crate) enum Writer {
    Plain(Arc<OwnedWriteHalf>),
    Tls(WriteHalf<Stream>),
}

impl Writer {
    pub(crate) async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Writer::Plain(half) => write_all(half, bytes).await,
            Writer::Tls(half) => {
                half.write_all(bytes).await?;
                half.flush().await
            }
        }
    }

    /// Closes this direction. Senders have to be gone.
    pub(crate) async fn shutdown(self) -> io::Result<()> {
        match self {
            // Otherwise the last sender closes it.
            Writer::Plain(half) => match Arc::into_inner(half) {
                Some(half) => shutdown(half).await,
                None => Ok(()),
            },
            Writer::Tls(half) => shutdown(half).await,
        }
    }
}

async fn write_all(half: &OwnedWriteHalf, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        half.writable().await?;
        match half.try_write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn shutdown(mut half: impl AsyncWrite + Unpin) -> io::Result<()> {
    half.shutdown().await
}
