//! `NatsLink`: carries messages and subscriptions to NATS.

use std::collections::HashMap;

use async_nats::{Client, Subscriber};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{AbortHandle, Abortable};
use tokio::sync::mpsc;
use tracing::warn;

use crate::link::Link;

/// A subscription, which ends when its handle is aborted.
pub(crate) type Subscription = Abortable<Subscriber>;

/// The connection as the task that sends sees it.
pub(crate) struct NatsLink {
    client: Client,
    subscribed: HashMap<String, AbortHandle>,
    to_inbox: mpsc::Sender<Subscription>,
}

impl NatsLink {
    /// The way over `client`; what it subscribes to comes out of the receiver.
    pub(crate) fn new(client: Client) -> (Self, mpsc::Receiver<Subscription>) {
        let (to_inbox, subscriptions) = mpsc::channel(64);
        (NatsLink { client, subscribed: HashMap::new(), to_inbox }, subscriptions)
    }
}

#[async_trait]
impl Link for NatsLink {
    fn largest(&self) -> usize {
        self.client.max_payload()
    }

    async fn publish(&mut self, subject: String, message: Bytes) {
        if let Err(error) = self.client.publish(subject, message).await {
            warn!("a message for other instances was dropped: {error}");
        }
    }

    async fn subscribe(&mut self, subject: &str) {
        match self.client.subscribe(subject.to_owned()).await {
            Ok(subscriber) => {
                let (handle, registration) = AbortHandle::new_pair();
                self.subscribed.insert(subject.to_owned(), handle);
                // The inbox ends with the member.
                let _ended = self.to_inbox.send(Abortable::new(subscriber, registration)).await;
            }
            Err(error) => warn!("cannot subscribe to `{subject}`: {error}"),
        }
    }

    async fn unsubscribe(&mut self, subject: &str) {
        if let Some(handle) = self.subscribed.remove(subject) {
            handle.abort();
        }
    }

    async fn flush(&mut self) {
        let _lost = self.client.flush().await;
    }
}
