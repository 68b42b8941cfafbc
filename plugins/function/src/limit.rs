//! `Limit`: how long one run may take, and what happens to the thread meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ferrowire::bus::{is_aside, run_aside};

/// A run that takes longer gives its worker thread away, so that the tasks that wait for the
/// worker go on elsewhere. Most functions take a few microseconds.
const BUDGET: Duration = Duration::from_millis(5);

/// Giving the worker away takes effect when another thread picks it up, which is waited for this
/// long. Whether one did cannot be seen, so it is tried again from time to time.
const HANDOVER: Duration = Duration::from_millis(2);
const RETRY: Duration = Duration::from_millis(200);

/// Watches over the runs of one interpreter.
#[derive(Debug)]
pub(crate) struct Limit {
    base: Instant,
    /// When the run is cut off, in nanoseconds since `base`.
    until: AtomicU64,
    /// When the worker is given away.
    handover: AtomicU64,
    exceeded: AtomicBool,
}

impl Limit {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Limit {
            base: Instant::now(),
            until: AtomicU64::new(u64::MAX),
            handover: AtomicU64::new(u64::MAX),
            exceeded: AtomicBool::new(false),
        })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.base.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// A run begins.
    pub(crate) fn begin(&self, allowed: Duration) {
        let now = self.now();
        let allowed = u64::try_from(allowed.as_nanos()).unwrap_or(u64::MAX);
        self.until.store(now.saturating_add(allowed), Ordering::Relaxed);
        self.handover.store(now + BUDGET.as_nanos() as u64, Ordering::Relaxed);
        self.exceeded.store(false, Ordering::Relaxed);
    }

    /// How much of the run's time is left.
    pub(crate) fn left(&self) -> Duration {
        Duration::from_nanos(self.until.load(Ordering::Relaxed).saturating_sub(self.now()))
    }

    /// Whether the run took too long.
    pub(crate) fn exceeded(&self) -> bool {
        self.exceeded.load(Ordering::Relaxed)
    }

    /// Whether the run must end now. The interpreter asks every few thousand steps.
    pub(crate) fn is_over(&self) -> bool {
        let now = self.now();
        if now >= self.until.load(Ordering::Relaxed) {
            self.exceeded.store(true, Ordering::Relaxed);
            return true;
        }
        if now >= self.handover.load(Ordering::Relaxed) {
            give_worker_away();
            self.handover.store(self.now() + RETRY.as_nanos() as u64, Ordering::Relaxed);
        }
        false
    }
}

/// Lets another thread go on with the worker's tasks, if the current run is not aside yet.
pub(crate) fn give_worker_away() {
    if !is_aside() {
        run_aside(|| std::thread::park_timeout(HANDOVER));
    }
}
