//! `Backlog`: the bound on the output of all connections together that waits for their peers.
//!
//! The bound of a single queue does not bound the memory of the process: many peers that read
//! slowly fill many queues. When the sum exceeds the limit, the peers with the longest queues are
//! disconnected until an eighth of the limit is free, so that the search for them is rare.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use ferrowire_core::{MutexExt as _, NodeContext, Setting};

use bytes::{Bytes, BytesMut};
use ferrowire_core::metric::{Counter, Descriptor, Gauge, Metric, Reading};
use tracing::warn;

// The runtime declares and checks it; without it, as in tests of a single node, there is no limit.
const MAX_QUEUE_TOTAL: Setting<Option<usize>> = Setting::bytes("max-queue-total");

/// Output that waits for one peer.
pub trait Queue: Send + Sync {
    /// The number of bytes that wait, shared ones included.
    fn waiting(&self) -> usize;
    /// Drops the output and the connection.
    fn disconnect(&self);
}

/// The output of a process that waits for its peers. A shared library has one of its own.
pub struct Backlog {
    limit: AtomicUsize,
    held: Gauge,
    queues: Mutex<Queues>,
    relieving: AtomicBool,
}

#[derive(Default)]
struct Queues {
    next: u64,
    all: BTreeMap<u64, Weak<dyn Queue>>,
}

/// Peers that were disconnected because the limit of a backlog was reached.
pub static DISCONNECTED: Counter = Counter::new(
    "queued_output_disconnects",
    "peers disconnected because the output that waits for all peers reached its limit",
);

/// The backlog of this process or library.
pub static OF_PROCESS: Backlog = Backlog::new();

impl Default for Backlog {
    fn default() -> Self {
        Backlog::new()
    }
}

impl Backlog {
    /// An empty backlog without a limit.
    pub const fn new() -> Self {
        Backlog {
            limit: AtomicUsize::new(usize::MAX),
            held: Gauge::new("queued_output", "output that waits for peers").unit("bytes"),
            queues: Mutex::new(Queues { next: 0, all: BTreeMap::new() }),
            relieving: AtomicBool::new(false),
        }
    }

    /// The backlog of this process or library.
    pub fn of_process() -> &'static Backlog {
        &OF_PROCESS
    }

    /// Gives the backlog of this process or library the limit that the runtime's setting has.
    pub fn take_limit(cx: &NodeContext) {
        if let Some(bytes) = cx.setting(&MAX_QUEUE_TOTAL) {
            Self::of_process().set_limit(bytes);
        }
    }

    /// Sets the limit in bytes.
    pub fn set_limit(&self, bytes: usize) {
        self.limit.store(bytes, Ordering::Relaxed);
    }

    /// The number of bytes that are held in memory: what each queue has of its own, and once what
    /// queues share.
    pub fn held(&self) -> usize {
        usize::try_from(self.held.get()).unwrap_or(0)
    }

    /// Adds a queue, which is empty, until the returned membership is dropped.
    pub fn join(&'static self, queue: Weak<dyn Queue>) -> Member {
        let mut queues = self.queues();
        let number = queues.next;
        queues.next += 1;
        queues.all.insert(number, queue);
        Member { backlog: self, number, held: 0 }
    }

    /// Counts `bytes`, which queues may share, until the last clone is dropped.
    pub fn share(&'static self, bytes: BytesMut) -> Bytes {
        self.held.add(signed(bytes.len()));
        Bytes::from_owner(Shared { backlog: self, bytes })
    }

    /// Whether more than the limit is held.
    pub fn is_over(&self) -> bool {
        self.held() > self.limit.load(Ordering::Relaxed)
    }

    /// Disconnects the peers with the longest queues until an eighth of the limit is free, if more than
    /// the limit is held. Locks each queue for a moment, so the caller must not hold one. A concurrent
    /// call returns at once: the other one looks once more when it has finished.
    pub fn relieve(&self) {
        loop {
            // Who adds output and finds another thread here is seen by that thread's last look.
            fence(Ordering::SeqCst);
            if !self.is_over() || self.relieving.swap(true, Ordering::SeqCst) {
                return;
            }
            let relieving = Relieving(&self.relieving);
            let count = self.disconnect_longest();
            drop(relieving);
            if count == 0 {
                return;
            }
        }
    }

    /// Returns the number of peers that were disconnected.
    fn disconnect_longest(&self) -> u64 {
        let limit = self.limit.load(Ordering::Relaxed);
        let all: Vec<_> = self.queues().all.values().filter_map(Weak::upgrade).collect();
        let mut waiting: Vec<(usize, Arc<dyn Queue>)> =
            all.into_iter().map(|queue| (queue.waiting(), queue)).collect();
        waiting.sort_unstable_by_key(|(waiting, _)| std::cmp::Reverse(*waiting));
        let mut count = 0;
        for (_, queue) in waiting.iter().take_while(|(waiting, _)| *waiting > 0) {
            if self.held() <= limit - limit / 8 {
                break;
            }
            queue.disconnect();
            count += 1;
        }
        if count > 0 {
            DISCONNECTED.add(count);
            warn!(
                "more than {limit} bytes waited for peers that read slowly (`max-queue-total`); \
                 disconnected {count} of them, those with the longest queues"
            );
        }
        count
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.locked()
    }
}

