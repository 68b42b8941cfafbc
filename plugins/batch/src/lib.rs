//! The node `batch`: groups messages into sequences.

mod concat;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use ferrowire::sequence::{Gathered, Sequences, drop_then, send_and_complete, set_part};
use ferrowire::{
    Editor, FromConfig, Handled, Map, Message, MutexExt as _, Node, NodeConfig, NodeContext,
    NodeError, NodeType, Sending, StopReason, Value, async_trait, generate_id,
};
use tokio::sync::Notify;
use tokio::time::Instant;

use concat::{Outcome, Topics};

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
    /// `count` messages form a sequence; the last `overlap` of them also start the next one.
    Count { count: usize, overlap: usize, honours_parts: bool },
    /// The messages of an interval form a sequence. Without an interval none is ever sent.
    Interval { interval: Option<Duration>, allows_empty: bool },
    /// The sequences of the topics make one sequence.
    Concat,
}

#[derive(Debug)]
struct State {
    /// In the modes `count` and `interval`: the incomplete sequence.
    pending: Sequences<Gathered>,
    topics: Topics,
}

/// The id of the sequence that is pending.
const PENDING: &str = "";

/// The maximum number of messages that may wait, in each mode. At the limit the oldest sequence of
/// the topics, or the newest message of an interval, goes to catch nodes, as described in
/// [`ferrowire::sequence`].
pub(crate) const MOST_HELD: usize = 65_536;

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
                topics =
                    config.list("topics", |it| Some(it.raw("topic").cloned().unwrap_or_default()));
                Mode::Concat
            }
            other => {
                let text =
                    format!("invalid mode `{other}`, expected `count`, `interval` or `concat`");
                config.problem("mode", text);
                Mode::Concat
            }
        };
        let (pending, topics) = (Sequences::new(MOST_HELD), Topics::new(topics));
        let state = Mutex::new(State { pending, topics });
        Batch { inner: Arc::new(Inner { mode, state, restart: Notify::new() }) }
    }
}

fn count(config: &mut NodeConfig<'_>) -> Mode {
    let most = MOST_HELD as f64;
    let count = config.number_in("count", 1.0..=most).unwrap_or(1.0) as usize;
    let overlap = config.number_in("overlap", 0.0..=most).unwrap_or(0.0) as usize;
    if overlap >= count {
        let text = format!("invalid overlap `{overlap}`, expected less than the count `{count}`");
        config.problem("overlap", text);
    }
    Mode::Count { count, overlap, honours_parts: config.boolean("honourParts", false) }
}

/// Makes the messages a sequence with the id of the first one, for port 0.
fn sequence(messages: Vec<Message>) -> Vec<(usize, Message)> {
    let id = messages.first().and_then(|msg| msg.get("_msgid")).cloned();
    let id = id.unwrap_or_else(|| generate_id().into());
    let count = messages.len();
    let number = |(index, mut msg): (usize, Message)| {
        if msg.get("parts").and_then(Value::as_object).is_none() {
            msg.set("parts", Map::with_capacity(3));
        }
        set_part(&mut msg, "id", id.clone());
        set_part(&mut msg, "index", index);
        set_part(&mut msg, "count", count);
        (0, msg)
    };
    messages.into_iter().enumerate().map(number).collect()
}

/// Whether the message is the last one of its sequence.
fn is_last(msg: &Message) -> bool {
    let part = |name: &str| msg.get("parts")?.get(name)?.as_f64();
    matches!((part("index"), part("count")), (Some(index), Some(count)) if index + 1.0 == count)
}

impl State {
    fn take_all(&mut self) -> Vec<Message> {
        let pending = self.pending.take_all().into_iter();
        let mut all: Vec<_> = pending.flat_map(|sequence| sequence.messages).collect();
        all.append(&mut self.topics.take_all());
        all
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.locked()
    }

    fn take(&self, msg: Message, cx: &NodeContext) -> Result<Handled, NodeError> {
        if msg.contains_key("reset") {
            let mut kept = self.state().take_all();
            self.restart.notify_one();
            kept.push(msg);
            return Ok(Handled::Kept(send_and_complete(cx, Vec::new(), kept)));
        }
        match &self.mode {
            Mode::Count { count, overlap, honours_parts } => {
                let ends = *honours_parts && is_last(&msg);
                self.count(msg, ends, (*count, *overlap), cx)
            }
            Mode::Interval { .. } => {
                // There is no other sequence that could be dropped.
                let added = self.state().pending.gather(PENDING, msg, |_| false);
                added.map(|_| Handled::Kept(Sending::done())).map_err(|full| {
                    let held = full.held;
                    NodeError::new(format!(
                        "{held} messages have already arrived in this interval; this one was dropped"
                    ))
                })
            }
            Mode::Concat => {
                let added = self.state().topics.add(msg)?;
                // As in Node-RED, a message of no topic is complete and not sent.
                let Some(Outcome { dropped, complete }) = added else { return Ok(Handled::Done) };
                let sending = complete.map_or(Sending::done(), |complete| {
                    send_and_complete(cx, sequence(complete.all), complete.kept)
                });
                Ok(Handled::Kept(drop_then(cx, dropped, sending)))
            }
        }
    }

    /// Adds a message to the pending sequence, which leaves at `count` messages or when the
    /// message `ends` it. It has at most `count` messages, so it never fills the bound.
    fn count(
        &self,
        msg: Message,
        ends: bool,
        (count, overlap): (usize, usize),
        cx: &NodeContext,
    ) -> Result<Handled, NodeError> {
        let mut state = self.state();
        let is_complete = |pending: &mut Gathered| ends || pending.messages.len() >= count;
        let added = state.pending.gather(PENDING, msg, is_complete)?;
        let Some(Gathered { messages, .. }) = added.result else {
            return Ok(Handled::Kept(Sending::done()));
        };
        let leaves = messages.len().saturating_sub(overlap);
        for msg in &messages[leaves..] {
            let _waits = state.pending.gather(PENDING, msg.clone(), |_| false)?;
        }
        let kept = if cx.completion_watched() { messages[..leaves].to_vec() } else { Vec::new() };
        Ok(Handled::Kept(send_and_complete(cx, sequence(messages), kept)))
    }

    /// Sends the messages of each interval, until the node stops.
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
            let pending = self.state().pending.remove(PENDING).unwrap_or_default();
            let mut messages = pending.messages;
            let kept = if cx.completion_watched() { messages.clone() } else { Vec::new() };
            if messages.is_empty() && allows_empty {
                let mut msg = Message::with_payload(Value::Null);
                msg.ensure_id();
                messages.push(msg);
            }
            send_and_complete(cx, sequence(messages), kept).await;
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
        self.inner.take(msg, cx).unwrap_or_else(Handled::Failed)
    }

    async fn stop(&self, _: StopReason, cx: &NodeContext) {
        let kept = self.inner.state().take_all();
        send_and_complete(cx, Vec::new(), kept).await;
    }
}

ferrowire::register!(
    NodeType::shared::<Batch>("batch")
        .summary("groups messages into sequences")
        .category("sequence")
        .editor(Editor::NodeRed("sequence/19-batch"))
);
