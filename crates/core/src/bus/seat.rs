//! `Seat`: how a node's code is entered, and the record of which thread is in whose code.
//!
//! A call that does not return holds its thread, and what the thread holds stands still with it: the
//! tasks of a worker, perhaps the sockets of all. So each thread writes down whose code it is in, for
//! a watcher that looks from time to time ([`LongCalls`]); and code that is not known to be short runs
//! *aside*: its worker is given away before, and another thread goes on with the worker's tasks.
//!
//! A node's first calls run aside, and those after one that was long. Once half of the workers are
//! held all calls do, so that the last worker cannot be lost. Everything else costs two plain stores.

use std::collections::{BTreeMap, HashMap};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::{Duration, Instant};

use tokio::runtime::{Handle, RuntimeFlavor};

use super::Outlet;
use crate::{Level, MutexExt as _, NodeInfo};

/// So many calls of a new node run aside.
const FIRST_CALLS: u32 = 8;

/// So many calls run aside after one that was long.
const WARY_CALLS: u32 = 256;

/// A call that takes longer is long.
const LONG: Duration = Duration::from_millis(20);

/// The low half of [`Desk::at`].
const NUMBER: u64 = u32::MAX as u64;

/// At least half of the workers are held.
static SCARCE: AtomicBool = AtomicBool::new(false);

static LAST_NUMBER: AtomicU32 = AtomicU32::new(0);

/// The nodes by the numbers of their seats.
static NODES: Mutex<BTreeMap<u32, Weak<Outlet>>> = Mutex::new(BTreeMap::new());

static DESKS: Mutex<Vec<Weak<Desk>>> = Mutex::new(Vec::new());

/// What the last look has found.
static FOUND: Mutex<Vec<LongCall>> = Mutex::new(Vec::new());

thread_local! {
    static DESK: Arc<Desk> = Desk::of_this_thread();
}

/// A node's place in the record.
pub(super) struct Seat {
    number: u32,
    /// So many of the next calls run aside.
    wary: AtomicU32,
}

impl Seat {
    pub(super) fn new(node: Weak<Outlet>) -> Arc<Self> {
        let number = LAST_NUMBER.fetch_add(1, Relaxed).wrapping_add(1);
        NODES.locked().insert(number, node);
        Arc::new(Seat { number, wary: AtomicU32::new(FIRST_CALLS) })
    }

    /// Calls the node's code. Inlined, because `work` holds a message, which each call would move.
    #[inline(always)]
    pub(super) fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        let _inside = Inside::enter(self.number);
        if self.wary.load(Relaxed) > 0 || SCARCE.load(Relaxed) {
            return self.run_aside(work);
        }
        work()
    }

    /// Runs a future of the node's.
    pub(super) async fn poll<F: Future>(&self, work: F) -> F::Output {
        let mut work = pin!(work);
        std::future::poll_fn(|cx| self.run(|| work.as_mut().poll(cx))).await
    }

    #[cold]
    fn run_aside<R>(&self, work: impl FnOnce() -> R) -> R {
        let began = Instant::now();
        let result = DESK.with(|desk| desk.run_aside(work));
        if began.elapsed() < LONG {
            // Calls of other threads may get lost in the count, which does no harm.
            self.wary.store(self.wary.load(Relaxed).saturating_sub(1), Relaxed);
        } else {
            self.wary.store(WARY_CALLS, Relaxed);
        }
        result
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        NODES.locked().remove(&self.number);
    }
}

/// The workers, as a plugin library sees them: they are the host's, and only the host can give one
/// away.
#[doc(hidden)]
pub trait Workers: Sync {
    /// Calls `work` once.
    fn run_aside(&self, work: &mut dyn FnMut());
    fn is_aside(&self) -> bool;
}

/// Those of the host, in a plugin library.
static OF_HOST: OnceLock<&'static dyn Workers> = OnceLock::new();

/// Sets the workers of the host, in a plugin library, before any use.
#[doc(hidden)]
pub fn provide_workers(workers: &'static dyn Workers) {
    let _already = OF_HOST.set(workers);
}

/// Runs something that may take long, so that nobody else has to wait for this thread: another one
/// goes on with the tasks of this worker. Costs some microseconds.
pub fn run_aside<R>(work: impl FnOnce() -> R) -> R {
    let Some(host) = OF_HOST.get() else { return DESK.with(|desk| desk.run_aside(work)) };
    let (mut work, mut result) = (Some(work), None);
    host.run_aside(&mut || result = work.take().map(|work| work()));
    match (result, work) {
        (Some(result), _) => result,
        (None, Some(work)) => work(),
        (None, None) => unreachable!("the work was taken and gave no result"),
    }
}

/// Whether this thread has given its worker away already, or has none.
pub fn is_aside() -> bool {
    match OF_HOST.get() {
        Some(host) => host.is_aside(),
        None => DESK.with(|desk| desk.aside.load(Relaxed)) || !on_worker(),
    }
}

fn on_worker() -> bool {
    Handle::try_current()
        .is_ok_and(|runtime| runtime.runtime_flavor() == RuntimeFlavor::MultiThread)
}

/// What one thread is in.
#[derive(Default)]
struct Desk {
    /// The number of the innermost node; above it a count of the changes.
    at: AtomicU64,
    /// The number of the outermost node: the task is that one's.
    task: AtomicU32,
    aside: AtomicBool,
}

