//! What a broker node does for its users.

use std::time::Duration;

use ferrowire::{Map, MutexExt as _, NodeError, Text, Value};
use mqtt5_protocol::QoS;
use mqtt5_protocol::packet::subscribe::SubscriptionOptions;

use crate::link::{Link, MARK, answer};
use crate::membership::error;
use crate::outbox::Outgoing;
use crate::publication::{Publication, Unpublishable};
use crate::request::Request;
use crate::status::State;

/// How long a message waits for room among those that wait for the broker.
const PATIENCE: Duration = Duration::from_secs(5);

impl Link {
    /// Answers a request of the node `from`.
    ///
    /// # Errors
    /// Why it cannot be done.
    pub(crate) async fn answer(&self, from: &str, request: &Value) -> Result<Value, NodeError> {
        match Request::read(request)? {
            Request::Join => Ok(self.join(from)),
            Request::Subscribe { filter, options } => self.subscribe(from, &filter, options),
            Request::Unsubscribe { filter, is_final } => self.unsubscribe(from, &filter, is_final),
            Request::Publish { ticket, msg } => self.publish((from.into(), ticket), msg).await,
            Request::Connect(changes) => self.connect(changes).await,
            Request::Disconnect => self.disconnect().await,
        }
    }

    fn join(&self, from: &str) -> Value {
        let state = self.state();
        if state != State::Disconnected {
            // A node that is stopped already shows nothing.
            let _is_shown = self.cx.status_of(from, state.status());
        }
        answer([(MARK, self.mark.clone().into())])
    }

    fn subscribe(
        &self,
        from: &str,
        filter: &str,
        options: SubscriptionOptions,
    ) -> Result<Value, NodeError> {
        let change = self.subscriptions.locked().add(from, filter, options)?;
        for ended in change.ended {
            self.add(Outgoing::End(ended))?;
        }
        if let Some(begun) = change.begun {
            self.add(Outgoing::Subscription(begun))?;
        }
        Ok(Value::Null)
    }

    fn unsubscribe(&self, from: &str, filter: &str, is_final: bool) -> Result<Value, NodeError> {
        if !is_final && !self.options().unsubscribes {
            self.subscriptions.locked().keep(from, filter);
        } else if self.subscriptions.locked().remove(from, filter) {
            self.add(Outgoing::End(filter.to_owned()))?;
        }
        Ok(Value::Null)
    }

    /// Without a connection there is nothing to add: the next one begins with what is wanted then.
    fn add(&self, item: Outgoing) -> Result<(), NodeError> {
        match self.state() {
            State::Connected => self.outbox.add_subscription(item),
            State::Connecting | State::Disconnected => Ok(()),
        }
    }

    /// Takes a message over. The answer has a `warning` if it was dropped, as Node-RED drops it;
    /// otherwise the sender is told the outcome later.
    async fn publish(&self, sender: (Text, f64), msg: &Map) -> Result<Value, NodeError> {
        let dropped = |warning: &str| Ok(answer([("warning", warning.into())]));
        let publication = match Publication::of(msg, self.options().version) {
            Ok(publication) => publication,
            Err(Unpublishable::Topic) => return dropped(&Unpublishable::Topic.to_string()),
            Err(Unpublishable::Payload(error)) => return Err(error.into()),
        };
        let is_connected = self.state() == State::Connected;
        let may_wait = publication.qos != QoS::AtMostOnce && self.is_on();
        if !is_connected && !may_wait {
            return dropped("not connected to the broker; the message was dropped");
        }
        let Err(publication) = self.outbox.try_publish(publication, sender.clone()) else {
            return Ok(Value::Null);
        };
        let full = || {
            NodeError::new(
                "too many messages wait for the broker (`mqtt-max-queue`); the message was not sent",
            )
        };
        if !is_connected {
            return Err(full());
        }
        let waiting = self.outbox.publish(publication, sender);
        tokio::time::timeout(PATIENCE, waiting).await.map_err(|_| full())?;
        Ok(Value::Null)
    }

    async fn connect(&self, changes: Option<Map>) -> Result<Value, NodeError> {
        if self.state() != State::Disconnected {
            let Some(changes) = &changes else { return Ok(Value::Null) };
            if !changes.get("force").is_some_and(Value::is_truthy) {
                return Err(error("Disconnect from broker before connecting"));
            }
            self.disconnect().await?;
        }
        if let Some(changes) = &changes {
            self.change(changes);
        }
        self.switch(true);
        match self.wait_for(State::Connected).await {
            true => Ok(Value::Null),
            false => Err(NodeError::new("the broker node was stopped before it was connected")),
        }
    }

    async fn disconnect(&self) -> Result<Value, NodeError> {
        self.switch(false);
        self.wait_for(State::Disconnected).await;
        Ok(Value::Null)
    }
}
