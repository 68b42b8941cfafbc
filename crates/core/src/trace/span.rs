//! `Trace`: a place in a trace, which is the span of a node; and `FinishedSpan`, its record.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use super::parent::Written;
use super::{Remote, Tracer};
use crate::{MutexExt as _, NodeInfo, Value};

/// So many spans of a trace are recorded. Messages beyond them, as in a loop that never ends, keep
/// the id of their trace, and the span of the last node that was recorded is the parent of what they
/// cause elsewhere.
pub const SPANS_PER_TRACE: u64 = 10_000;

/// A place in a trace: the span of a node that a message is at. Cheap to clone; the span is recorded
/// when no clone is left.
#[derive(Clone)]
pub struct Trace(Arc<Span>);

/// What the spans of a trace share.
struct Origin {
    id: u128,
    state: Option<Box<str>>,
    is_sampled: bool,
    began: (SystemTime, Instant),
    /// How many spans were begun.
    spans: AtomicU64,
}

struct Span {
    origin: Arc<Origin>,
    tracer: Arc<Tracer>,
    id: u64,
    parent: Option<u64>,
    /// The parent is another system's.
    is_remote: bool,
    /// The node that the span is of. `None` if it is not recorded: the trace is not, or has too many.
    node: Option<Arc<NodeInfo>>,
    /// Counted from the beginning of the trace, as all times of a span.
    sent: Duration,
    work: Mutex<Work>,
}

/// The role of a node in what crosses the border of the system, as OpenTelemetry defines it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SpanKind {
    /// Nothing crosses it.
    #[default]
    Internal,
    /// It answers a request.
    Server,
    /// It sends a request, and waits for the answer.
    Client,
    /// It sends a message that nobody answers.
    Producer,
    /// It receives such a message.
    Consumer,
}

#[derive(Default)]
struct Work {
    kind: SpanKind,
    attributes: Vec<(&'static str, Value)>,
    began: Option<Duration>,
    worked: Duration,
    ended: Duration,
    error: Option<String>,
}

/// The record of a message's stay at a node.
#[derive(Debug)]
pub struct FinishedSpan {
    /// The id of the trace.
    pub trace_id: u128,
    /// The id of the span.
    pub span_id: u64,
    /// The span that the message came from.
    pub parent_id: Option<u64>,
    /// Whether that one is another system's.
    pub has_remote_parent: bool,
    /// The header `tracestate` that the trace came with.
    pub state: Option<Box<str>>,
    /// The node.
    pub node: Arc<NodeInfo>,
    /// What the node has said of its role.
    pub kind: SpanKind,
    /// What the node has said of the message.
    pub attributes: Vec<(&'static str, Value)>,
    /// When the message was sent to the node, or was received by the node from elsewhere.
    pub began: SystemTime,
    /// From then to the last work of the node for this message.
    pub took: Duration,
    /// From then to the first work of the node.
    pub waited: Duration,
    /// How long the node's code ran, without the nodes that it called.
    pub worked: Duration,
    /// What the node failed with.
    pub error: Option<String>,
}

impl Trace {
    /// The first span of a trace, which `node` begins.
    pub(super) fn root(tracer: &Arc<Tracer>, node: &Arc<NodeInfo>) -> Self {
        let id = loop {
            let id = fastrand::u128(..);
            if id != 0 {
                break id;
            }
        };
        let origin = Origin::new(id, None, true);
        Trace(Arc::new(Span::new(Arc::new(origin), tracer, Some(node), None)))
    }

    /// The first span of this system in a trace of another one.
    pub(super) fn from_remote(tracer: &Arc<Tracer>, node: &Arc<NodeInfo>, remote: Remote) -> Self {
        let Remote { trace_id, span_id, is_sampled, state, is_own } = remote;
        let origin = Arc::new(Origin::new(trace_id, state, is_sampled));
        let mut span = Span::new(origin, tracer, is_sampled.then_some(node), Some(span_id));
        if !is_sampled {
            // What is not recorded has no id of its own: the header is passed on as it came.
            span.id = span_id;
        }
        span.is_remote = !is_own;
        Trace(Arc::new(span))
    }

    /// The span of `node`, which a message is sent to from here.
    pub(crate) fn step_to(&self, node: &Arc<NodeInfo>) -> Self {
        let origin = &self.0.origin;
        if !origin.is_sampled {
            return self.clone();
        }
        if origin.spans.fetch_add(1, Ordering::Relaxed) >= SPANS_PER_TRACE {
            return self.detached();
        }
        let origin = Arc::clone(origin);
        Trace(Arc::new(Span::new(origin, &self.0.tracer, Some(node), Some(self.0.id))))
    }

