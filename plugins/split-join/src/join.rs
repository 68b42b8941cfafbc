//! The node `join`: a sequence of messages becomes one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ferrowire_core::{
    FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeError, PropertyPath,
    StopReason, Value, async_trait, javascript,
};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::group::{Begin, Group, Kind, bytes_of, invalid_type};

/// Node-RED's `join`.
#[derive(Debug)]
pub struct Join {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    groups: Mutex<HashMap<String, Group>>,
    changed: Notify,
}

#[derive(Debug)]
struct Settings {
    /// Everything is in `msg.parts`.
    is_auto: bool,
    /// `None` stands for the whole message.
    property: Option<PropertyPath>,
    property_name: String,
    target: Option<PropertyPath>,
    kind: Kind,
    key: Option<PropertyPath>,
    key_name: String,
    joiner: Value,
    count: Option<f64>,
    timeout: Option<Duration>,
    accumulates: bool,
    uses_parts: bool,
}

/// How many groups, and how many values in all of them, are kept.
const MOST_KEPT: usize = 1 << 20;

impl FromConfig for Join {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let settings = Settings::from_config(config);
        Join {
            inner: Arc::new(Inner { settings, groups: Mutex::default(), changed: Notify::new() }),
        }
    }
}

impl Settings {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let is_auto = match config.text_or("mode", "auto").as_str() {
            "auto" => true,
            "custom" => false,
            "reduce" => {
                let text = "reducing a sequence needs JSONata, which is not supported yet; join it \
                            into an array and use a function";
                config.problem("mode", text);
                false
            }
            other => {
                config.problem("mode", format!("`{other}` is none of `auto` and `custom`"));
                false
            }
        };
        let build = config.text_or("build", "array");
        let kind = Kind::named(&build).unwrap_or_else(|| {
            config.problem("build", format!("`{build}` is nothing that can be built"));
            Kind::Array
        });
        let is_full = config.text_or("propertyType", "msg") == "full";
        let target = if is_full { None } else { config.property_path("property", "payload") };
        let timeout = config.number_in("timeout", 0.0..=1e9).filter(|time| *time > 0.0 && !is_auto);
        Settings {
            is_auto,
            property_name: config.text_or("property", "payload"),
            property: target.clone(),
            target: target.or_else(|| PropertyPath::parse("payload").ok()),
            kind,
            key: config.property_path("key", "topic"),
            key_name: config.text_or("key", "topic"),
            joiner: joiner(config),
            count: config.number_in("count", 0.0..=MOST_KEPT as f64),
            timeout: timeout.map(Duration::from_secs_f64),
            accumulates: config.boolean("accumulate", false) && !is_auto,
            uses_parts: config.boolean("useparts", true),
        }
    }
}

fn joiner(config: &mut NodeConfig<'_>) -> Value {
    let text = config.text("joiner");
    match config.text_or("joinerType", "str").as_str() {
        "bin" if text.is_empty() => Vec::<u8>::new().into(),
        "bin" => crate::bytes(config, "joiner", &text).into(),
        _ => crate::unescape(&text).into(),
    }
}

/// What a message brings to its group.
struct Arrival {
    id: String,
    begin: Begin,
    value: Option<Value>,
    key: Option<String>,
    index: Option<f64>,
}

/// What a message came to: a message to send, or a warning.
type Taken = Result<Option<Message>, NodeError>;

