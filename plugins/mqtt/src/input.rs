//! `MqttIn`: the node `mqtt in`.

use std::sync::{Arc, Mutex};

use ferrowire::{
    FromConfig, Handled, Key, Map, Message, MutexExt as _, Node, NodeConfig, NodeContext,
    NodeError, Sending, StopReason, Value, async_trait,
};
use futures_util::FutureExt as _;
use indexmap::IndexMap;

use crate::delivery::FILTER;
use crate::membership::{Membership, error};
use crate::payload::{About, Form};
use crate::traces;
use crate::{properties, request, topic};

/// Node-RED's `mqtt in`.
#[derive(Debug)]
pub struct MqttIn(Arc<Input>);

#[derive(Debug)]
struct Input {
    membership: Membership,
    /// Subscriptions come with messages.
    is_dynamic: bool,
    topic: String,
    /// `qos`, `nl`, `rap` and `rh`.
    options: Map,
    form: Form,
    /// The dynamic subscriptions by topic, as messages have them.
    subscriptions: Mutex<IndexMap<String, Map>>,
}

impl FromConfig for MqttIn {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let options = ["qos", "nl", "rap", "rh"]
            .into_iter()
            .filter_map(|name| Some((Key::new_static(name), config.raw(name)?.clone())))
            .collect();
        MqttIn(Arc::new(Input {
            membership: Membership::from_config(config),
            is_dynamic: config.number("inputs") == Some(1.0),
            topic: config.text("topic"),
            options,
            form: form(Some(&config.text_or("datatype", "utf8"))),
            subscriptions: Mutex::default(),
        }))
    }
}

/// As in Node-RED, an unknown name is the old form of `auto`.
fn form(name: Option<&str>) -> Form {
    name.map_or(Form::Utf8, |name| Form::named(name).unwrap_or(Form::Auto))
}

#[async_trait]
impl Node for MqttIn {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        self.0.start(cx).await
    }

    fn on_message_now(&self, mut msg: Message, cx: &NodeContext) -> Handled {
        if self.0.membership.has_sent(&mut msg) {
            return self.0.receive(msg, cx);
        }
        let action = msg.get("action").and_then(Value::as_str).and_then(Action::named);
        let Some(action) = action else {
            return Handled::Failed(error("Invalid action specified"));
        };
        if let Action::Connect | Action::Disconnect = action {
            self.0.membership.switch(action == Action::Connect, msg, cx);
            return Handled::Kept(Sending::done());
        }
        let mut acting = Box::pin(Arc::clone(&self.0).act(action, msg, cx.clone()));
        // The first poll reaches the broker node, before anything that the sender sends next.
        match (&mut acting).now_or_never() {
            Some(()) => Handled::Kept(Sending::done()),
            None => Handled::Kept(Sending::later(acting)),
        }
    }

    async fn stop(&self, reason: StopReason, cx: &NodeContext) {
        self.0.stop(reason, cx).await;
    }
}

/// `msg.action`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Connect,
    Disconnect,
    Subscribe,
    Unsubscribe,
    List,
}

impl Action {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "connect" => Action::Connect,
            "disconnect" => Action::Disconnect,
            "subscribe" => Action::Subscribe,
            "unsubscribe" => Action::Unsubscribe,
            "getSubscriptions" => Action::List,
            _ => return None,
        })
    }
}

