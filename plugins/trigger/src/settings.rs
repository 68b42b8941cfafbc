//! `Settings`: the node's properties, checked.

use std::time::Duration;

use ferrowire::expression::javascript;
use ferrowire::{Key, Message, NodeConfig, PropertyPath, Value};

use crate::output::Output;

#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) first: Output,
    pub(crate) then: Output,
    /// The second message leaves through the second output.
    pub(crate) second_output: bool,
    /// `None`: nothing follows until a reset.
    duration: Option<Duration>,
    /// The first message is repeated.
    pub(crate) repeats: bool,
    /// A further message restarts the delay.
    pub(crate) extends: bool,
    /// `msg.delay` overrides the delay.
    overrides: bool,
    /// The payload that resets the trigger.
    reset: String,
    topic: Option<PropertyPath>,
}

/// The maximum delay in milliseconds.
const LONGEST: f64 = 86_400_000.0 * 36_500.0;

impl Settings {
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let first = Output::from_config(config, "op1", "op1type", "1");
        let then = Output::from_config(config, "op2", "op2type", "0");
        let unit = match config.text_or("units", "ms").as_str() {
            "ms" => 1.0,
            "s" => 1000.0,
            "min" => 60_000.0,
            "hr" => 3_600_000.0,
            other => {
                let text = format!("expected `ms`, `s`, `min` or `hr`, found `{other}`");
                config.problem("units", text);
                1.0
            }
        };
        let duration = config.number_in("duration", -LONGEST..=LONGEST).unwrap_or(250.0);
        let repeats = duration < 0.0;
        let by_topic = config.text_or("bytopic", "all") != "all";
        let topic = by_topic.then(|| config.property_path("topic", "topic")).flatten();
        Settings {
            first,
            then,
            second_output: config.number("outputs") == Some(2.0),
            duration: millis(duration.abs() * unit),
            repeats,
            extends: config.boolean("extend", false) && !repeats,
            overrides: config.boolean("overrideDelay", false),
            reset: config.text("reset"),
            topic,
        }
    }

    /// The key that separates messages by topic.
    pub(crate) fn topic(&self, msg: &Message) -> Key {
        let topic = self.topic.as_ref().and_then(|topic| topic.read(msg).unwrap_or(None));
        match topic.filter(Value::is_truthy) {
            None => Key::new_static("_none"),
            Some(Value::String(topic)) => Key::new(topic),
            other => javascript::text(other.as_ref()).into(),
        }
    }

    pub(crate) fn is_reset(&self, msg: &Message) -> bool {
        let is_reset = |payload: &Value| {
            *payload != Value::Null && javascript::text(Some(payload)) == self.reset
        };
        msg.contains_key("reset") || !self.reset.is_empty() && msg.payload().is_some_and(is_reset)
    }

    /// The delay of the second message; `None` waits forever.
    pub(crate) fn wait(&self, msg: &Message) -> Option<Duration> {
        let delay = msg.get("delay").filter(|_| self.overrides);
        let delay = delay.map(|delay| javascript::parse_float(Some(delay)));
        match delay.filter(|delay| !delay.is_nan()) {
            Some(delay) => millis(delay),
            None => self.duration,
        }
    }
}

fn millis(number: f64) -> Option<Duration> {
    if number == 0.0 {
        return None;
    }
    Some(Duration::from_secs_f64(number.clamp(1.0, LONGEST) / 1000.0))
}
