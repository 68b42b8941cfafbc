//! `Tracer`: which traces are sampled, and where their spans go.

use std::fmt;
use std::sync::Arc;

use super::{Decision, FinishedSpan, Remote, Trace};
use crate::NodeInfo;

/// Takes finished spans.
pub trait SpanSink: Send + Sync {
    /// Called once for each recorded span, on whatever thread its last message ended. Must not wait.
    fn finished(&self, span: FinishedSpan);
}

/// What carries a `traceparent` between systems.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// Headers of HTTP requests.
    Http,
    /// Headers of WebSocket handshakes; they stand for all messages of the connection.
    WebSocket,
    /// User properties of MQTT 5 messages.
    Mqtt,
}

impl Carrier {
    /// All of them.
    pub const ALL: [Carrier; 3] = [Carrier::Http, Carrier::WebSocket, Carrier::Mqtt];

    /// Its name in settings.
    pub const fn name(self) -> &'static str {
        match self {
            Carrier::Http => "http",
            Carrier::WebSocket => "websocket",
            Carrier::Mqtt => "mqtt",
        }
    }
}

/// Begins traces.
pub struct Tracer {
    sample: f64,
    carriers: Vec<Carrier>,
    sink: Box<dyn SpanSink>,
}

impl Tracer {
    /// Records `sample`, from 0 to 1, of the traces that begin here, and those of other systems that
    /// these record. They are taken from `carriers`, and passed on by them.
    pub fn new(sample: f64, carriers: Vec<Carrier>, sink: impl SpanSink + 'static) -> Self {
        Tracer { sample, carriers, sink: Box::new(sink) }
    }

    /// Whether `carrier` takes and passes on traces.
    pub(crate) fn uses(&self, carrier: Carrier) -> bool {
        self.carriers.contains(&carrier)
    }

    /// What is to be done with a message that `node` sends or receives first.
    pub(crate) fn begin(
        self: &Arc<Self>,
        node: &Arc<NodeInfo>,
        remote: Option<Remote>,
    ) -> Decision {
        match remote {
            Some(remote) => Decision::Traced(Trace::from_remote(self, node, remote)),
            None if fastrand::f64() < self.sample => Decision::Traced(Trace::root(self, node)),
            None => Decision::Ignored,
        }
    }

    pub(super) fn finished(&self, span: FinishedSpan) {
        self.sink.finished(span);
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracer").field("sample", &self.sample).finish_non_exhaustive()
    }
}
