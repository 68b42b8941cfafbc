//! The node `batch`: makes sequences of messages.

mod concat;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ferrowire_core::{
    Editor, FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeError, NodeType,
    Sending, StopReason, Value, async_trait, generate_id, made_room,
};
use tokio::sync::Notify;
use tokio::time::Instant;

use concat::{Added, Topics};

/// Node-RED's `batch`.
#[derive(Debug)]
pub struct Batch {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    mode: Mode,
    state: Mutex<State>,
    restart: Notify,
}

#[derive(Debug)]
enum Mode {
    /// So many messages make a sequence; some of them begin the next one, too.
    Count { count: usize, overlap: usize, honours_parts: bool },
    /// What comes in a time makes a sequence. Without a time nothing ever does.
    Interval { interval: Option<Duration>, allows_empty: bool },
    /// The sequences of the topics make one.
    Concat,
}

#[derive(Debug)]
struct State {
    pending: Vec<Message>,
    topics: Topics,
}

/// The number of messages that may wait.
pub(crate) const MOST_KEPT: usize = 65_536;

impl FromConfig for Batch {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let mut topics = Vec::new();
        let mode = match config.text_or("mode", "count").as_str() {
            "count" => count(config),
            "interval" => {
                let seconds = config.number_in("interval", 0.0..=1e9).filter(|time| *time > 0.0);
                let interval = seconds.map(|time| Duration::from_secs_f64(time.max(0.001)));
                Mode::Interval {
                    interval,
                    allows_empty: config.boolean("allowEmptySequence", false),
                }
            }
            "concat" => {
                topics = names(config);
                Mode::Concat
            }
            other => {
                let text = format!("`{other}` is none of `count`, `interval` and `concat`");
                config.problem("mode", text);
                Mode::Concat
            }
        };
        let state = Mutex::new(State { pending: Vec::new(), topics: Topics::new(topics) });
        Batch { inner: Arc::new(Inner { mode, state, restart: Notify::new() }) }
    }
}

fn count(config: &mut NodeConfig<'_>) -> Mode {
    let most = MOST_KEPT as f64;
    let count = config.number_in("count", 1.0..=most).unwrap_or(1.0) as usize;
    let overlap = config.number_in("overlap", 0.0..=most).unwrap_or(0.0) as usize;
    if overlap >= count {
        let text = format!("{overlap} is not less than the {count} messages of a sequence");
        config.problem("overlap", text);
    }
    Mode::Count { count, overlap, honours_parts: config.boolean("honourParts", false) }
}

/// The topics whose sequences make one.
fn names(config: &mut NodeConfig<'_>) -> Vec<Value> {
    match config.raw("topics") {
        None => Vec::new(),
        Some(Value::Array(list)) => {
            list.iter().map(|topic| topic.get("topic").cloned().unwrap_or_default()).collect()
        }
        Some(_) => {
            config.problem("topics", "a list of topics was expected");
            Vec::new()
        }
    }
}

/// Makes the messages a sequence.
fn sequence(messages: Vec<Message>) -> Vec<(usize, Message)> {
    let id = messages.first().and_then(|msg| msg.get("_msgid")).cloned();
    let id = id.unwrap_or_else(|| generate_id().into());
    let count = messages.len();
    let number = |(index, mut msg): (usize, Message)| {
        if msg.get("parts").and_then(Value::as_object).is_none() {
            msg.set("parts", ferrowire_core::Map::with_capacity(3));
        }
        if let Some(parts) = msg.properties_mut().get_mut("parts").and_then(Value::as_object_mut) {
            parts.insert("id", id.clone());
            parts.insert("index", index);
            parts.insert("count", count);
        }
        (0, msg)
    };
    messages.into_iter().enumerate().map(number).collect()
}

/// Whether the message is the last one of its sequence.
fn is_last(msg: &Message) -> bool {
    let part = |name: &str| msg.get("parts")?.get(name)?.as_f64();
    matches!((part("index"), part("count")), (Some(index), Some(count)) if index + 1.0 == count)
}