impl Metric for Backlog {
    fn descriptor(&self) -> &Descriptor {
        self.held.descriptor()
    }

    fn read(&self) -> Reading {
        self.held.read()
    }
}

impl fmt::Debug for Backlog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backlog").field("held", &self.held()).finish_non_exhaustive()
    }
}

/// Ends a relief, also on a panic.
struct Relieving<'a>(&'a AtomicBool);

impl Drop for Relieving<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::SeqCst);
    }
}

/// The membership of a queue in a backlog.
#[derive(Debug)]
pub struct Member {
    backlog: &'static Backlog,
    number: u64,
    held: usize,
}

impl Member {
    /// The backlog.
    pub fn backlog(&self) -> &'static Backlog {
        self.backlog
    }

    /// The number of bytes that are counted for the queue.
    pub fn held(&self) -> usize {
        self.held
    }

    /// Counts `bytes` for the queue instead of what was counted for it before.
    pub fn hold(&mut self, bytes: usize) {
        if bytes != self.held {
            self.backlog.held.add(signed(bytes) - signed(self.held));
            self.held = bytes;
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.hold(0);
        self.backlog.queues().all.remove(&self.number);
    }
}

/// Bytes that are counted once for all queues.
struct Shared {
    backlog: &'static Backlog,
    bytes: BytesMut,
}

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.backlog.held.add(-signed(self.bytes.len()));
    }
}

fn signed(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A queue of which everything is its own.
    struct Own(Mutex<Option<Member>>);

    impl Own {
        fn in_backlog(backlog: &'static Backlog, bytes: usize) -> Arc<Self> {
            let queue = Arc::new(Own(Mutex::default()));
            let as_queue: Arc<dyn Queue> = Arc::clone(&queue) as _;
            let mut member = backlog.join(Arc::downgrade(&as_queue));
            member.hold(bytes);
            *queue.0.lock().unwrap() = Some(member);
            queue
        }
    }

    impl Queue for Own {
        fn waiting(&self) -> usize {
            self.0.lock().unwrap().as_ref().map_or(0, Member::held)
        }
        fn disconnect(&self) {
            *self.0.lock().unwrap() = None;
        }
    }

    fn backlog(limit: usize) -> &'static Backlog {
        let backlog = Box::leak(Box::new(Backlog::new()));
        backlog.set_limit(limit);
        backlog
    }

    #[test]
    fn the_longest_queues_end_until_an_eighth_is_free() {
        let backlog = backlog(800);
        let queues = [100, 300, 50, 200, 150].map(|bytes| Own::in_backlog(backlog, bytes));
        assert!(!backlog.is_over());
        let last = Own::in_backlog(backlog, 10);
        assert!(backlog.is_over());
        backlog.relieve();
        assert_eq!(queues.each_ref().map(|queue| queue.waiting()), [100, 0, 50, 200, 150]);
        assert_eq!((last.waiting(), backlog.held()), (10, 510));
        drop((queues, last));
        assert_eq!((backlog.held(), backlog.queues().all.len()), (0, 0));
    }

    #[test]
    fn shared_bytes_count_once_until_their_last_clone_is_gone() {
        let backlog = backlog(800);
        let shared = backlog.share(BytesMut::from(&[1u8; 500][..]));
        let clones: Vec<_> = (0..10).map(|_| shared.slice(1..3)).collect();
        drop(shared);
        assert_eq!(backlog.held(), 500);
        drop(clones);
        assert_eq!(backlog.held(), 0);
    }
}
