//! `Visit`: a node works at a message. Its trace is that of the thread meanwhile.

use std::cell::{Cell, RefCell};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use super::{Decision, Trace};
use crate::Message;
use crate::metric::Stopwatch;

thread_local! {
    static CURRENT: RefCell<Frame> = const {
        let visit = Visit { decision: Decision::Open, watch: None };
        RefCell::new(Frame { visit, resumed: None })
    };
    /// The frame's node is measured at this moment.
    static MEASURED: Cell<bool> = const { Cell::new(false) };
    /// The node works at a message whose trace is not sampled, whatever the frame says. Most messages
    /// are such ones, so they have no frame.
    static IGNORES: Cell<bool> = const { Cell::new(false) };
}

/// What the thread is in.
struct Frame {
    visit: Visit,
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
        Follow(Visit::new(msg.decision(), None))
    }

    /// The same without keeping the node's span from its end, for work that may never come.
    #[must_use]
    pub fn detached(self) -> Self {
        let decision = match self.0.decision {
            Decision::Traced(trace) => Decision::Traced(trace.detached()),
            decision => decision,
        };
        Follow(Visit::new(decision, None))
    }

    /// Whether the message belongs to a trace, or is known to belong to none.
    pub fn is_known(&self) -> bool {
        !matches!(self.0.decision, Decision::Open)
    }

    /// Makes a message part of the trace, unless it is known to belong to one.
    pub fn adopt(&self, msg: &mut Message) {
        if msg.is_undecided() {
            msg.decide(self.0.decision.clone());
        }
    }

    /// Polls `work` as part of it.
    pub async fn run<F: Future>(self, work: F) -> F::Output {
        self.0.poll(work).await
    }
}

/// What the thread's frame says of messages that have no decision yet.
pub(crate) fn decision() -> Decision {
    if IGNORES.get() {
        return Decision::Ignored;
    }
    CURRENT.try_with(|frame| frame.borrow().visit.decision.clone()).unwrap_or_default()
}

/// Whether the thread works at the message of this span.
pub(crate) fn is_current(trace: &Trace) -> bool {
    let is_same = |frame: &RefCell<Frame>| match &frame.borrow().visit.decision {
        Decision::Traced(own) => own.is_same(trace),
        Decision::Open | Decision::Ignored => false,
    };
    !IGNORES.get() && CURRENT.try_with(is_same).unwrap_or(false)
}

/// A node's work at a message, which may be continued on other threads.
#[derive(Clone, Debug, Default)]
pub(crate) struct Visit {
    decision: Decision,
    /// Measures the work, for a metric.
    watch: Option<Arc<Stopwatch>>,
}

impl Visit {
    pub(crate) fn new(decision: Decision, watch: Option<Arc<Stopwatch>>) -> Self {
        Visit { decision, watch }
    }

    /// Whether there is nothing to note.
    fn is_plain(&self) -> bool {
        matches!(self.decision, Decision::Open) && self.watch.is_none()
    }

    /// Whether times may be taken.
    pub(crate) fn has_frame(&self) -> bool {
        matches!(self.decision, Decision::Traced(_)) || self.watch.is_some()
    }

    /// Runs a part of the work. The node's own code ends where `work` calls
    /// [`pause`](Self::pause).
    pub(crate) fn within<R>(&self, work: impl FnOnce() -> R) -> R {
        if self.is_plain() {
            return work();
        }
        let _ignores = Ignores::set(matches!(self.decision, Decision::Ignored));
        if !self.has_frame() {
            return work();
        }
        let _inside = self.enter();
        work()
    }

    /// Runs what is done for the node after its own code.
    pub(crate) fn after<R>(&self, work: impl FnOnce() -> R) -> R {
        self.within(|| {
            self.pause();
            work()
        })
    }

    /// The node's own code has returned; what follows on this thread is done for the node.
    #[inline]
    pub(crate) fn pause(&self) {
        if self.has_frame() {
            pause();
        }
    }

    /// Runs a future of the work.
    pub(crate) async fn poll<F: Future>(&self, work: F) -> F::Output {
        if self.is_plain() {
            return work.await;
        }
        Polled { visit: self, work: pin!(work) }.await
    }

    fn enter(&self) -> Inside {
        let is_recorded = match &self.decision {
            Decision::Traced(trace) if trace.is_recorded() => {
                trace.begin();
                true
            }
            _ => false,
        };
        let resumed = (is_recorded || self.watch.is_some()).then(Instant::now);
        let frame = Frame { visit: self.clone(), resumed };
        let before = frame.install();
        let was_running = before.as_ref().is_some_and(|frame| frame.resumed.is_some());
        Inside { before: before.map(|frame| (frame.stop(), was_running)) }
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

/// The work at a message whose trace is not sampled.
pub(crate) static IGNORED: Visit = Visit { decision: Decision::Ignored, watch: None };

/// Sets whether the thread ignores traces until it is dropped.
struct Ignores {
    before: bool,
}

impl Ignores {
    #[inline]
    fn set(now: bool) -> Self {
        Ignores { before: IGNORES.replace(now) }
    }
}

impl Drop for Ignores {
    #[inline]
    fn drop(&mut self) {
        IGNORES.set(self.before);
    }
}

fn pause() {
    MEASURED.set(false);
    let _ending = CURRENT.try_with(|frame| frame.borrow_mut().pause());
}

/// Whether the code of a node runs on this thread and is measured.
#[inline]
pub(crate) fn is_measured() -> bool {
    MEASURED.get()
}

/// Runs what a node's code calls, which may be the code of other nodes that are not measured.
pub(crate) fn without_time<R>(work: impl FnOnce() -> R) -> R {
    pause();
    let _resume = Resume;
    work()
}

struct Resume;

impl Drop for Resume {
    fn drop(&mut self) {
        MEASURED.set(true);
        let _ending = CURRENT.try_with(|frame| frame.borrow_mut().resumed = Some(Instant::now()));
    }
}

impl Frame {
    /// Puts the frame in place of the thread's; `None` when the thread ends.
    fn install(self) -> Option<Self> {
        MEASURED.set(self.visit.watch.is_some() && self.resumed.is_some());
        CURRENT.try_with(|current| std::mem::replace(&mut *current.borrow_mut(), self)).ok()
    }

    /// Adds what the node has worked.
    fn pause(&mut self) {
        let Some(time) = self.resumed.take().map(|resumed| resumed.elapsed()) else { return };
        if let Decision::Traced(trace) = &self.visit.decision {
            trace.worked(time);
        }
        if let Some(watch) = &self.visit.watch {
            watch.add(time);
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
        drop(before.install().map(Frame::stop));
    }
}
