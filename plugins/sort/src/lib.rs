//! The node `sort`: sorts an array in a message, or the messages of a sequence.

mod merge;

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use ferrowire_core::{
    Editor, FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeError, NodeType,
    PropertyPath, StopReason, Value, async_trait, javascript,
};

/// Node-RED's `sort`.
#[derive(Debug)]
pub struct Sort {
    target: Target,
    descending: bool,
    as_number: bool,
    pending: Mutex<Pending>,
}

#[derive(Debug)]
enum Target {
    /// The elements of an array.
    Property(Option<PropertyPath>),
    /// The messages of a sequence, by a property.
    Sequence(Option<PropertyPath>),
}

/// Sequences that are not complete.
#[derive(Debug, Default)]
struct Pending {
    groups: HashMap<String, Group>,
    kept: usize,
}

#[derive(Debug, Default)]
struct Group {
    messages: Vec<Message>,
    count: Option<f64>,
}

/// The number of messages that may wait for the rest of their sequences.
const MOST_KEPT: usize = 65_536;

impl FromConfig for Sort {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let is_property = match config.text_or("targetType", "msg").as_str() {
            "msg" => true,
            "seq" => false,
            other => {
                config.problem("targetType", format!("`{other}` is neither `msg` nor `seq`"));
                true
            }
        };
        let (key, kind) =
            if is_property { ("msgKey", "msgKeyType") } else { ("seqKey", "seqKeyType") };
        if config.text(kind) == "jsonata" {
            let text =
                "JSONata expressions are not supported yet; sort by a property, or in a function";
            config.problem(key, text);
        }
        let target = if is_property {
            Target::Property(config.property_path("target", "payload"))
        } else {
            Target::Sequence(config.property_path("seqKey", "payload"))
        };
        let descending = match config.text_or("order", "ascending").as_str() {
            "ascending" => false,
            "descending" => true,
            other => {
                let text = format!("`{other}` is neither `ascending` nor `descending`");
                config.problem("order", text);
                false
            }
        };
        let as_number = config.boolean("as_num", false);
        Sort { target, descending, as_number, pending: Mutex::default() }
    }
}

impl Sort {
    fn compare(&self, a: Option<&Value>, b: Option<&Value>) -> Ordering {
        let numbers;
        let (a, b) = if self.as_number {
            numbers = [a, b].map(|value| Value::Number(javascript::number(value)));
            (Some(&numbers[0]), Some(&numbers[1]))
        } else {
            (a, b)
        };
        let ordered = if javascript::strictly_equal(a, b) {
            Ordering::Equal
        } else if javascript::compare(a, b) == Some(Ordering::Greater) {
            Ordering::Greater
        } else {
            Ordering::Less
        };
        if self.descending { ordered.reverse() } else { ordered }
    }

    /// Adds a message to its sequence, and returns the sequence when it is complete.
    fn add(&self, msg: Message) -> Result<Vec<Message>, NodeError> {
        let part = |name: &str| msg.get("parts").and_then(|parts| parts.get(name)).cloned();
        // As in Node-RED, what belongs to no sequence is dropped.
        let (Some(id), Some(_)) = (part("id"), part("index")) else { return Ok(Vec::new()) };
        let (id, count) = (javascript::text(Some(&id)), part("count").and_then(|c| c.as_f64()));
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if pending.kept >= MOST_KEPT {
            *pending = Pending::default();
            let text = "too many messages wait for the rest of their sequences, all were dropped";
            return Err(NodeError::new(text));
        }
        pending.kept += 1;
        let group = pending.groups.entry(id.clone()).or_default();
        group.messages.push(msg);
        group.count = count.or(group.count);
        if group.count.is_none_or(|count| count > group.messages.len() as f64) {
            return Ok(Vec::new());
        }
        let messages = pending.groups.remove(&id).unwrap_or_default().messages;
        pending.kept -= messages.len();
        Ok(messages)
    }

    fn sort_sequence(&self, messages: Vec<Message>, key: &PropertyPath) -> Handled {
        let with_key = |msg: Message| (key.read(&msg).unwrap_or(None), msg);
        let messages = messages.into_iter().map(with_key).collect();
        let sorted = merge::sort(messages, &|a: &(Option<Value>, Message), b| {
            self.compare(a.0.as_ref(), b.0.as_ref())
        });
        let numbered = |(index, (_, mut msg)): (usize, (Option<Value>, Message))| {
            let parts = msg.properties_mut().get_mut("parts").and_then(Value::as_object_mut);
            if let Some(parts) = parts {
                parts.insert("index", index);
            }
            (0, msg)
        };
        Handled::SendAll(sorted.into_iter().enumerate().map(numbered).collect())
    }
}

#[async_trait]
impl Node for Sort {
    fn on_message_now(&self, mut msg: Message, _: &NodeContext) -> Handled {
        match &self.target {
            Target::Property(Some(path)) => {
                let Some(Value::Array(items)) = path.get(&msg) else { return Handled::Done };
                let items = items.to_vec();
                let sorted = merge::sort(items, &|a, b| self.compare(Some(a), Some(b)));
                match path.set(&mut msg, sorted.into()) {
                    Ok(()) => Handled::Send(0, msg),
                    Err(error) => Handled::Failed(NodeError::new(error.to_string())),
                }
            }
            Target::Sequence(Some(key)) => match self.add(msg) {
                Ok(messages) => self.sort_sequence(messages, key),
                Err(error) => Handled::Failed(error),
            },
            Target::Property(None) | Target::Sequence(None) => Handled::Done,
        }
    }

    async fn stop(&self, _: StopReason, _: &NodeContext) {
        *self.pending.lock().unwrap_or_else(PoisonError::into_inner) = Pending::default();
    }
}

ferrowire_core::register!(
    NodeType::shared::<Sort>("sort")
        .summary("sorts arrays, and sequences of messages")
        .category("sequence")
        .editor(Editor::NodeRed("sequence/18-sort"))
);
