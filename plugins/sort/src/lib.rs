//! The node `sort`: sorts an array in a message, or the messages of a sequence.

mod merge;

use std::cmp::Ordering;
use std::sync::{Mutex, MutexGuard};

use ferrowire::expression::Jsonata;
use ferrowire::expression::javascript;
use ferrowire::sequence::{
    Added, Gathered, Parts, Sequences, drop_then, fail_last, send_and_complete, set_part,
};
use ferrowire::{
    Editor, FromConfig, Handled, Message, MutexExt as _, Node, NodeConfig, NodeContext, NodeError,
    NodeType, PropertyPath, Sending, StopReason, Value, async_trait,
};

/// Node-RED's `sort`.
#[derive(Debug)]
pub struct Sort {
    target: Target,
    descending: bool,
    as_number: bool,
    /// The incomplete sequences.
    waiting: Mutex<Sequences<Gathered>>,
}

#[derive(Debug)]
enum Target {
    /// The elements of an array, sorted by an expression or by their values.
    Elements(Option<PropertyPath>, Option<Jsonata>),
    /// The messages of a sequence.
    Sequence(Key),
}

/// The value that messages are sorted by.
#[derive(Debug)]
enum Key {
    Property(PropertyPath),
    Expression(Jsonata),
}

/// An item with its sort key; `None` stands for `undefined`.
type Keyed<T> = (Option<Value>, T);

/// The maximum number of messages in incomplete sequences. At the limit the oldest sequence goes to
/// catch nodes, as described in [`ferrowire::sequence`].
const MOST_HELD: usize = 65_536;

impl FromConfig for Sort {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let is_property = match config.text_or("targetType", "msg").as_str() {
            "msg" => true,
            "seq" => false,
            other => {
                let text = format!("invalid target `{other}`, expected `msg` or `seq`");
                config.problem("targetType", text);
                true
            }
        };
        let (key, kind) =
            if is_property { ("msgKey", "msgKeyType") } else { ("seqKey", "seqKeyType") };
        let is_expression = config.text(kind) == "jsonata";
        let expression = is_expression.then(|| Jsonata::compile(&config.text(key)));
        let expression = expression.and_then(|compiled| {
            compiled.map_err(|error| config.problem(key, error.to_string())).ok()
        });
        let target = if is_property {
            Target::Elements(config.property_path("target", "payload"), expression)
        } else if is_expression {
            expression
                .map_or(Target::Elements(None, None), |e| Target::Sequence(Key::Expression(e)))
        } else {
            let path = config.property_path("seqKey", "payload");
            path.map_or(Target::Elements(None, None), |path| Target::Sequence(Key::Property(path)))
        };
        let descending = match config.text_or("order", "ascending").as_str() {
            "ascending" => false,
            "descending" => true,
            other => {
                let text = format!("invalid order `{other}`, expected `ascending` or `descending`");
                config.problem("order", text);
                false
            }
        };
        let as_number = config.boolean("as_num", false);
        let waiting = Mutex::new(Sequences::new(MOST_HELD));
        Sort { target, descending, as_number, waiting }
    }
}

impl Sort {
    fn waiting(&self) -> MutexGuard<'_, Sequences<Gathered>> {
        self.waiting.locked()
    }

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

    fn sort<T>(&self, items: Vec<Keyed<T>>) -> Vec<T> {
        let sorted =
            merge::sort(items, &|a: &Keyed<T>, b| self.compare(a.0.as_ref(), b.0.as_ref()));
        sorted.into_iter().map(|(_, item)| item).collect()
    }

    /// Sorts the array at `path`.
    fn sort_elements(
        &self,
        path: &PropertyPath,
        expression: Option<&Jsonata>,
        mut msg: Message,
        cx: &NodeContext,
    ) -> Result<Handled, NodeError> {
        // As in Node-RED, a message without an array is complete and not sent.
        let Some(Value::Array(items)) = path.get(&msg) else { return Ok(Handled::Done) };
        let keyed = |item: &Value| {
            let key = match expression {
                Some(expression) => expression.evaluate(item, cx)?,
                None => Some(item.clone()),
            };
            Ok((key, item.clone()))
        };
        let keyed: Result<Vec<_>, NodeError> = items.iter().map(keyed).collect();
        // As in `Array.prototype.sort`, `undefined` elements go to the end without comparison.
        let (last, keyed): (Vec<_>, Vec<_>) =
            keyed?.into_iter().partition(|(_, item)| item.is_undefined());
        let mut sorted = self.sort(keyed);
        sorted.extend(last.into_iter().map(|(_, item)| item));
        path.set(&mut msg, sorted.into())?;
        Ok(Handled::Send(0, msg))
    }

    /// Adds a message to its sequence, which leaves sorted when it is complete.
    fn gather(&self, msg: Message, key: &Key, cx: &NodeContext) -> Handled {
        // As in Node-RED, a message that belongs to no sequence is complete and not sent.
        let Some(parts) = Parts::of(&msg) else { return Handled::Done };
        let (id, count) = (parts.id().into_owned(), parts.count());
        let added = self.waiting().gather(&id, msg, |sequence| sequence.reaches(count));
        let Added { result, dropped } = match added {
            Ok(added) => added,
            Err(full) => return Handled::Failed(full.into()),
        };
        let sending =
            result.map_or(Sending::done(), |complete| self.send_sorted(complete, key, cx));
        Handled::Kept(drop_then(cx, dropped, sending))
    }

    fn send_sorted(&self, sequence: Gathered, key: &Key, cx: &NodeContext) -> Sending {
        let arrived = sequence.to_report(cx);
        match self.sort_sequence(sequence.messages, key, cx) {
            Ok(sorted) => {
                let kept = if cx.completion_watched() { sorted.clone() } else { Vec::new() };
                let messages = sorted.into_iter().map(|msg| (0, msg)).collect();
                send_and_complete(cx, messages, kept)
            }
            Err(error) => fail_last(cx, error, arrived),
        }
    }

    fn sort_sequence(
        &self,
        messages: Vec<Message>,
        key: &Key,
        cx: &NodeContext,
    ) -> Result<Vec<Message>, NodeError> {
        let with_key = |msg: Message| {
            let value = match key {
                Key::Property(path) => path.read(&msg).unwrap_or(None),
                Key::Expression(expression) => expression.evaluate(&msg, cx)?,
            };
            Ok((value, msg))
        };
        let keyed = messages.into_iter().map(with_key).collect::<Result<_, NodeError>>()?;
        let sorted = self.sort(keyed);
        let numbered = |(index, mut msg): (usize, Message)| {
            set_part(&mut msg, "index", index);
            msg
        };
        Ok(sorted.into_iter().enumerate().map(numbered).collect())
    }
}

#[async_trait]
impl Node for Sort {
    fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        match &self.target {
            Target::Elements(Some(path), expression) => self
                .sort_elements(path, expression.as_ref(), msg, cx)
                .unwrap_or_else(Handled::Failed),
            Target::Sequence(key) => self.gather(msg, key, cx),
            Target::Elements(None, _) => Handled::Done,
        }
    }

    async fn stop(&self, _: StopReason, cx: &NodeContext) {
        let sequences = self.waiting().take_all();
        for _ in &sequences {
            cx.info_log("clear pending message in sort node");
        }
        let kept = sequences.into_iter().flat_map(|sequence| sequence.messages).collect();
        send_and_complete(cx, Vec::new(), kept).await;
    }
}

ferrowire::register!(
    NodeType::shared::<Sort>("sort")
        .summary("sorts arrays, and sequences of messages")
        .category("sequence")
        .editor(Editor::NodeRed("sequence/18-sort"))
);