impl Desk {
    fn of_this_thread() -> Arc<Self> {
        let desk = Arc::new(Desk::default());
        let mut desks = DESKS.locked();
        desks.retain(|desk| desk.strong_count() > 0);
        desks.push(Arc::downgrade(&desk));
        desk
    }

    /// Returns the number of the node that the thread was in before.
    fn enter(&self, number: u32) -> u32 {
        let before = number_of(self.at.load(Relaxed));
        if before == 0 {
            self.task.store(number, Relaxed);
        }
        self.set(number);
        before
    }

    /// Only the thread itself writes.
    fn set(&self, number: u32) {
        let changes = (self.at.load(Relaxed) & !NUMBER).wrapping_add(NUMBER + 1);
        self.at.store(changes | u64::from(number), Relaxed);
    }

    fn run_aside<R>(&self, work: impl FnOnce() -> R) -> R {
        if self.aside.load(Relaxed) || !on_worker() {
            return work();
        }
        self.aside.store(true, Relaxed);
        let _back = Back(&self.aside);
        let mut work = Some(work);
        let attempt =
            AssertUnwindSafe(|| tokio::task::block_in_place(|| work.take().map(|work| work())));
        let ran = std::panic::catch_unwind(attempt);
        match (ran, work) {
            (Ok(Some(result)), _) => result,
            // It panics where a task must not block at all; then the thread stays what it is.
            (_, Some(work)) => work(),
            (Err(panic), None) => std::panic::resume_unwind(panic),
            (Ok(None), None) => unreachable!("the work was taken and gave no result"),
        }
    }
}

fn number_of(at: u64) -> u32 {
    (at & NUMBER) as u32
}

/// The thread is in a node's code until this is dropped.
struct Inside {
    before: u32,
}

impl Inside {
    #[inline]
    fn enter(number: u32) -> Self {
        Inside { before: DESK.with(|desk| desk.enter(number)) }
    }
}

impl Drop for Inside {
    #[inline]
    fn drop(&mut self) {
        DESK.with(|desk| desk.set(self.before));
    }
}

struct Back<'a>(&'a AtomicBool);

impl Drop for Back<'_> {
    fn drop(&mut self) {
        self.0.store(false, Relaxed);
    }
}

/// A call of a node's code that has been under way for a while.
#[derive(Clone)]
pub struct LongCall {
    /// Tells this call from all others.
    pub id: (usize, u64),
    node: Weak<Outlet>,
    /// The number of the node whose task the thread runs.
    task: u32,
    /// When it was first seen.
    pub since: Instant,
    /// Whether it runs aside, where it holds no worker.
    pub aside: bool,
}

impl LongCall {
    /// The node.
    pub fn info(&self) -> Option<Arc<NodeInfo>> {
        self.node.upgrade().map(|node| Arc::clone(&node.info))
    }

    /// Warns in the node's name.
    pub fn warn(&self, text: std::fmt::Arguments<'_>) {
        if let Some(node) = self.node.upgrade() {
            node.services.log(&node.info, Level::Warn, text);
        }
    }
}

impl std::fmt::Debug for LongCall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LongCall").field("node", &self.info()).finish_non_exhaustive()
    }
}

/// The long calls that the last look has found.
pub fn long_calls() -> Vec<LongCall> {
    FOUND.locked().clone()
}

/// Those in which tasks of this node are held.
pub(super) fn holding(seat: &Seat) -> Vec<LongCall> {
    FOUND.locked().iter().filter(|call| call.task == seat.number).cloned().collect()
}

/// Looks for long calls, from time to time.
#[derive(Debug, Default)]
pub struct LongCalls {
    /// By thread: what it was in, and since when.
    seen: HashMap<usize, (u64, Instant)>,
}

impl LongCalls {
    /// The calls that were under way at the last look already, and are at least as old as a long one.
    /// `workers` is how many worker threads there are; while half of them are held, all further calls
    /// run aside.
    pub fn look(&mut self, workers: usize) -> Vec<LongCall> {
        let now = Instant::now();
        let mut seen = HashMap::new();
        let mut long = Vec::new();
        for desk in DESKS.locked().iter().filter_map(Weak::upgrade) {
            let at = desk.at.load(Relaxed);
            if number_of(at) == 0 {
                continue;
            }
            let thread = Arc::as_ptr(&desk) as usize;
            let before = self.seen.get(&thread).filter(|(before, _)| *before == at);
            let since = before.map_or(now, |(_, since)| *since);
            seen.insert(thread, (at, since));
            if now - since >= LONG {
                long.extend(found(&desk, (thread, at), since));
            }
        }
        self.seen = seen;
        let held = long.iter().filter(|call| !call.aside).count();
        SCARCE.store(held > 0 && held * 2 >= workers, Relaxed);
        FOUND.locked().clone_from(&long);
        long
    }

    /// Whether any thread was in a node's code at the last look.
    pub fn is_idle(&self) -> bool {
        self.seen.is_empty()
    }
}

fn found(desk: &Desk, id: (usize, u64), since: Instant) -> Option<LongCall> {
    let node = NODES.locked().get(&number_of(id.1)).cloned()?;
    let (task, aside) = (desk.task.load(Relaxed), desk.aside.load(Relaxed));
    if !aside {
        node.upgrade()?.seat.wary.store(WARY_CALLS, Relaxed);
    }
    Some(LongCall { id, node, task, since, aside })
}
