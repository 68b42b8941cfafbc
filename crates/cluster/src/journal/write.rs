//! Writes the queue of a journal.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ferrowire_core::cluster::JournalError;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::watch;

use crate::archive::Archive;
use crate::journal::queue::Waiting;
use crate::journal::{Inner, State, settled};

/// How many messages are on their way at once, each of another place.
const AT_ONCE: usize = 64;

/// How long after a failure messages are sent again.
const PAUSE: Duration = Duration::from_millis(100);

/// A message on its way, with what becomes of it.
type OnItsWay = Pin<Box<dyn Future<Output = (Waiting, Result<(), JournalError>)> + Send>>;

/// Writes until the journal is closed and the queue empty.
pub(super) async fn run(inner: Arc<Inner>) {
    let mut state = inner.state.subscribe();
    loop {
        let done = async {
            inner.closed.cancelled().await;
            // What waits goes on.
            if !inner.queue.is_empty() {
                std::future::pending::<()>().await;
            }
        };
        let now = tokio::select! {
            now = settled(&mut state) => now,
            () = done => return,
        };
        match now {
            State::Closed => return,
            State::Unusable(why) => {
                let waiting = tokio::select! {
                    waiting = inner.queue.next() => waiting,
                    () = inner.closed.cancelled() => return,
                };
                inner.queue.done(waiting, Err(JournalError::Unusable(why.to_string())));
            }
            State::Open { .. } => {
                let Ok(archive) = inner.archive().cloned() else { continue };
                if carry(&inner, &archive, &mut state).await {
                    return;
                }
                // Nothing is sent again before the journal was looked at.
                inner.suspect.notify_one();
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Sends messages until one does not arrive, or the journal is away. Returns whether there will be none any more.
async fn carry(
    inner: &Inner,
    archive: &Arc<dyn Archive>,
    state: &mut watch::Receiver<State>,
) -> bool {
    let mut flying: FuturesUnordered<OnItsWay> = FuturesUnordered::new();
    let mut failed = false;
    loop {
        let is_open = matches!(*state.borrow_and_update(), State::Open { .. });
        let goes_on = is_open && !failed;
        let is_done = inner.closed.is_cancelled() && inner.queue.is_empty();
        if flying.is_empty() && (!goes_on || is_done) {
            return goes_on;
        }
        tokio::select! {
            biased;
            Some((waiting, outcome)) = flying.next(), if !flying.is_empty() => match outcome {
                Err(JournalError::Away) => {
                    failed = true;
                    inner.queue.put_back(waiting);
                }
                outcome => inner.queue.done(waiting, outcome),
            },
            waiting = inner.queue.next(), if goes_on && flying.len() < AT_ONCE => {
                flying.push(send(inner, Arc::clone(archive), waiting));
            }
            Ok(()) = state.changed() => {}
            () = inner.closed.cancelled(), if !inner.closed.is_cancelled() => {}
        }
    }
}

/// Sends a message, and waits until it is durable.
fn send(inner: &Inner, archive: Arc<dyn Archive>, waiting: Waiting) -> OnItsWay {
    let (instance, life) = (&inner.shared.options.instance, inner.shared.life);
    let id = format!("{instance}-{life:x}-{:x}-{:x}", inner.number, waiting.number);
    let names = inner.names.clone();
    Box::pin(async move {
        let content = (waiting.subject.clone(), waiting.message.clone());
        let outcome = archive.append(&names, content, id).await;
        (waiting, outcome)
    })
}