impl Inner {
    fn groups(&self) -> MutexGuard<'_, HashMap<String, Group>> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, mut msg: Message, cx: &NodeContext) -> Taken {
        let settings = &self.settings;
        let has_parts = msg.get("parts").is_some_and(|parts| parts.get("id").is_some());
        if settings.is_auto && !has_parts {
            if msg.get("reset").is_some() {
                self.groups().clear();
            } else {
                cx.warn("Message missing msg.parts property - cannot join in 'auto' mode");
            }
            return Ok(None);
        }
        if !settings.is_auto && !settings.uses_parts {
            leave_sequence(&mut msg);
        }
        let Some(arrival) = settings.arrival(&msg, cx) else { return Ok(None) };
        let mut groups = self.groups();
        if msg.get("restartTimeout").is_some()
            && let Some(group) = groups.get_mut(&arrival.id)
        {
            group.due = settings.due();
        }
        if msg.get("reset").is_some() {
            groups.remove(&arrival.id);
            return Ok(None);
        }
        self.add(&mut groups, arrival, msg, cx)
    }

    fn add(
        &self,
        groups: &mut HashMap<String, Group>,
        arrival: Arrival,
        msg: Message,
        cx: &NodeContext,
    ) -> Taken {
        let Arrival { id, begin, value, key, index } = arrival;
        let is_complete = msg.get("complete").is_some();
        if begin.kind == Kind::Object && key.is_none() {
            return self.without_key(groups, &id, &msg, cx);
        }
        let kept: usize = groups.values().map(|group| group.count.max(1)).sum();
        if kept >= MOST_KEPT {
            groups.clear();
            let text = "too many messages wait for the rest of their sequences, all were dropped";
            return Err(NodeError::new(text));
        }
        if let (Kind::Buffer, Some(value)) = (begin.kind, &value)
            && bytes_of(value).is_none()
        {
            return Err(NodeError::new(invalid_type(value)));
        }
        let due = self.settings.due();
        let group = groups.entry(id.clone()).or_insert_with(|| {
            let mut group = Group::new(begin);
            group.due = due;
            group
        });
        match (group.kind, &key) {
            (Kind::Object, Some(key)) => group.add_named(key, value),
            (Kind::Merged, _) => {
                if !group.merge(value.as_ref()) && !is_complete {
                    cx.warn("Cannot merge non-object types");
                }
            }
            _ => group.add(index, value)?,
        }
        let count = msg.get("parts").and_then(|parts| parts.get("count")).and_then(Value::as_f64);
        for (key, value) in msg.properties().iter() {
            group.msg.set(key.clone(), value.clone());
        }
        if let Some(count) = count.filter(|_| group.target <= 0.0) {
            group.target = count;
        }
        if group.is_complete() || is_complete { self.complete(groups, &id) } else { Ok(None) }
    }

    /// An object has no place for a value without a name.
    fn without_key(
        &self,
        groups: &mut HashMap<String, Group>,
        id: &str,
        msg: &Message,
        cx: &NodeContext,
    ) -> Taken {
        let Some(complete) = msg.get("complete").filter(|_| !self.settings.is_auto) else {
            if self.settings.is_auto {
                cx.warn("Message missing 'msg.parts.key' property - cannot add to object");
            } else {
                let key = &self.settings.key_name;
                cx.warn(format_args!(
                    "Message missing key property 'msg.{key}' - cannot add to object"
                ));
            }
            return Ok(None);
        };
        match groups.get_mut(id) {
            Some(group) => {
                group.msg.set("complete", complete.clone());
                self.complete(groups, id)
            }
            None => Ok(None),
        }
    }

    fn complete(&self, groups: &mut HashMap<String, Group>, id: &str) -> Taken {
        let Some(group) = groups.get_mut(id) else { return Ok(None) };
        group.due = None;
        let msg = group.message();
        if !self.settings.accumulates || group.msg.get("complete").is_some() {
            groups.remove(id);
        }
        msg.map(Some)
    }

    /// Sends the groups whose time is over, for as long as the node lives.
    async fn run(&self, cx: &NodeContext) {
        loop {
            let changed = self.changed.notified();
            let next = self.groups().values().filter_map(|group| group.due).min();
            match next {
                None => changed.await,
                Some(next) => tokio::select! {
                    () = tokio::time::sleep_until(next) => self.send_due(cx).await,
                    () = changed => {}
                },
            }
        }
    }

    async fn send_due(&self, cx: &NodeContext) {
        let now = Instant::now();
        loop {
            let taken = {
                let mut groups = self.groups();
                let is_due = |group: &Group| group.due.is_some_and(|due| due <= now);
                let due = groups.iter().find(|(_, group)| is_due(group)).map(|(id, _)| id.clone());
                let Some(id) = due else { return };
                self.complete(&mut groups, &id)
            };
            match taken {
                Ok(Some(msg)) => cx.send(0, msg).await,
                Ok(None) => {}
                Err(error) => cx.fail(error),
            }
        }
    }
}

