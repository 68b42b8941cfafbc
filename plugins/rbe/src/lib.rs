//! The node `rbe`, named `filter` in the palette: passes messages whose value has changed.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Mutex;

use ferrowire::expression::javascript;
use ferrowire::{
    Editor, FromConfig, Handled, Key, Message, MutexExt as _, Node, NodeConfig, NodeContext,
    NodeError, NodeType, PropertyPath, Value,
};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    /// Passes if the value differs from the previous one.
    Changed { ignores_first: bool },
    /// Passes if the value differs from the previous one by more than the gap, or (`equal`) by
    /// exactly the gap.
    Deadband { equal: bool },
    /// Passes if it differs by less, or (not `strict`) by exactly the gap.
    Narrowband { strict: bool },
}

/// Node-RED's `rbe`.
#[derive(Debug)]
pub struct Filter {
    mode: Mode,
    gap: f64,
    /// The gap is a percentage of the previous value.
    percent: bool,
    /// The initial value to compare with.
    start: Option<f64>,
    /// Compares with the last received value instead of the last one that passed.
    compares_input: bool,
    by_topic: bool,
    property: Option<PropertyPath>,
    topic: Option<PropertyPath>,
    previous: Mutex<HashMap<Key, Value>>,
}

/// Beyond this number of topics all are forgotten, with a warning.
const MOST_TOPICS: usize = 65_536;

impl FromConfig for Filter {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let mode = match config.text_or("func", "rbe").as_str() {
            "rbe" => Mode::Changed { ignores_first: false },
            "rbei" => Mode::Changed { ignores_first: true },
            "deadband" => Mode::Deadband { equal: false },
            "deadbandEq" => Mode::Deadband { equal: true },
            "narrowband" => Mode::Narrowband { strict: false },
            "narrowbandEq" => Mode::Narrowband { strict: true },
            other => {
                config.problem("func", format!("invalid mode `{other}`; select one in the editor"));
                Mode::Changed { ignores_first: false }
            }
        };
        let gap = config.text_or("gap", "0");
        let number = javascript::parse_float(Some(&gap.as_str().into()));
        if number.is_nan() {
            config.problem("gap", format!("expected a number, found `{gap}`"));
        }
        Filter {
            mode,
            gap: number,
            percent: gap.ends_with('%'),
            start: config.number("start"),
            compares_input: config.text_or("inout", "out") == "in",
            by_topic: config.boolean("septopics", true),
            property: config.property_path("property", "payload"),
            topic: config.property_path("topi", "topic"),
            previous: Mutex::default(),
        }
    }
}

impl Filter {
    fn passes(&self, topic: &str, value: &Value, cx: &NodeContext) -> Result<bool, NodeError> {
        let mut previous = self.previous.locked();
        let before = previous.get_mut(topic);
        let (passes, next) = match self.mode {
            Mode::Changed { ignores_first } => {
                // As in Node-RED, a first value that is an object is compared with an empty object.
                let changed = match &before {
                    None => !value.as_object().is_some_and(ferrowire::Map::is_empty),
                    Some(before) => *before != value,
                };
                let is_first = before.is_none();
                let next = (changed || is_first).then(|| value.clone());
                (changed && !(ignores_first && is_first), next)
            }
            _ => {
                let number = javascript::parse_float(Some(value));
                if number.is_nan() {
                    return Err(NodeError::new("no number found in payload"));
                }
                let before = before.as_deref().and_then(Value::as_f64);
                let (passes, next) = self.compare(number, before);
                (passes, Some(next.into()))
            }
        };
        match (before, next) {
            (Some(before), Some(next)) => *before = next,
            (None, Some(next)) => {
                if previous.len() >= MOST_TOPICS {
                    cx.warn(format_args!(
                        "more than {MOST_TOPICS} topics; their values are forgotten"
                    ));
                    previous.clear();
                }
                previous.insert(topic.into(), next);
            }
            (_, None) => {}
        }
        Ok(passes)
    }

    /// Whether the number passes, and the value to compare the next one with.
    fn compare(&self, number: f64, before: Option<f64>) -> (bool, f64) {
        let is_narrow = matches!(self.mode, Mode::Narrowband { .. });
        let before = before.or_else(|| is_narrow.then(|| self.start.unwrap_or(number)));
        let gap = match before {
            _ if !self.percent => self.gap,
            Some(before) => (before * self.gap / 100.0).abs(),
            None => 0.0,
        };
        let before = before.unwrap_or(number - gap - 1.0);
        let distance = (number - before).abs();
        let passes = match self.mode {
            Mode::Deadband { equal } => distance > gap || equal && distance == gap,
            Mode::Narrowband { strict } => distance < gap || !strict && distance == gap,
            Mode::Changed { .. } => false,
        };
        (passes, if passes || self.compares_input { number } else { before })
    }

    fn topic_of(&self, msg: &Message) -> Option<Value> {
        let topic = self.topic.as_ref()?.read(msg).unwrap_or(None);
        topic.filter(|topic| self.by_topic && topic.is_truthy())
    }

    fn reset(&self, topic: Option<&Value>) {
        let mut previous = self.previous.locked();
        match topic.and_then(Value::as_str) {
            Some(topic) => drop(previous.remove(topic)),
            None => previous.clear(),
        }
    }
}

impl Node for Filter {
    fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        let Some(property) = &self.property else { return Handled::Done };
        let topic = self.topic_of(&msg);
        if msg.contains_key("reset") {
            self.reset(topic.as_ref());
        }
        let Ok(Some(value)) = property.read(&msg) else { return Handled::Done };
        let topic = match &topic {
            None => Cow::Borrowed("_no_topic"),
            Some(Value::String(topic)) => Cow::Borrowed(topic.as_str()),
            other => Cow::Owned(javascript::text(other.as_ref())),
        };
        match self.passes(&topic, &value, cx) {
            Ok(true) => Handled::Send(0, msg),
            Ok(false) => Handled::Done,
            Err(error) => {
                cx.warn(error);
                Handled::Done
            }
        }
    }
}

ferrowire::register!(
    NodeType::shared::<Filter>("rbe")
        .summary("passes messages whose value has changed")
        .category("function")
        .editor(Editor::NodeRed("function/rbe"))
);