/// Sends the sequence; the first `leaves` of its messages are complete then.
fn send(messages: Vec<Message>, leaves: usize, cx: &NodeContext) -> Handled {
    let kept = if cx.completion_watched() { messages[..leaves].to_vec() } else { Vec::new() };
    Handled::Kept(cx.send_all(sequence(messages), kept))
}

impl State {
    fn take_all(&mut self) -> Vec<Message> {
        let mut all = std::mem::take(&mut self.pending);
        all.append(&mut self.topics.take_all());
        all
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, msg: Message, cx: &NodeContext) -> Result<Handled, NodeError> {
        let mut state = self.state();
        if msg.contains_key("reset") {
            let mut dropped = state.take_all();
            self.restart.notify_one();
            dropped.push(msg);
            return Ok(Handled::Kept(cx.send_all(Vec::new(), dropped)));
        }
        let waits = Ok(Handled::Kept(Sending::done()));
        match &self.mode {
            Mode::Count { count, overlap, honours_parts } => {
                let ends = *honours_parts && is_last(&msg);
                state.pending.push(msg);
                if state.pending.len() < *count && !ends {
                    return waits;
                }
                let leaves = state.pending.len().saturating_sub(*overlap);
                let next = state.pending[leaves..].to_vec();
                let messages = std::mem::replace(&mut state.pending, next);
                Ok(send(messages, leaves, cx))
            }
            Mode::Interval { .. } => {
                if state.pending.len() >= MOST_KEPT {
                    let text = format!(
                        "{MOST_KEPT} messages came in this interval already, this one was dropped"
                    );
                    return Err(NodeError::new(text));
                }
                state.pending.push(msg);
                waits
            }
            Mode::Concat => match state.topics.add(msg)? {
                Added::Dropped => Ok(Handled::Done),
                Added::Waits => waits,
                Added::Complete { all, kept } => {
                    Ok(Handled::Kept(cx.send_all(sequence(all), kept)))
                }
            },
        }
    }

    /// Sends what has come in each interval, for as long as the node lives.
    async fn run(&self, interval: Duration, allows_empty: bool, cx: &NodeContext) {
        let mut next = Instant::now() + interval;
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                () = self.restart.notified() => {
                    next = Instant::now() + interval;
                    continue;
                }
            }
            next += interval;
            let mut messages = std::mem::take(&mut self.state().pending);
            let kept = if cx.completion_watched() { messages.clone() } else { Vec::new() };
            if messages.is_empty() && allows_empty {
                let mut msg = Message::with_payload(Value::Null);
                msg.ensure_id();
                messages.push(msg);
            }
            cx.send_all(sequence(messages), kept).await;
        }
    }
}

#[async_trait]
impl Node for Batch {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        if let Mode::Interval { interval: Some(interval), allows_empty } = self.inner.mode {
            let (inner, context) = (Arc::clone(&self.inner), cx.clone());
            cx.spawn(async move { inner.run(interval, allows_empty, &context).await });
        }
        Ok(())
    }

    fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        let oldest = self.inner.state().topics.make_room();
        let inner = &self.inner;
        let Some(oldest) = oldest else {
            return inner.take(msg, cx).unwrap_or_else(Handled::Failed);
        };
        let (inner, held) = (Arc::clone(inner), oldest.len());
        let handle =
            move |msg, cx: &NodeContext| inner.take(msg, cx).unwrap_or_else(Handled::Failed);
        cx.drop_before(oldest, move || made_room(held), msg, handle)
    }

    async fn stop(&self, _: StopReason, cx: &NodeContext) {
        let dropped = self.inner.state().take_all();
        cx.send_all(Vec::new(), dropped).await;
    }
}

ferrowire_core::register!(
    NodeType::shared::<Batch>("batch")
        .summary("makes sequences of messages")
        .category("sequence")
        .editor(Editor::NodeRed("sequence/19-batch"))
);
