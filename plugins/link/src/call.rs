//! `link call`: calls the nodes after a `link in`, with a timeout for the return.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use ferrowire::sequence::Alarm;
use ferrowire::{
    FromConfig, Handled, Map, Message, MutexExt as _, Node, NodeConfig, NodeContext, NodeError,
    Value, async_trait, generate_id,
};
use tokio::time::Instant;

use crate::{RETURN, SOURCES, check_links};

/// The output that leads to the selected `link in`.
const CALL: usize = 1;

/// The maximum number of open calls.
const MANY: usize = 65_536;

/// The maximum nesting of calls. A recursive call would extend the list of callers indefinitely.
const DEEPEST: usize = 1000;

/// The maximum timeout; longer ones are clamped.
const LONGEST: f64 = 24.0 * 60.0 * 60.0;

/// Node-RED's `link call`.
#[derive(Debug)]
pub(crate) struct LinkCall {
    dynamic: bool,
    timeout: Duration,
    calls: Arc<Calls>,
}

impl FromConfig for LinkCall {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        check_links(config);
        let kind = config.text_or("linkType", "static");
        if !matches!(kind.as_str(), "static" | "dynamic") {
            config.problem("linkType", format!("expected `static` or `dynamic`, found `{kind}`"));
        }
        let seconds = config.number("timeout").unwrap_or(30.0).clamp(0.0, LONGEST);
        LinkCall {
            dynamic: kind == "dynamic",
            timeout: Duration::from_secs_f64(seconds),
            calls: Arc::default(),
        }
    }
}

#[async_trait]
impl Node for LinkCall {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        let (calls, context) = (Arc::clone(&self.calls), cx.clone());
        cx.spawn(async move { calls.give_up(&context).await });
        Ok(())
    }

    fn on_message_now(&self, mut msg: Message, cx: &NodeContext) -> Handled {
        match msg.remove(RETURN) {
            Some(Value::String(id)) => {
                let was_waiting = self.calls.forget(&id);
                let none_left =
                    |sources: &Value| sources.as_array().is_some_and(<[Value]>::is_empty);
                if msg.get(SOURCES).is_some_and(none_left) {
                    msg.remove(SOURCES);
                }
                match was_waiting {
                    true => Handled::Send(0, msg),
                    // The call has already failed or returned and must not complete again.
                    false => Handled::Kept(cx.send(0, msg)),
                }
            }
            _ => self.call(msg, cx).unwrap_or_else(Handled::Failed),
        }
    }
}

impl LinkCall {
    fn call(&self, mut msg: Message, cx: &NodeContext) -> Result<Handled, NodeError> {
        let target = match self.dynamic {
            true => Some(cx.find_linked(&target(&msg))?),
            false if cx.wired(CALL) => None,
            false => {
                return Err(NodeError::new("no `link in` node to call; select one"));
            }
        };
        let depth = msg.get(SOURCES).and_then(Value::as_array).map_or(0, <[Value]>::len);
        if depth >= DEEPEST {
            let text = format!("{DEEPEST} nested calls; check whether a call leads to itself");
            return Err(NodeError::new(text));
        }
        let id = generate_id();
        self.calls.note(&id, &msg, self.timeout)?;
        let source = Value::from(Map::from_iter([("id", id.as_str()), ("node", cx.id())]));
        let sources = msg.properties_mut().get_or_insert_with(SOURCES, || Value::Null);
        match sources.as_array_mut() {
            Some(sources) => sources.push(source),
            None => *sources = vec![source].into(),
        }
        let sending = match target {
            None => cx.send(CALL, msg),
            Some(target) => cx.deliver(&target, msg).inspect_err(|_| {
                self.calls.forget(&id);
            })?,
        };
        Ok(Handled::Kept(sending))
    }
}

/// The id or name in the message. A number is used as text.
fn target(msg: &Message) -> String {
    match msg.get("target") {
        Some(Value::String(target)) => target.to_string(),
        Some(target @ Value::Number(_)) if target.is_truthy() => target.to_json(),
        _ => String::new(),
    }
}

/// The calls that have not returned.
#[derive(Debug, Default)]
struct Calls {
    waiting: Mutex<Waiting>,
    alarm: Alarm,
}

#[derive(Debug, Default)]
struct Waiting {
    messages: HashMap<String, Message>,
    /// All calls have the same timeout, so they expire in the order of their start.
    due: VecDeque<(Instant, String)>,
}

impl Calls {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.locked()
    }

    fn note(&self, id: &str, msg: &Message, timeout: Duration) -> Result<(), NodeError> {
        let mut waiting = self.waiting();
        if waiting.messages.len() >= MANY {
            return Err(NodeError::new(format!(
                "{MANY} calls are already waiting for their return"
            )));
        }
        waiting.messages.insert(id.to_owned(), msg.clone());
        waiting.due.push_back((Instant::now() + timeout, id.to_owned()));
        let first = waiting.due.len() == 1;
        drop(waiting);
        if first {
            self.alarm.changed();
        }
        Ok(())
    }

    /// Whether the call was open.
    fn forget(&self, id: &str) -> bool {
        let mut waiting = self.waiting();
        let was_waiting = waiting.messages.remove(id).is_some();
        // Removes finished calls, so that the list does not grow beyond the open calls.
        while waiting.due.front().is_some_and(|(_, id)| !waiting.messages.contains_key(id)) {
            waiting.due.pop_front();
        }
        was_waiting
    }

    /// Fails calls that do not return in time.
    async fn give_up(&self, cx: &NodeContext) {
        loop {
            self.alarm.due(|| self.waiting().due.front().map(|(due, _)| *due)).await;
            for msg in self.late() {
                // Node-RED's text, on which flows may depend.
                cx.fail_with("timeout", msg).await;
            }
        }
    }

    fn late(&self) -> Vec<Message> {
        let mut waiting = self.waiting();
        let (now, mut late) = (Instant::now(), Vec::new());
        while waiting.due.front().is_some_and(|(due, _)| *due <= now) {
            let Some((_, id)) = waiting.due.pop_front() else { break };
            late.extend(waiting.messages.remove(&id));
        }
        late
    }
}
