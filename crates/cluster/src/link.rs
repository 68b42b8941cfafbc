//! `Link`: a way to the other instances, and the task that uses it.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch;
use tracing::warn;

use crate::member::Shared;
use crate::metrics;

/// A way to the other instances. What it receives it gives to [`Shared::receive`], and whether it is
/// connected to [`Shared::connected`]. It keeps its subscriptions over reconnects.
#[async_trait]
pub(crate) trait Link: Send {
    /// The largest message that it carries, in bytes.
    fn largest(&self) -> usize;
    /// Sends a message; may wait for room.
    async fn publish(&mut self, subject: String, message: Bytes);
    /// Begins to receive what is published to `subject`.
    async fn subscribe(&mut self, subject: &str);
    /// Ends that.
    async fn unsubscribe(&mut self, subject: &str);
    /// Waits until what was published has gone out.
    async fn flush(&mut self) {}
}

/// Carries subscriptions and messages out, while there is a connection. Ends when the
/// member leaves.
pub(crate) async fn drive(shared: Arc<Shared>, mut link: impl Link) {
    let mut connected = shared.connected.subscribe();
    let mut subscribed = HashSet::new();
    for subject in [shared.subjects.all(), shared.subjects.instance(&shared.options.instance)] {
        link.subscribe(&subject).await;
    }
    loop {
        until(&mut connected, true).await;
        tokio::select! {
            // What is received comes before what is sent, so that answers find who waits for them.
            biased;
            changes = shared.interests.changes() => {
                for (subject, wanted) in changes {
                    change(&mut link, &mut subscribed, subject, wanted).await;
                }
            }
            () = until(&mut connected, false) => {}
            (subject, message) = shared.outgoing.next() => {
                publish(&mut link, subject, message).await;
            }
            () = shared.leaving.cancelled() => {
                link.flush().await;
                return shared.left.cancel();
            }
        }
    }
}

/// Waits until there is a connection, or none.
pub(crate) async fn until(connected: &mut watch::Receiver<bool>, wanted: bool) {
    // The sender is kept by the member, whose end cancels whoever waits.
    let _ended = connected.wait_for(|connected| *connected == wanted).await;
}

async fn change(
    link: &mut impl Link,
    subscribed: &mut HashSet<String>,
    subject: String,
    wanted: bool,
) {
    if !wanted {
        if subscribed.remove(&subject) {
            link.unsubscribe(&subject).await;
        }
    } else if !subscribed.contains(&subject) {
        link.subscribe(&subject).await;
        subscribed.insert(subject);
    }
}

async fn publish(link: &mut impl Link, subject: String, message: Bytes) {
    let (length, largest) = (message.len(), link.largest());
    if length > largest {
        metrics::DROPPED_SIZE.increment();
        warn!(
            "a message of {length} bytes for other instances was dropped: NATS takes {largest} at most; \
             raise `max_payload` there"
        );
        return;
    }
    metrics::SENT.increment();
    link.publish(subject, message).await;
}
