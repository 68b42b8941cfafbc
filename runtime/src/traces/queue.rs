//! `Queue`: the spans that wait to be sent, with a bound.

use ferrowire_core::metric::Counter;
use ferrowire_core::trace::{FinishedSpan, SpanSink};
use tokio::sync::mpsc::{Receiver, Sender, channel, error::TrySendError};

/// So many spans wait; further ones are dropped and counted. Some 8 MiB.
pub(super) const MOST: usize = 16_384;

const NAME: &str = "spans_dropped";
const HELP: &str = "spans of traces that were dropped";

/// Spans that the collector took.
pub(super) static SENT: Counter = Counter::new("spans_sent", "spans of traces that were delivered");
/// Spans dropped because too many waited.
pub(super) static DROPPED_FULL: Counter = Counter::new(NAME, HELP).label("reason", "queue");
/// Spans that the collector refused.
pub(super) static DROPPED_REFUSED: Counter = Counter::new(NAME, HELP).label("reason", "refused");
/// Spans that waited when the program ended.
pub(super) static DROPPED_AT_END: Counter = Counter::new(NAME, HELP).label("reason", "end");

/// The end of the queue that spans are put into, without waiting.
pub(super) struct Queue(Sender<FinishedSpan>);

/// An empty queue.
pub(super) fn new() -> (Queue, Receiver<FinishedSpan>) {
    let (sender, waiting) = channel(MOST);
    (Queue(sender), waiting)
}

impl SpanSink for Queue {
    fn finished(&self, span: FinishedSpan) {
        match self.0.try_send(span) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => DROPPED_FULL.increment(),
            Err(TrySendError::Closed(_)) => DROPPED_AT_END.increment(),
        }
    }
}
