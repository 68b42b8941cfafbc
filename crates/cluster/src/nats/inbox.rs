//! The messages of all subscriptions, in the order in which each instance has sent them.
//!
//! The client has a queue for each subscription, and fills them in the order in which messages arrive.
//! Read one after the other they would lose the order between subjects: a message to a room could
//! overtake an earlier one to everybody. So they are read twice: what was queued before anything of the
//! first reading is found by the second at the latest. Then the messages of each instance are sorted
//! by their numbers; what only the second reading found, and nothing of the first follows, is left to the
//! next round.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use async_nats::Message;
use futures_util::stream::{SelectAll, Stream, StreamExt as _};
use tokio::sync::mpsc;

use crate::incoming;
use crate::member::Shared;
use crate::nats::order::{Arrived, in_order};
use crate::nats::way::Subscription;

/// So many messages of the first reading are handled at once.
const ROUND: usize = 256;

/// The second reading ends there, so that it does end while messages keep coming. Only if so many are
/// queued may a message overtake another one of its sender.
const MOST: usize = 64 * 1024;

/// Receives until the member ends.
pub(crate) async fn run(shared: Arc<Shared>, mut subscriptions: mpsc::Receiver<Subscription>) {
    let mut all = SelectAll::new();
    let mut kept = Vec::new();
    loop {
        if kept.is_empty() {
            tokio::select! {
                subscription = subscriptions.recv() => match subscription {
                    Some(subscription) => all.push(subscription),
                    None => return,
                },
                Some(message) = all.next() => kept.extend(arrived(&shared, message)),
            }
        }
        let mut first = std::mem::take(&mut kept);
        read(&shared, &mut all, ROUND, &mut first);
        let mut second = Vec::new();
        read(&shared, &mut all, MOST, &mut second);
        let (ready, rest) = in_order(first, second);
        kept = rest;
        for Arrived { subject, envelope } in ready {
            incoming::handle(&shared, &subject, envelope);
        }
        // Others get their turn.
        tokio::task::yield_now().await;
    }
}

fn arrived(shared: &Shared, message: Message) -> Option<Arrived> {
    let envelope = incoming::opened(shared, message.payload)?;
    Some(Arrived { subject: message.subject.to_string(), envelope })
}

/// Reads what is there, up to `most` messages.
fn read(shared: &Shared, all: &mut SelectAll<Subscription>, most: usize, into: &mut Vec<Arrived>) {
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    // The queues must not claim to be empty because this task has done much.
    let mut next = || poll_unconstrained(all, &mut Context::from_waker(&waker));
    let mut count = 0;
    while count < most {
        match next() {
            Poll::Ready(Some(message)) => {
                into.extend(arrived(shared, message));
                count += 1;
            }
            Poll::Ready(None) => return,
            // It has looked at some of them only, or something has come since.
            Poll::Pending if woken.0.swap(false, Ordering::AcqRel) => {}
            Poll::Pending => return,
        }
    }
}

fn poll_unconstrained(
    all: &mut SelectAll<Subscription>,
    cx: &mut Context<'_>,
) -> Poll<Option<Message>> {
    let poll = std::future::poll_fn(|cx| Pin::new(&mut *all).poll_next(cx));
    let mut unconstrained = std::pin::pin!(tokio::task::unconstrained(poll));
    unconstrained.as_mut().poll(cx)
}

/// Notes that there is more.
#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}
