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

/// Begins traces.
pub struct Tracer {
    sample: f64,
    sink: Box<dyn SpanSink>,
}

impl Tracer {
    /// Records `sample`, from 0 to 1, of the traces that begin here, and those of other systems that
    /// these record.
    pub fn new(sample: f64, sink: impl SpanSink + 'static) -> Self {
        Tracer { sample, sink: Box::new(sink) }
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
