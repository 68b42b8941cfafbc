//! `Visit`: a node works at a message. Its trace is that of the thread meanwhile.

use std::cell::RefCell;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Instant;

use super::{Decision, Trace};
use crate::Message;

thread_local! {
    static CURRENT: RefCell<Frame> = const { RefCell::new(Frame { decision: Decision::Open, resumed: None }) };
}

/// What the thread is in.
struct Frame {
    decision: Decision,
    /// Since when the node's code runs; `None` while nodes that it called run, and without a span.
    resumed: Option<Instant>,
}

/// The trace of the message that the node whose code runs on this thread works at.
pub fn current() -> Option<Trace> {
    match decision() {
        Decision::Traced(trace) => Some(trace),
        Decision::Open | Decision::Ignored => None,
    }
}

/// The work of a node at a message, of which a part runs in a task of its own: what it sends and logs
/// belongs to the trace of the message.
#[derive(Clone, Debug)]
pub struct Follow(Visit);

impl Follow {
    /// The work at `msg`.
    pub fn of(msg: &Message) -> Self {
        Follow(Visit(msg.decision()))
    }

    /// Polls `work` as part of it.
    pub async fn run<F: Future>(self, work: F) -> F::Output {
        self.0.poll(work).await
    }
}

/// What the thread's frame says of messages that have no decision yet.
pub(crate) fn decision() -> Decision {
    CURRENT.try_with(|frame| frame.borrow().decision.clone()).unwrap_or_default()
}

/// Whether the thread works at the message of this span.
pub(crate) fn is_current(trace: &Trace) -> bool {
    let is_same = |frame: &RefCell<Frame>| match &frame.borrow().decision {
        Decision::Traced(own) => own.is_same(trace),
        Decision::Open | Decision::Ignored => false,
    };
    CURRENT.try_with(is_same).unwrap_or(false)
}

/// A node's work at a message, which may be continued on other threads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Visit(Decision);

impl Visit {
    pub(crate) fn new(decision: Decision) -> Self {
        Visit(decision)
    }

    /// The one that this thread is in.
    pub(crate) fn of_thread() -> Self {
        Visit(decision())
    }

    /// Runs a part of the work. The node's own code ends where `work` calls [`pause`].
    pub(crate) fn within<R>(&self, work: impl FnOnce() -> R) -> R {
        if let Decision::Open = self.0 {
            return work();
        }
        let _inside = self.enter();
        work()
    }

    /// Runs what is done for the node after its own code.
    pub(crate) fn after<R>(&self, work: impl FnOnce() -> R) -> R {
        self.within(|| {
            pause();
            work()
        })
    }

    /// Runs a future of the work.
    pub(crate) async fn poll<F: Future>(&self, work: F) -> F::Output {
        if let Decision::Open = self.0 {
            return work.await;
        }
        Polled { visit: self, work: pin!(work) }.await
    }

    fn enter(&self) -> Inside {
        let resumed = match &self.0 {
            Decision::Traced(trace) if trace.is_recorded() => {
                trace.begin();
                Some(Instant::now())
            }
            _ => None,
        };
        let frame = Frame { decision: self.0.clone(), resumed };
        let before = CURRENT.try_with(|current| {
            let before = std::mem::replace(&mut *current.borrow_mut(), frame);
            let was_running = before.resumed.is_some();
            (before.stop(), was_running)
        });
        Inside { before: before.ok() }
    }
}

struct Polled<'a, F> {
    visit: &'a Visit,
    work: Pin<&'a mut F>,
}

impl<F: Future> Future for Polled<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let visit = self.visit;
        visit.within(|| self.work.as_mut().poll(cx))
    }
}

/// The node's own code has returned; what follows on this thread is done for the node.
pub(crate) fn pause() {
    let _ending = CURRENT.try_with(|frame| frame.borrow_mut().pause());
}

impl Frame {
    /// Adds what the node has worked to its span.
    fn pause(&mut self) {
        if let (Decision::Traced(trace), Some(resumed)) = (&self.decision, self.resumed.take()) {
            trace.worked(resumed.elapsed());
        }
    }

    fn stop(mut self) -> Self {
        self.pause();
        self
    }
}

/// The thread is in the visit until this is dropped.
struct Inside {
    /// What it was in before, and whether the code of a node ran.
    before: Option<(Frame, bool)>,
}

impl Drop for Inside {
    fn drop(&mut self) {
        let Some((mut before, was_running)) = self.before.take() else { return };
        before.resumed = was_running.then(Instant::now);
        // The span may end with its frame, and a sink must not find the thread's frame borrowed.
        let left =
            CURRENT.try_with(|current| std::mem::replace(&mut *current.borrow_mut(), before));
        if let Ok(left) = left {
            drop(left.stop());
        }
    }
}
