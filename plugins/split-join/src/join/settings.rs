//! `Settings`: the properties of a join node, and how they read a message.

use std::borrow::Cow;
use std::time::Duration;

use ferrowire::expression::javascript;
use ferrowire::{Message, NodeConfig, NodeContext, PropertyPath, Value};
use tokio::time::Instant;

use super::group::{Group, Kind};

#[derive(Debug)]
pub(crate) struct Settings {
    /// The mode `auto`: `msg.parts` states everything.
    pub(crate) is_auto: bool,
    /// `None` stands for the whole message.
    property: Option<PropertyPath>,
    property_name: String,
    target: Option<PropertyPath>,
    kind: Kind,
    key: Option<PropertyPath>,
    pub(crate) key_name: String,
    joiner: Value,
    count: Option<f64>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) accumulates: bool,
    pub(crate) uses_parts: bool,
}

/// What a message adds to its group.
pub(crate) struct Arrival<'a> {
    pub(crate) id: Cow<'a, str>,
    pub(crate) kind: Kind,
    pub(crate) value: Option<Value>,
    pub(crate) key: Option<String>,
    pub(crate) index: Option<f64>,
}

impl Settings {
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let is_auto = match config.text_or("mode", "auto").as_str() {
            "auto" => true,
            "custom" => false,
            other => {
                let text = format!("invalid mode `{other}`, expected `auto`, `custom` or `reduce`");
                config.problem("mode", text);
                false
            }
        };
        let build = config.text_or("build", "array");
        let kind = Kind::named(&build).unwrap_or_else(|| {
            let text = format!(
                "invalid result `{build}`, expected `array`, `string`, `buffer`, `object` or `merged`"
            );
            config.problem("build", text);
            Kind::Array
        });
        let is_full = config.text_or("propertyType", "msg") == "full";
        let property = if is_full { None } else { config.property_path("property", "payload") };
        let timeout = config.number_in("timeout", 0.0..=1e9).filter(|time| *time > 0.0 && !is_auto);
        Settings {
            is_auto,
            property_name: config.text_or("property", "payload"),
            target: property.clone().or_else(|| PropertyPath::parse("payload").ok()),
            property,
            kind,
            key: config.property_path("key", "topic"),
            key_name: config.text_or("key", "topic"),
            joiner: joiner(config),
            count: config.number_in("count", 0.0..=super::group::MOST as f64),
            timeout: timeout.map(Duration::from_secs_f64),
            accumulates: config.boolean("accumulate", false) && !is_auto,
            uses_parts: config.boolean("useparts", true),
        }
    }

    pub(crate) fn due(&self) -> Option<Instant> {
        self.timeout.map(|timeout| Instant::now() + timeout)
    }

    /// What the message adds; `parts` is its `msg.parts`.
    ///
    /// # Errors
    /// The text of a warning when the property does not exist.
    pub(crate) fn arrival<'a>(
        &self,
        msg: &Message,
        parts: Option<&'a Value>,
    ) -> Result<Arrival<'a>, String> {
        if self.is_auto {
            return Ok(arrival_by_parts(msg, parts));
        }
        let value = match &self.property {
            None => Some(Value::from(msg.clone())),
            Some(property) => property
                .read(msg)
                .map_err(|_| format!("Message property {} not found", self.property_name))?,
        };
        let parts = parts.filter(|_| self.count.is_none());
        let id = parts.and_then(|parts| parts.get("id")).map_or(Cow::Borrowed("_"), id_text);
        let key = self.key.as_ref().filter(|_| self.kind == Kind::Object);
        let key = key.and_then(|key| key.read(msg).unwrap_or(None));
        Ok(Arrival { id, kind: self.kind, value, key: named(key.as_ref()), index: None })
    }

    /// A new group, for a message with these `msg.parts`.
    pub(crate) fn begin(&self, kind: Kind, parts: Option<&Value>) -> Group {
        let part = |name: &str| parts.and_then(|parts| parts.get(name));
        let count = part("count").and_then(Value::as_f64);
        if !self.is_auto {
            let count = self.count.or(count).unwrap_or(0.0);
            return Group::new(kind, count, Some(self.joiner.clone()), self.target.clone());
        }
        let property = part("property").and_then(Value::as_str).unwrap_or("payload");
        let property = PropertyPath::parse(property).ok();
        let length = part("len").and_then(Value::as_f64).unwrap_or(0.0);
        let group = Group::new(kind, count.unwrap_or(0.0), part("ch").cloned(), property);
        group.of_arrays(length > 1.0)
    }

    /// Warns of a value that cannot be added to an object because it has no name.
    pub(crate) fn warn_of_missing_key(&self, cx: &NodeContext) {
        if self.is_auto {
            cx.warn("Message missing 'msg.parts.key' property - cannot add to object");
        } else {
            let key = &self.key_name;
            cx.warn(format_args!(
                "Message missing key property 'msg.{key}' - cannot add to object"
            ));
        }
    }
}

fn arrival_by_parts<'a>(msg: &Message, parts: Option<&'a Value>) -> Arrival<'a> {
    let part = |name: &str| parts.and_then(|parts| parts.get(name));
    let value = match part("property").and_then(Value::as_str) {
        None => msg.payload().cloned(),
        Some(property) => {
            let property = PropertyPath::parse(property).ok();
            property.and_then(|property| property.read(msg).unwrap_or(None))
        }
    };
    let kind = part("type").and_then(Value::as_str).and_then(Kind::named);
    Arrival {
        id: part("id").map_or(Cow::Borrowed("_"), id_text),
        kind: kind.unwrap_or(Kind::Array),
        value,
        key: named(part("key")),
        index: part("index").and_then(Value::as_f64),
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

fn id_text(id: &Value) -> Cow<'_, str> {
    match id {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(javascript::text(Some(other))),
    }
}

/// A name that exists and is not empty.
fn named(key: Option<&Value>) -> Option<String> {
    let key = key.filter(|key| **key != Value::Null)?;
    Some(javascript::text(Some(key))).filter(|key| !key.is_empty())
}

/// Replaces the parts of a message by those of the outer sequence.
pub(crate) fn leave_sequence(msg: &mut Message) {
    let outer = msg.remove("parts").and_then(|parts| parts.get("parts").cloned());
    if let Some(outer) = outer {
        let parts: ferrowire::Map = [("parts", outer)].into_iter().collect();
        msg.set("parts", parts);
    }
}
