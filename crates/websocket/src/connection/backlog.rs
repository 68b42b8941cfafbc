//! A connection as the backlog of the process sees it: it may be disconnected when the output that
//! waits for all peers exceeds its limit.

use std::sync::MutexGuard;

use ferrowire_net::backlog::Queue;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::connection::{Connection, Io};

/// Why this side drops a connection when the output of all peers exceeds its limit.
pub(crate) const TOO_SLOW: &str = "it read too slowly when `max-queue-total` was reached";

impl<S> Io<S> {
    /// Counts output that waits for the peer, not what is about to be written. Returns whether the
    /// backlog exceeds its limit; the caller then relieves it, without the lock.
    pub(crate) fn count(&mut self) -> bool {
        self.member.hold(if self.blocked { self.own() } else { 0 });
        self.blocked && self.member.backlog().is_over()
    }
}

/// Releases the lock, without which the backlog can be relieved.
pub(crate) fn unlock<S>(io: MutexGuard<'_, Io<S>>, must_relieve: bool) {
    let backlog = io.member.backlog();
    drop(io);
    if must_relieve {
        backlog.relieve();
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Queue for Connection<S> {
    fn waiting(&self) -> usize {
        let io = self.lock();
        if io.blocked { io.waiting() } else { 0 }
    }

    /// Without a close frame, which would wait for the peer as well.
    fn disconnect(&self) {
        let mut io = self.lock();
        io.clear();
        io.member.hold(0);
        io.lost = TOO_SLOW;
        self.end(io);
    }
}
