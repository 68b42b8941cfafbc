//! The records that the child sends, and those that it gets.

use bytes::Bytes;
use ferrowire_core::trace::{Decision, Remote};
use ferrowire_core::{Map, Message, NodeContext, Value};

use crate::codec::{Unsendable, frame};

/// The version of the protocol. A child with another one is not used.
pub(crate) const PROTOCOL: f64 = 1.0;

/// A record from the child.
#[derive(Debug)]
pub(crate) enum FromChild {
    /// The first one.
    Hello { protocol: f64, node: String },
    /// Node-RED's runtime has started: its version, the node sets, and the credentials of types.
    Ready(Map),
    /// It could not start.
    Failed(String),
    /// A message for a native node.
    Message { id: String, msg: Message, trace: ToldTrace },
    /// A message for a native node found too many others waiting.
    Dropped { id: String },
    /// A message reached no node.
    Lost { id: String },
    /// Messages were taken.
    Taken { messages: usize },
    /// The status of a node.
    Status { id: String, status: Map },
    /// A line for the log, of a node if there is an `id`, with one of Node-RED's levels.
    Log { level: f64, id: String, text: String },
    /// Data for editors.
    Comms { topic: String, data: Value, retain: bool },
    /// A change of node sets.
    Event { id: String, payload: Value },
    /// A deploy has ended, with the reason if flows do not run.
    Deployed { seq: u32, error: Option<String> },
    /// The answer to a call.
    Answer { call: u32, answer: Result<Value, Refused> },
    /// The child is not blocked.
    Pong { memory: usize },
}

/// The trace of a message, as the child keeps it while a node works at the message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ToldTrace {
    Unknown,
    /// The trace is not recorded.
    Ignored,
    /// The message was at this span.
    At(Remote),
}

/// What is said of a message whose trace is not recorded.
const IGNORED: &str = "ignored";

impl ToldTrace {
    fn of(msg: &Message) -> Self {
        match msg.decision() {
            Decision::Open => ToldTrace::Unknown,
            Decision::Ignored => ToldTrace::Ignored,
            Decision::Traced(trace) => ToldTrace::read(Some(trace.traceparent())),
        }
    }

    fn read(text: Option<String>) -> Self {
        match text.as_deref() {
            None => ToldTrace::Unknown,
            Some(IGNORED) => ToldTrace::Ignored,
            Some(text) => Remote::parse(text).map_or(ToldTrace::Unknown, ToldTrace::At),
        }
    }

    fn written(&self) -> Value {
        match self {
            ToldTrace::Unknown => Value::Null,
            ToldTrace::Ignored => IGNORED.into(),
            ToldTrace::At(remote) => remote.to_string().into(),
        }
    }

    /// Makes a message for the node of `cx` part of the trace.
    pub(crate) fn continue_in(self, msg: &mut Message, cx: &NodeContext) {
        match self {
            ToldTrace::Unknown => {}
            ToldTrace::Ignored => msg.decide(Decision::Ignored),
            ToldTrace::At(remote) => cx.begin_trace(msg, Some(remote.of_this_system())),
        }
    }
}

/// An error of Node-RED's runtime API.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Refused {
    /// What is wrong.
    pub text: String,
    /// The status code of the response, if the runtime names one.
    pub status: Option<u16>,
}

impl FromChild {
    /// The record in a value; `None` if it is none of these.
    pub(crate) fn read(record: Value) -> Option<Self> {
        let Value::Object(map) = record else { return None };
        let mut fields = Fields(std::sync::Arc::unwrap_or_clone(map));
        Some(match fields.text("t").as_str() {
            "hello" => {
                FromChild::Hello { protocol: fields.number("protocol"), node: fields.text("node") }
            }
            "ready" => FromChild::Ready(fields.0),
            "failed" => FromChild::Failed(fields.text("error")),
            "message" => FromChild::Message {
                id: fields.text("id"),
                msg: Message::from(fields.object("msg")),
                trace: ToldTrace::read(fields.optional_text("trace")),
            },
            "dropped" => FromChild::Dropped { id: fields.text("id") },
            "lost" => FromChild::Lost { id: fields.text("id") },
            "taken" => FromChild::Taken { messages: fields.size("messages") },
            "status" => {
                FromChild::Status { id: fields.text("id"), status: fields.object("status") }
            }
            "log" => FromChild::Log {
                level: fields.number("level"),
                id: fields.text("id"),
                text: fields.text("text"),
            },
            "comms" => FromChild::Comms {
                topic: fields.text("topic"),
                data: fields.take("data"),
                retain: fields.take("retain").is_truthy(),
            },
            "event" => FromChild::Event { id: fields.text("id"), payload: fields.take("payload") },
            "deployed" => {
                FromChild::Deployed { seq: fields.id("seq"), error: fields.optional_text("error") }
            }
            "answer" => FromChild::Answer { call: fields.id("n"), answer: fields.answer() },
            "pong" => FromChild::Pong { memory: fields.size("memory") },
            _ => return None,
        })
    }
}

struct Fields(Map);

impl Fields {
    fn take(&mut self, key: &str) -> Value {
        self.0.remove(key).unwrap_or_default()
    }

    fn optional_text(&mut self, key: &str) -> Option<String> {
        self.take(key).as_str().map(str::to_owned)
    }

    fn text(&mut self, key: &str) -> String {
        self.optional_text(key).unwrap_or_default()
    }

    fn number(&mut self, key: &str) -> f64 {
        self.take(key).as_f64().unwrap_or_default()
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a conversion to an integer saturates"
    )]
    fn size(&mut self, key: &str) -> usize {
        self.number(key) as usize
    }

    /// A number that this side has given; another one if it is out of range.
    fn id(&mut self, key: &str) -> u32 {
        u32::try_from(self.size(key)).unwrap_or(u32::MAX)
    }

    fn object(&mut self, key: &str) -> Map {
        match self.take(key) {
            Value::Object(map) => std::sync::Arc::unwrap_or_clone(map),
            _ => Map::new(),
        }
    }

    fn answer(&mut self) -> Result<Value, Refused> {
        match self.optional_text("error") {
            None => Ok(self.take("value")),
            Some(text) => {
                let status = u16::try_from(self.size("status")).ok().filter(|code| *code >= 400);
                Err(Refused { text, status })
            }
        }
    }
}

/// The frame of a message to a hosted node.
///
/// # Errors
/// If it is too large or nested too deep.
pub(crate) fn message(id: &str, msg: Message) -> Result<Bytes, Unsendable> {
    let trace = ToldTrace::of(&msg).written();
    to_child("message", [("id", id.into()), ("trace", trace), ("msg", msg.into())])
}

/// The frame of a record for the child.
///
/// # Errors
/// If it is too large or nested too deep.
pub(crate) fn to_child<const N: usize>(
    kind: &str,
    fields: [(&'static str, Value); N],
) -> Result<Bytes, Unsendable> {
    let mut record = Map::with_capacity(N + 1);
    record.insert("t", kind);
    for (key, value) in fields {
        record.insert(key, value);
    }
    frame(&record.into())
}