/// Takes a message out of its sequence, into the one around it.
fn leave_sequence(msg: &mut Message) {
    let outer = msg.get("parts").and_then(|parts| parts.get("parts")).cloned();
    msg.remove("parts");
    if let Some(outer) = outer {
        let parts: ferrowire_core::Map = [("parts", outer)].into_iter().collect();
        msg.set("parts", parts);
    }
}

impl Settings {
    fn due(&self) -> Option<Instant> {
        self.timeout.map(|timeout| Instant::now() + timeout)
    }

    /// What the message brings; `None` after a warning.
    fn arrival(&self, msg: &Message, cx: &NodeContext) -> Option<Arrival> {
        if self.is_auto {
            return self.arrival_by_parts(msg);
        }
        let value = match &self.property {
            None => Some(Value::from(msg.clone())),
            Some(property) => match property.read(msg) {
                Ok(value) => value,
                Err(_) => {
                    cx.warn(format_args!("Message property {} not found", self.property_name));
                    return None;
                }
            },
        };
        let parts = msg.get("parts").filter(|_| self.count.is_none());
        let id = parts.and_then(|parts| parts.get("id")).map(|id| javascript::text(Some(id)));
        let count = parts.and_then(|parts| parts.get("count")).and_then(Value::as_f64);
        let key = self.key.as_ref().and_then(|key| key.read(msg).unwrap_or(None));
        let begin = Begin {
            kind: self.kind,
            target: self.count.or(count).unwrap_or(0.0),
            joiner: Some(self.joiner.clone()),
            array_length: 0.0,
            property: self.target.clone(),
        };
        let id = id.unwrap_or_else(|| "_".to_owned());
        Some(Arrival { id, begin, value, key: named(key.as_ref()), index: None })
    }

    fn arrival_by_parts(&self, msg: &Message) -> Option<Arrival> {
        let parts = msg.get("parts")?;
        let number = |name: &str| parts.get(name).and_then(Value::as_f64);
        let property = parts.get("property").and_then(Value::as_str).unwrap_or("payload");
        let property = PropertyPath::parse(property).ok();
        let value = property.as_ref().and_then(|property| property.read(msg).unwrap_or(None));
        let kind = parts.get("type").and_then(Value::as_str).and_then(Kind::named);
        let begin = Begin {
            kind: kind.unwrap_or(Kind::Array),
            target: number("count").unwrap_or(0.0),
            joiner: parts.get("ch").cloned(),
            array_length: number("len").unwrap_or(0.0),
            property,
        };
        Some(Arrival {
            id: javascript::text(parts.get("id")),
            begin,
            value,
            key: named(parts.get("key")),
            index: number("index"),
        })
    }
}

/// A name that is there and not empty.
fn named(key: Option<&Value>) -> Option<String> {
    let key = key.filter(|key| **key != Value::Null)?;
    Some(javascript::text(Some(key))).filter(|key| !key.is_empty())
}

#[async_trait]
impl Node for Join {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        if self.inner.settings.timeout.is_some() {
            let (inner, context) = (Arc::clone(&self.inner), cx.clone());
            cx.spawn(async move { inner.run(&context).await });
        }
        Ok(())
    }

    fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        let taken = self.inner.take(msg, cx);
        self.inner.changed.notify_one();
        match taken {
            Ok(Some(msg)) => Handled::Send(0, msg),
            Ok(None) => Handled::Done,
            Err(error) => Handled::Failed(error),
        }
    }

    async fn stop(&self, _: StopReason, _: &NodeContext) {
        self.inner.groups().clear();
    }
}
