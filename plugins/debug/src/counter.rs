//! The status with the number of messages, at a limited rate.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferrowire::{MutexExt as _, NodeContext, Status};
use tokio::time::Instant;

/// Messages after a longer pause than this are shown at once.
const PAUSE: Duration = Duration::from_millis(100);

/// The others are shown together after this delay.
const DELAY: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(crate) struct Counter {
    count: AtomicU64,
    last: Mutex<Option<Instant>>,
    /// Whether a task is going to show the count.
    pending: AtomicBool,
}

impl Counter {
    pub(crate) fn new() -> Self {
        Counter {
            count: AtomicU64::new(0),
            last: Mutex::new(None),
            pending: AtomicBool::new(false),
        }
    }

    pub(crate) fn start(&self, cx: &NodeContext) {
        self.show(cx);
    }

    /// Counts a message.
    pub(crate) fn count(self: &Arc<Self>, cx: &NodeContext) {
        self.count.fetch_add(1, Ordering::Relaxed);
        let now = Instant::now();
        let last = self.last.locked().replace(now);
        if last.is_none_or(|last| now.duration_since(last) > PAUSE) {
            self.show(cx);
        } else if !self.pending.swap(true, Ordering::Relaxed) {
            let (this, task_cx) = (Arc::clone(self), cx.clone());
            cx.spawn(async move {
                tokio::time::sleep(DELAY).await;
                // First, so that the next task shows a message that arrives now.
                this.pending.store(false, Ordering::Relaxed);
                this.show(&task_cx);
            });
        }
    }

    fn show(&self, cx: &NodeContext) {
        let count = self.count.load(Ordering::Relaxed);
        cx.status(Status::new("blue", "ring", count.to_string()));
    }
}