    /// The same place, without keeping its span from its end.
    pub(super) fn detached(&self) -> Self {
        let (origin, tracer) = (Arc::clone(&self.0.origin), &self.0.tracer);
        let mut span = Span::new(origin, tracer, None, self.0.parent);
        span.id = self.0.id;
        Trace(Arc::new(span))
    }

    /// Whether this is the span of a message that `node` has not begun to handle.
    pub(crate) fn waits_for(&self, node: &Arc<NodeInfo>) -> bool {
        self.0.node.as_ref().is_some_and(|own| Arc::ptr_eq(own, node))
            && self.0.work().began.is_none()
    }

    pub(crate) fn is_same(&self, other: &Trace) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Whether this becomes a span, so that times are taken.
    pub(super) fn is_recorded(&self) -> bool {
        self.0.node.is_some()
    }

    /// The node begins to work.
    pub(super) fn begin(&self) {
        let now = self.0.now();
        self.0.work().began.get_or_insert(now);
    }

    /// The node has worked, until now, for so long.
    pub(super) fn worked(&self, time: Duration) {
        let now = self.0.now();
        let mut work = self.0.work();
        work.worked += time;
        work.ended = now;
    }

    /// The node is still occupied with the message, or has just sent something for it.
    pub fn extend(&self) {
        if self.is_recorded() {
            self.worked(Duration::ZERO);
        }
    }

    /// Says what the node does with the message for another system.
    pub fn set_kind(&self, kind: SpanKind) {
        if self.is_recorded() {
            self.0.work().kind = kind;
        }
    }

    /// Adds a fact about the message at this node, such as `http.response.status_code`.
    pub fn describe(&self, key: &'static str, value: impl Into<Value>) {
        if self.is_recorded() {
            self.0.work().attributes.push((key, value.into()));
        }
    }

    /// Marks the span as failed, for a failure that the node does not report as its error.
    pub fn set_error(&self, text: impl Into<String>) {
        self.fail(|| text.into());
    }

    /// The node failed.
    pub(crate) fn fail(&self, error: impl FnOnce() -> String) {
        if self.is_recorded() {
            self.0.work().error.get_or_insert_with(error);
        }
    }

    /// The id of the trace: 32 hexadecimal digits.
    pub fn id(&self) -> String {
        format!("{:032x}", self.0.origin.id)
    }

    /// Whether spans of the trace are recorded.
    pub fn is_sampled(&self) -> bool {
        self.0.origin.is_sampled
    }

    /// The header `traceparent` for what the node sends to other systems.
    pub fn traceparent(&self) -> String {
        let (trace_id, span_id) = (self.0.origin.id, self.0.id);
        Written { trace_id, span_id, is_sampled: self.0.origin.is_sampled }.to_string()
    }

    /// The header `tracestate`, if the trace came with one.
    pub fn tracestate(&self) -> Option<&str> {
        self.0.origin.state.as_deref()
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Trace").field(&self.traceparent()).finish()
    }
}

impl Origin {
    fn new(id: u128, state: Option<Box<str>>, is_sampled: bool) -> Self {
        let began = (SystemTime::now(), Instant::now());
        Origin { id, state, is_sampled, began, spans: AtomicU64::new(1) }
    }
}

impl Span {
    fn new(
        origin: Arc<Origin>,
        tracer: &Arc<Tracer>,
        node: Option<&Arc<NodeInfo>>,
        parent: Option<u64>,
    ) -> Self {
        let sent = match origin.is_sampled {
            true => origin.began.1.elapsed(),
            false => Duration::ZERO,
        };
        let work = Work { ended: sent, ..Work::default() };
        Span {
            tracer: Arc::clone(tracer),
            id: fastrand::u64(1..),
            parent,
            is_remote: false,
            node: node.cloned(),
            sent,
            work: Mutex::new(work),
            origin,
        }
    }

    fn now(&self) -> Duration {
        self.origin.began.1.elapsed()
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.locked()
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let Some(node) = self.node.take() else { return };
        let work = std::mem::take(&mut *self.work());
        self.tracer.finished(FinishedSpan {
            trace_id: self.origin.id,
            span_id: self.id,
            parent_id: self.parent,
            has_remote_parent: self.is_remote,
            state: self.origin.state.clone(),
            node,
            kind: work.kind,
            attributes: work.attributes,
            began: self.origin.began.0 + self.sent,
            took: work.ended.saturating_sub(self.sent),
            waited: work.began.map_or(Duration::ZERO, |began| began.saturating_sub(self.sent)),
            worked: work.worked,
            error: work.error,
        });
    }
}