impl Input {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        if !self.is_dynamic && !topic::is_filter(&self.topic) {
            cx.warn("Invalid topic specified");
            return Ok(());
        }
        self.membership.join(cx).await?;
        if self.is_dynamic {
            return Ok(());
        }
        if self.topic.is_empty() {
            return Err(NodeError::new("topic not defined"));
        }
        let subscribing = request::subscribe(&self.topic, &self.options);
        self.membership.ask(cx, subscribing).await.map(drop)
    }

    async fn stop(&self, reason: StopReason, cx: &NodeContext) {
        let is_final = reason == StopReason::Removed;
        let mut filters: Vec<String> =
            self.subscriptions.locked().drain(..).map(|(filter, _)| filter).collect();
        filters.extend((!self.is_dynamic).then(|| self.topic.clone()));
        for filter in filters {
            // The broker node may have stopped before.
            let _is_ended = self.membership.ask(cx, request::unsubscribe(&filter, is_final)).await;
        }
        self.membership.leave(reason, cx);
    }

    /// Does what a message asks for. It is complete then, with the list of the subscriptions.
    async fn act(self: Arc<Self>, action: Action, mut msg: Message, cx: NodeContext) {
        let done = match action {
            Action::Subscribe => self.subscribe(msg.get("topic"), &cx).await,
            Action::Unsubscribe => self.unsubscribe(msg.get("topic"), &cx).await,
            _ => {
                msg.set("topic", "subscriptions");
                msg.set("payload", self.list());
                cx.send(0, msg.clone()).await;
                return cx.complete(msg).await;
            }
        };
        if let Err(error) = done {
            return cx.fail_with(error, msg).await;
        }
        msg.set("subscriptions", self.list());
        cx.complete(msg).await;
    }

    /// Sends a message of the broker on. It is no message of a flow, so it is not completed.
    fn receive(&self, mut msg: Message, cx: &NodeContext) -> Handled {
        let filter = msg.remove(FILTER);
        let Some(Value::Buffer(bytes)) = msg.payload().cloned() else { return Handled::Done };
        let about = About {
            is_text: msg.get("payloadFormatIndicator") == Some(&Value::Bool(true)),
            media_type: msg.get("contentType").and_then(Value::as_str),
        };
        let form = self.form_for(filter.as_ref().and_then(Value::as_str));
        match form.of(bytes, about) {
            Ok(payload) => {
                msg.set("payload", payload);
                traces::take(&mut msg, cx);
                Handled::Kept(cx.send(0, msg))
            }
            Err(text) => {
                let names = ["payload", "topic", "qos", "retain"];
                let failed = names
                    .into_iter()
                    .filter_map(|name| Some((Key::new_static(name), msg.get(name)?.clone())));
                let failed = Message::from(failed.collect::<Map>());
                Handled::Kept(cx.fail_with(NodeError::new(text), failed))
            }
        }
    }

    /// The form of the subscription that a message is for.
    fn form_for(&self, filter: Option<&str>) -> Form {
        if !self.is_dynamic {
            return self.form;
        }
        let subscriptions = self.subscriptions.locked();
        let own = filter.and_then(|filter| subscriptions.get(filter)?.get("datatype")?.as_str());
        match own.filter(|name| !name.is_empty()) {
            Some(name) => form(Some(name)),
            None => self.form,
        }
    }

    fn list(&self) -> Value {
        let all: Vec<Value> =
            self.subscriptions.locked().values().map(|it| it.clone().into()).collect();
        all.into()
    }

    async fn subscribe(&self, given: Option<&Value>, cx: &NodeContext) -> Result<(), NodeError> {
        for (filter, given) in filters(given)? {
            self.forget(&filter, cx).await?;
            let subscription = completed(given);
            let subscribing = request::subscribe(&filter, &subscription);
            self.subscriptions.locked().insert(filter.clone(), subscription);
            if let Err(error) = self.membership.ask(cx, subscribing).await {
                self.subscriptions.locked().shift_remove(&filter);
                return Err(error);
            }
        }
        Ok(())
    }

    async fn unsubscribe(&self, given: Option<&Value>, cx: &NodeContext) -> Result<(), NodeError> {
        let filters: Vec<String> = match given {
            Some(Value::Bool(true)) => self.subscriptions.locked().keys().cloned().collect(),
            given => filters(given)?.into_iter().map(|(filter, _)| filter).collect(),
        };
        for filter in filters {
            self.forget(&filter, cx).await?;
        }
        Ok(())
    }

    /// Ends a subscription, if there is one to the topic.
    async fn forget(&self, filter: &str, cx: &NodeContext) -> Result<(), NodeError> {
        if self.subscriptions.locked().shift_remove(filter).is_none() {
            return Ok(());
        }
        self.membership.ask(cx, request::unsubscribe(filter, true)).await.map(drop)
    }
}

/// The topics of `msg.topic`: a text, an object with `topic` and options, or a list of them.
fn filters(given: Option<&Value>) -> Result<Vec<(String, Map)>, NodeError> {
    let list = match given {
        Some(Value::Array(list)) => list.as_slice(),
        Some(value @ (Value::String(_) | Value::Object(_))) => std::slice::from_ref(value),
        _ => return Err(error("msg.topic is missing or invalid")),
    };
    let one = |value: &Value| {
        let subscription: Map = match value {
            Value::Object(map) => (**map).clone(),
            value => [(Key::new_static("topic"), value.clone())].into_iter().collect(),
        };
        let filter = subscription.get("topic").and_then(Value::as_str).unwrap_or_default();
        match !filter.is_empty() && topic::is_filter(filter) {
            true => Ok((filter.to_owned(), subscription)),
            false => Err(error("Invalid topic specified")),
        }
    };
    list.iter().map(one).collect()
}

/// A dynamic subscription with its defaults, which are those of the dialog.
fn completed(mut given: Map) -> Map {
    let number = |name: &str, default: u64| {
        let value = given.get(name).map_or(Some(default), properties::integer);
        value.filter(|value| *value <= 2).unwrap_or(default) as f64
    };
    let (qos, rh) = (number("qos", 2), number("rh", 0));
    let rap = properties::boolean_in(&given, "rap").unwrap_or(true);
    let nl = properties::boolean_in(&given, "nl");
    given.insert("qos", qos);
    given.insert("rh", rh);
    given.insert("rap", rap);
    match nl {
        Some(nl) => drop(given.insert("nl", nl)),
        None => drop(given.remove("nl")),
    }
    given
}
