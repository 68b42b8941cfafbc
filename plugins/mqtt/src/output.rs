//! `MqttOut`: the node `mqtt out`.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use ferrowire::expression::javascript;
use ferrowire::{
    FromConfig, Handled, Map, Message, MutexExt as _, Node, NodeConfig, NodeContext, NodeError,
    Sending, StopReason, Value, async_trait,
};
use futures_util::FutureExt as _;

use crate::membership::{Membership, error};
use crate::publication::printed;
use crate::traces;
use crate::{properties, request};

/// Node-RED's `mqtt out`.
#[derive(Debug)]
pub struct MqttOut {
    membership: Membership,
    topic: String,
    qos: String,
    retain: String,
    /// The properties of MQTT 5 that replace those of messages; empty for brokers before MQTT 5.
    properties: Map,
    waiting: Arc<Waiting>,
}

/// The messages that the broker node has taken over, by number. Their sizes count among those that wait
/// for the broker.
#[derive(Debug, Default)]
struct Waiting {
    messages: Mutex<HashMap<u64, Message>>,
    last: AtomicU64,
}

impl Waiting {
    fn add(&self, msg: Message) -> u64 {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        self.messages.locked().insert(number, msg);
        number
    }

    fn take(&self, number: u64) -> Option<Message> {
        self.messages.locked().remove(&number)
    }
}

impl FromConfig for MqttOut {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let broker = config.referenced("broker").unwrap_or_default();
        let is_new = javascript::text(broker.get("protocolVersion")) == "5";
        MqttOut {
            membership: Membership::from_config(config),
            topic: config.text("topic"),
            qos: config.text("qos"),
            retain: config.text("retain"),
            properties: if is_new { replacing(config) } else { Map::new() },
            waiting: Arc::default(),
        }
    }
}

fn replacing(config: &mut NodeConfig<'_>) -> Map {
    let mut replacing = Map::new();
    let pairs = properties::pairs_of_json(config.raw("userProps"));
    if !pairs.is_empty() {
        let pairs: Map =
            pairs.into_iter().map(|(key, value)| (ferrowire::Key::from(key), value)).collect();
        replacing.insert("userProperties", pairs);
    }
    for (own, name) in [
        ("respTopic", "responseTopic"),
        ("correl", "correlationData"),
        ("contentType", "contentType"),
        ("expiry", "messageExpiryInterval"),
    ] {
        if let Some(value) = config.raw(own).filter(|value| value.is_truthy()) {
            replacing.insert(name, value.clone());
        }
    }
    replacing
}

#[async_trait]
impl Node for MqttOut {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        self.membership.join(cx).await
    }

    fn on_message_now(&self, mut msg: Message, cx: &NodeContext) -> Handled {
        if self.membership.has_sent(&mut msg) {
            return self.told(&msg, cx);
        }
        match msg.get("action").filter(|action| action.is_truthy()).cloned() {
            None => self.publish(msg, cx),
            Some(Value::String(action)) if matches!(&*action, "connect" | "disconnect") => {
                self.membership.switch(&*action == "connect", msg, cx);
                Handled::Kept(Sending::done())
            }
            Some(_) => Handled::Failed(error("Invalid action specified")),
        }
    }

    async fn stop(&self, reason: StopReason, cx: &NodeContext) {
        self.waiting.messages.locked().clear();
        self.membership.leave(reason, cx);
    }
}

impl MqttOut {
    /// Sets what Node-RED sets before it publishes a message.
    fn prepare(&self, msg: &mut Message) {
        let own = |value: &str| (!value.is_empty()).then(|| Value::from(value));
        if let Some(topic) = own(&self.topic) {
            msg.set("topic", topic);
        }
        let qos = match own(&self.qos) {
            Some(qos) => javascript::number(Some(&qos)),
            None => msg.get("qos").and_then(properties::integer).unwrap_or(0) as f64,
        };
        msg.set("qos", if matches!(qos, 1.0 | 2.0) { qos } else { 0.0 });
        let retain = own(&self.retain).or_else(|| msg.get("retain").cloned());
        let is_retained = match &retain {
            Some(Value::String(text)) => text.as_str() == "true",
            retain => retain == &Some(Value::Bool(true)),
        };
        msg.set("retain", is_retained);
        for (name, value) in self.properties.iter() {
            msg.set(name.clone(), value.clone());
        }
    }

    fn publish(&self, mut msg: Message, cx: &NodeContext) -> Handled {
        self.prepare(&mut msg);
        if !msg.contains_key("payload") {
            return Handled::Kept(cx.complete(msg));
        }
        match printed(msg.payload()) {
            Ok(payload) => msg.set("payload", payload),
            Err(error) => return Handled::Failed(error.into()),
        };
        let entry = Entry::new(&self.waiting, msg.clone());
        traces::pass_on(&mut msg, cx);
        let asking = self.membership.ask(cx, request::publish(entry.number as f64, msg));
        let mut asking = Box::pin(asking);
        // The first poll hands the message over, in the order of these calls. The sender waits if the
        // broker node has no room.
        if let Some(taken) = (&mut asking).now_or_never() {
            return Handled::Kept(entry.taken(taken, cx));
        }
        let cx = cx.clone();
        Handled::Kept(Sending::later(Box::pin(async move {
            let taken = asking.await;
            entry.taken(taken, &cx).await;
        })))
    }

    /// What became of a message that the broker node had taken over.
    fn told(&self, told: &Message, cx: &NodeContext) -> Handled {
        let number = told.get("ticket").and_then(Value::as_f64).unwrap_or(-1.0);
        let Some(msg) = self.waiting.take(number as u64) else {
            return Handled::Kept(Sending::done());
        };
        Handled::Kept(match told.get("error").and_then(Value::as_str) {
            None => cx.complete(msg),
            Some(error) => cx.fail_with(error, msg),
        })
    }
}

/// A message that is being handed over; not kept if the sender gives up.
struct Entry {
    number: u64,
    waiting: Arc<Waiting>,
    is_taken: bool,
}

impl Entry {
    fn new(waiting: &Arc<Waiting>, msg: Message) -> Self {
        Entry { number: waiting.add(msg), waiting: Arc::clone(waiting), is_taken: false }
    }

    /// The broker node has taken the message over, dropped it with a warning, or failed.
    fn taken(mut self, taken: Result<Value, NodeError>, cx: &NodeContext) -> Sending {
        match taken {
            Ok(Value::Null) => self.is_taken = true,
            Ok(answer) => {
                let warning = answer.get("warning").and_then(Value::as_str);
                cx.warn(warning.unwrap_or("the message was not published"));
            }
            Err(error) => {
                if let Some(msg) = self.waiting.take(self.number) {
                    return cx.fail_with(error, msg);
                }
            }
        }
        Sending::done()
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.is_taken {
            self.waiting.take(self.number);
        }
    }
}
