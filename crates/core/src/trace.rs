//! Traces: a message's way through the flows, as spans.
//!
//! A [`Message`](crate::Message) of a sampled trace carries the [`Trace`] of the node that it is at:
//! the bus makes a span for each node that receives it, a child of the span of the node that sent it.
//! While a node's code runs, its trace is that of the thread ([`current`]), so that messages which the
//! node makes, and lines which it logs, belong to it. A span goes to the [`SpanSink`] when nothing
//! refers to it any more; it ends with the last work that the node did for the message.
//!
//! Without a [`Tracer`] the bus does none of this.

mod parent;
mod span;
mod tracer;
mod visit;

pub use parent::{InvalidTraceparent, Remote};
pub use span::{FinishedSpan, SPANS_PER_TRACE, SpanKind, Trace};
pub use tracer::{Carrier, SpanSink, Tracer};
pub use visit::{Follow, current};
pub(crate) use visit::{IGNORED, Visit, decision, is_current, is_measured, without_time};

/// What is known of the trace of a message.
#[doc(hidden)]
#[derive(Clone, Debug, Default)]
pub enum Decision {
    /// Nobody has asked for it yet.
    #[default]
    Open,
    /// The trace is not sampled.
    Ignored,
    /// The message belongs to this trace.
    Traced(Trace),
}
