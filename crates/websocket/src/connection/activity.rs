//! Signs of life of a connection's peer, and the pings that ask for one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tungstenite::protocol::frame::coding::Control;

use crate::connection::{Connection, Receive, State};

/// What the peer has shown since each flag was last cleared.
#[derive(Debug)]
pub(crate) struct Activity {
    /// It sent something, or took output that waited for it.
    shown: AtomicBool,
    /// It sent a ping or pong.
    answered: AtomicBool,
    /// Its input waits for the receiver, so it is not read from. Never cleared by a look.
    busy: AtomicBool,
    /// How many pongs it sent.
    pongs: AtomicU32,
}

impl Default for Activity {
    fn default() -> Self {
        Activity {
            shown: AtomicBool::new(true),
            answered: AtomicBool::new(true),
            busy: AtomicBool::new(false),
            pongs: AtomicU32::new(0),
        }
    }
}

impl Activity {
    /// The peer has sent bytes, or taken some that waited.
    pub(crate) fn show(&self) {
        self.shown.store(true, Ordering::Relaxed);
    }

    /// The peer has sent a ping or pong.
    pub(crate) fn answered(&self) {
        self.answered.store(true, Ordering::Relaxed);
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + 'static> Connection<S> {
    /// Sends a ping (RFC 6455 §5.5.2).
    pub fn ping(self: &Arc<Self>) {
        self.control(Control::Ping, &[]);
    }

    /// A pong was received.
    pub(crate) fn take_pong(&self) {
        self.activity.answered();
        self.activity.pongs.fetch_add(1, Ordering::Relaxed);
        self.changed.notify_waiters();
    }

    /// The time from a ping to the next pong; `None` if the connection ends before.
    pub(crate) async fn round_trip(self: &Arc<Self>) -> Option<Duration> {
        let before = self.activity.pongs.load(Ordering::Relaxed);
        let is_answered = || self.activity.pongs.load(Ordering::Relaxed) != before;
        let start = Instant::now();
        self.ping();
        self.until(|io| is_answered() || io.state != State::Open).await;
        is_answered().then(|| start.elapsed())
    }

    /// Answers a ping, unless `receiver` does not want that.
    pub(crate) async fn answer_ping(self: &Arc<Self>, payload: &[u8], receiver: &dyn Receive) {
        self.activity.answered();
        let Some(sending) = receiver.ping(payload.len()) else { return };
        if !sending.is_done() {
            self.busy_with(sending).await;
        }
        if !self.has_room(payload.len()) {
            self.busy_with(self.room()).await;
        }
        self.control(Control::Pong, payload);
    }

    /// Whether a ping or pong was received since the last call.
    pub fn take_alive(&self) -> bool {
        self.activity.answered.swap(false, Ordering::Relaxed)
    }

    /// Whether the peer has sent anything since the last call, or taken output that waited for it.
    /// While its input waits for the receiver it is not read from, and counts as active.
    pub(crate) fn take_active(&self) -> bool {
        self.activity.shown.swap(false, Ordering::Relaxed) || self.is_busy()
    }

    /// Whether input of the peer waits for the receiver.
    pub(crate) fn is_busy(&self) -> bool {
        self.activity.busy.load(Ordering::Relaxed)
    }

    /// Whether messages can be sent.
    pub(crate) fn is_open(&self) -> bool {
        self.lock().state == State::Open
    }

    /// Waits until the receiver takes input; what the peer sends meanwhile is read later.
    pub(crate) async fn busy_with(&self, work: impl Future<Output = ()>) {
        self.activity.busy.store(true, Ordering::Relaxed);
        work.await;
        self.activity.show();
        self.activity.busy.store(false, Ordering::Relaxed);
    }
}
