//! Traces on the bus: which trace a message belongs to, and the span of the node that it goes to.

use std::sync::Arc;

use super::Outlet;
use crate::metric::Stopwatch;
use crate::trace::{self, Decision, Remote, Tracer, Visit};
use crate::{Message, NodeError};

/// The bit of [`Outlet::watched`] that says that there is a tracer.
pub(super) const TRACED: u8 = 8;

/// Beside the bits of [`Outlet::watched`]: the node's work at this message is measured.
pub(super) const MEASURED: u8 = 16;

impl Outlet {
    /// Decides whether a message that leaves the node belongs to a trace: that of the message which the
    /// node works at, else a new one.
    pub(super) fn departs(&self, tracer: &Arc<Tracer>, msg: &mut Message) {
        if msg.is_undecided() {
            msg.decide(match trace::decision() {
                Decision::Open => tracer.begin(&self.info, None),
                decision => decision,
            });
        }
    }

    /// Gives a message that is sent to this node its span. It has it already if it was held back.
    pub(super) fn approached(&self, msg: &mut Message) {
        let Some(trace) = msg.trace().filter(|trace| !trace.waits_for(&self.info)) else { return };
        // Otherwise the thread takes the time.
        if !trace::is_current(trace) {
            trace.extend();
        }
        let here = trace.step_to(&self.info);
        msg.decide(Decision::Traced(here));
    }

    /// The node's work at a message that has arrived, which may be `measured`.
    pub(super) fn arrived(&self, msg: &mut Message, measured: bool) -> Visit {
        let traffic = self.traffic.as_ref().filter(|_| measured);
        let watch = traffic.map(|traffic| Arc::new(Stopwatch::new(traffic)));
        if self.tracer.is_none() {
            return Visit::new(Decision::Open, watch);
        }
        self.adopt(msg);
        self.approached(msg);
        Visit::new(msg.decision(), watch)
    }

    /// Makes a message that has no trace part of that of the message which the thread works at.
    pub(super) fn adopt(&self, msg: &mut Message) {
        if self.tracer.is_some() && msg.is_undecided() {
            msg.decide(trace::decision());
        }
    }

    /// Marks the span of `msg` as failed; without a message, that of the thread.
    pub(super) fn mark_failed(&self, error: &NodeError, msg: Option<&Message>) {
        if self.tracer.is_none() {
            return;
        }
        let own = msg.and_then(Message::trace).cloned();
        if let Some(trace) = own.or_else(trace::current) {
            trace.fail(|| error.chain());
        }
    }

    pub(super) fn begin(&self, msg: &mut Message, remote: Option<Remote>) {
        if let Some(tracer) = &self.tracer {
            msg.decide(tracer.begin(&self.info, remote));
        }
    }
}
