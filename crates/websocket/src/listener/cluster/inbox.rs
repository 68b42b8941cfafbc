//! What other instances send to the clients of this one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use ferrowire_core::cluster::Receiver;
use ferrowire_core::{Handled, Level, NodeContext};
use futures_util::future::BoxFuture;
use tokio::sync::mpsc;

use crate::connection::cork;
use crate::listener::cluster::letter::Letter;
use crate::listener::history::Heard;
use crate::listener::sessions::Sessions;
use crate::metrics;

/// How many messages may wait, and how many bytes. Beyond them, new ones are dropped and counted.
const MESSAGES: usize = 4_096;
const BYTES: usize = 16 * 1024 * 1024;

/// So many messages, and about so many bytes, are sent before the sockets are written.
const AT_ONCE: usize = 32;
const BYTES_AT_ONCE: usize = 64 * 1024;

/// The address of no connection: this task works for none.
const NO_CONNECTION: usize = 0;

/// A message that waits.
pub(crate) enum Waiting {
    /// Of another instance.
    Letter(Bytes),
    /// Of a history.
    Heard(Heard),
}

impl Waiting {
    fn bytes(&self) -> usize {
        match self {
            Waiting::Letter(message) => message.len(),
            Waiting::Heard(heard) => heard.bytes(),
        }
    }
}

/// Takes the messages of all topics of a listener, in one order.
pub(crate) struct Inbox {
    cx: NodeContext,
    queue: mpsc::Sender<Waiting>,
    bytes: AtomicUsize,
    /// Some were dropped since the queue was empty.
    is_behind: AtomicBool,
}

impl Inbox {
    /// An inbox, and what it takes.
    pub(crate) fn new(cx: NodeContext) -> (Arc<Self>, mpsc::Receiver<Waiting>) {
        let (queue, waiting) = mpsc::channel(MESSAGES);
        let (bytes, is_behind) = (AtomicUsize::new(0), AtomicBool::new(false));
        (Arc::new(Inbox { cx, queue, bytes, is_behind }), waiting)
    }

    fn dropped(&self) {
        metrics::DROPPED_CLUSTER.increment();
        if !self.is_behind.swap(true, Ordering::Relaxed) {
            self.cx.warn(
                "messages of other instances are dropped: they come faster than the clients of this \
                 instance are served",
            );
        }
    }
}

impl Inbox {
    /// Takes what a history tells; returns whether there is room for it.
    pub(crate) fn hear(&self, heard: Heard) -> bool {
        self.take(Waiting::Heard(heard))
    }

    fn take(&self, waiting: Waiting) -> bool {
        let length = waiting.bytes();
        let before = self.bytes.fetch_add(length, Ordering::Relaxed);
        let fits = before == 0 || before + length <= BYTES;
        let taken = fits && self.queue.try_send(waiting).is_ok();
        if !taken {
            self.bytes.fetch_sub(length, Ordering::Relaxed);
        }
        taken
    }
}

impl Receiver for Inbox {
    fn receive(&self, _: &str, message: Bytes) {
        if !self.take(Waiting::Letter(message)) {
            self.dropped();
        }
    }
}

/// Sends what arrives to the clients, until the listener stops.
pub(crate) async fn run(
    sessions: Arc<Sessions>,
    inbox: Arc<Inbox>,
    mut waiting: mpsc::Receiver<Waiting>,
) {
    let mut some = Vec::with_capacity(AT_ONCE);
    while waiting.recv_many(&mut some, AT_ONCE).await > 0 {
        let mut rest = some.drain(..);
        while let Some(first) = rest.next() {
            let slow = cork::corked(NO_CONNECTION, || {
                let mut bytes = 0;
                let mut next = Some(first);
                while let Some(waiting) = next {
                    let length = waiting.bytes();
                    bytes += length;
                    inbox.bytes.fetch_sub(length, Ordering::Relaxed);
                    let slow = match waiting {
                        Waiting::Letter(message) => sessions.deliver_letter(message),
                        Waiting::Heard(heard) => sessions.hear(heard),
                    };
                    if slow.is_some() || bytes >= BYTES_AT_ONCE {
                        return slow;
                    }
                    next = rest.next();
                }
                None
            });
            if let Some(slow) = slow {
                slow.await;
            }
        }
        drop(rest);
        if waiting.is_empty() {
            inbox.is_behind.store(false, Ordering::Relaxed);
        }
    }
}

impl Sessions {
    /// Sends a message of another instance to the clients of this one. Returns what has to be waited
    /// for.
    fn deliver_letter(self: &Arc<Self>, message: Bytes) -> Option<BoxFuture<'static, ()>> {
        let letter = match Letter::parse(message) {
            Ok(letter) => letter,
            Err(why) => {
                metrics::DROPPED_CLUSTER.increment();
                self.cx.warn(format_args!("a message of another instance was dropped: {why}"));
                return None;
            }
        };
        let Letter { target, payload, topic } = letter;
        self.waits(self.deliver(&target, self.publication(&target, payload, topic)))
    }

    /// What has to be waited for after a message for this instance.
    pub(crate) fn waits(&self, handled: Handled) -> Option<BoxFuture<'static, ()>> {
        match handled {
            Handled::Later(rest) => Some(Box::pin(async move {
                // The end of a session is reported by its task.
                let _sent = rest.await;
            })),
            Handled::Failed(error) => {
                self.cx.log(Level::Debug, format_args!("a message of another instance: {error}"));
                None
            }
            _ => None,
        }
    }
}
