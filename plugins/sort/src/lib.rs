//! The node `sort`: sorts an array in a message, or the messages of a sequence.

mod merge;

use std::cmp::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ferrowire_core::{
    Editor, FromConfig, Handled, Jsonata, Message, Node, NodeConfig, NodeContext, NodeError,
    NodeType, PropertyPath, Sending, Sequence, Sequences, StopReason, Value, async_trait,
    javascript, made_room,
};

/// Node-RED's `sort`.
#[derive(Debug)]
pub struct Sort {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    target: Target,
    descending: bool,
    as_number: bool,
    /// Sequences that are not complete.
    waiting: Mutex<Sequences<Group>>,
}

#[derive(Debug)]
enum Target {
    /// The elements of an array, by an expression or by themselves.
    Elements(Option<PropertyPath>, Option<Jsonata>),
    /// The messages of a sequence.
    Sequence(Key),
}

/// What messages are sorted by.
#[derive(Debug)]
enum Key {
    Property(PropertyPath),
    Expression(Jsonata),
}

/// Something beside what it is sorted by; `None` stands for undefined.
type Keyed<T> = (Option<Value>, T);

#[derive(Debug, Default)]
struct Group {
    messages: Vec<Message>,
    count: Option<f64>,
}

/// The number of messages that may wait for the rest of their sequences.
const MOST_KEPT: usize = 65_536;

impl Sequence for Group {
    fn held(&self) -> usize {
        self.messages.len()
    }
}

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
                let text = format!("`{other}` is neither `ascending` nor `descending`");
                config.problem("order", text);
                false
            }
        };
        let as_number = config.boolean("as_num", false);
        let waiting = Mutex::new(Sequences::new(MOST_KEPT));
        Sort { inner: Arc::new(Inner { target, descending, as_number, waiting }) }
    }
}

impl Inner {
    fn waiting(&self) -> MutexGuard<'_, Sequences<Group>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
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

    /// `Array.prototype.sort`: elements that are `undefined` go to the end, uncompared.
    fn sort_elements(&self, items: Vec<Keyed<Value>>) -> Vec<Value> {
        let (last, items): (Vec<_>, Vec<_>) =
            items.into_iter().partition(|(_, item)| item.is_undefined());
        let mut sorted = self.sort(items);
        sorted.extend(last.into_iter().map(|(_, item)| item));
        sorted
    }

    fn sort<T>(&self, items: Vec<Keyed<T>>) -> Vec<T> {
        let sorted =
            merge::sort(items, &|a: &Keyed<T>, b| self.compare(a.0.as_ref(), b.0.as_ref()));
        sorted.into_iter().map(|(_, item)| item).collect()
    }

    fn handle(&self, mut msg: Message, cx: &NodeContext) -> Handled {
        match &self.target {
            Target::Elements(Some(path), expression) => {
                let Some(Value::Array(items)) = path.get(&msg) else { return Handled::Done };
                let keyed = |item: &Value| {
                    let key = match expression {
                        Some(expression) => expression.evaluate(item, cx)?,
                        None => Some(item.clone()),
                    };
                    Ok((key, item.clone()))
                };
                let sorted = match items.iter().map(keyed).collect() {
                    Ok(keyed) => self.sort_elements(keyed),
                    Err(error) => return Handled::Failed(error),
                };
                match path.set(&mut msg, sorted.into()) {
                    Ok(()) => Handled::Send(0, msg),
                    Err(error) => Handled::Failed(error.into()),
                }
            }
            Target::Sequence(key) => self.add(msg, key, cx),
            Target::Elements(None, _) => Handled::Done,
        }
    }

    /// Adds a message to its sequence, which leaves when it is complete.
    fn add(&self, msg: Message, key: &Key, cx: &NodeContext) -> Handled {
        let part = |name: &str| msg.get("parts").and_then(|parts| parts.get(name));
        // As in Node-RED, what belongs to no sequence is dropped.
        let (Some(id), Some(_)) = (part("id"), part("index")) else { return Handled::Done };
        let (id, count) = (javascript::text(Some(id)), part("count").and_then(Value::as_f64));
        let mut waiting = self.waiting();
        let is_complete = waiting.change(&id, Group::default, |group| {
            group.messages.push(msg);
            group.count = count.or(group.count);
            group.count.is_some_and(|count| count <= group.messages.len() as f64)
        });
        let complete = if is_complete { waiting.remove(&id) } else { None };
        drop(waiting);
        let Some(group) = complete else { return Handled::Kept(Sending::done()) };
        let last = group.messages.last().cloned().unwrap_or_default();
        let mut others = if cx.completion_watched() { group.messages.clone() } else { Vec::new() };
        let sorted = match self.sort_sequence(group.messages, key, cx) {
            Ok(sorted) => sorted,
            Err(error) => {
                // The last message fails; those before it, which are no worse, are complete.
                others.pop();
                let (complete, failed) =
                    (cx.send_all(Vec::new(), others), cx.fail_with(error, last));
                return Handled::Kept(Sending::later(Box::pin(async move {
                    complete.await;
                    failed.await;
                })));
            }
        };
        let kept = if cx.completion_watched() { sorted.clone() } else { Vec::new() };
        let messages = sorted.into_iter().map(|msg| (0, msg)).collect();
        Handled::Kept(cx.send_all(messages, kept))
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
            let parts = msg.properties_mut().get_mut("parts").and_then(Value::as_object_mut);
            if let Some(parts) = parts {
                parts.insert("index", index);
            }
            msg
        };
        Ok(sorted.into_iter().enumerate().map(numbered).collect())
    }
}

#[async_trait]
impl Node for Sort {
    fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        let oldest = self.inner.waiting().make_room();
        let Some(oldest) = oldest else { return self.inner.handle(msg, cx) };
        let (inner, held) = (Arc::clone(&self.inner), oldest.held());
        let handle = move |msg, cx: &NodeContext| inner.handle(msg, cx);
        cx.drop_before(oldest.messages, move || made_room(held), msg, handle)
    }

    async fn stop(&self, _: StopReason, cx: &NodeContext) {
        let groups = self.inner.waiting().take_all();
        for _ in &groups {
            cx.info_log("clear pending message in sort node");
        }
        let dropped = groups.into_iter().flat_map(|group| group.messages).collect();
        cx.send_all(Vec::new(), dropped).await;
    }
}

ferrowire_core::register!(
    NodeType::shared::<Sort>("sort")
        .summary("sorts arrays, and sequences of messages")
        .category("sequence")
        .editor(Editor::NodeRed("sequence/18-sort"))
);
