//! The node `batch`: makes sequences of messages.

mod concat;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ferrowire_core::{
    Editor, FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeError, NodeType,
    StopReason, Value, async_trait, generate_id,
};
use tokio::sync::Notify;
use tokio::time::Instant;

use concat::Topics;

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
    /// The sequences of these topics make one.
    Concat(Vec<Value>),
}

#[derive(Debug, Default)]
struct State {
    pending: Vec<Message>,
    topics: Topics,
}

/// The number of messages that may wait.
pub(crate) const MOST_KEPT: usize = 65_536;

impl FromConfig for Batch {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
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
            "concat" => Mode::Concat(topics(config)),
            other => {
                let text = format!("`{other}` is none of `count`, `interval` and `concat`");
                config.problem("mode", text);
                Mode::Concat(Vec::new())
            }
        };
        Batch { inner: Arc::new(Inner { mode, state: Mutex::default(), restart: Notify::new() }) }
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

fn topics(config: &mut NodeConfig<'_>) -> Vec<Value> {
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

pub(crate) fn too_many() -> NodeError {
    NodeError::new("too many messages wait for the rest of their sequences, all were dropped")
}

/// Makes the messages a sequence.
fn sequence(messages: Vec<Message>) -> Handled {
    let id = messages.first().and_then(|msg| msg.get("_msgid")).cloned();
    let id = id.unwrap_or_else(|| generate_id().into());
    let count = messages.len();
    let number = |(index, mut msg): (usize, Message)| {
        if msg.get("parts").and_then(Value::as_object).is_none() {
            msg.set("parts", ferrowire_core::Map::new());
        }
        if let Some(parts) = msg.properties_mut().get_mut("parts").and_then(Value::as_object_mut) {
            parts.insert("id", id.clone());
            parts.insert("index", index);
            parts.insert("count", count);
        }
        (0, msg)
    };
    Handled::SendAll(messages.into_iter().enumerate().map(number).collect())
}

/// Whether the message is the last one of its sequence.
fn is_last(msg: &Message) -> bool {
    let part = |name: &str| msg.get("parts")?.get(name)?.as_f64();
    matches!((part("index"), part("count")), (Some(index), Some(count)) if index + 1.0 == count)
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, msg: Message) -> Result<Handled, NodeError> {
        let mut state = self.state();
        if msg.get("reset").is_some() {
            *state = State::default();
            self.restart.notify_one();
            return Ok(Handled::Done);
        }
        match &self.mode {
            Mode::Count { count, overlap, honours_parts } => {
                let ends = *honours_parts && is_last(&msg);
                state.pending.push(msg);
                if state.pending.len() < *count && !ends {
                    return Ok(Handled::Done);
                }
                let kept = state.pending.len().saturating_sub(*overlap);
                let next = if *overlap == 0 { Vec::new() } else { state.pending[kept..].to_vec() };
                Ok(sequence(std::mem::replace(&mut state.pending, next)))
            }
            Mode::Interval { .. } => {
                if state.pending.len() >= MOST_KEPT {
                    state.pending.clear();
                    return Err(too_many());
                }
                state.pending.push(msg);
                Ok(Handled::Done)
            }
            Mode::Concat(topics) => {
                let complete = state.topics.add(topics, msg)?;
                Ok(complete.map_or(Handled::Done, sequence))
            }
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
            if messages.is_empty() && allows_empty {
                let mut msg = Message::with_payload(Value::Null);
                msg.ensure_id();
                messages.push(msg);
            }
            if let Handled::SendAll(messages) = sequence(messages) {
                for (port, msg) in messages {
                    cx.send(port, msg).await;
                }
            }
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

    fn on_message_now(&self, msg: Message, _: &NodeContext) -> Handled {
        self.inner.take(msg).unwrap_or_else(Handled::Failed)
    }

    async fn stop(&self, _: StopReason, _: &NodeContext) {
        *self.inner.state() = State::default();
    }
}

ferrowire_core::register!(
    NodeType::shared::<Batch>("batch")
        .summary("makes sequences of messages")
        .category("sequence")
        .editor(Editor::NodeRed("sequence/19-batch"))
);
