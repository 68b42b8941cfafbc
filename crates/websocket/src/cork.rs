//! Corking: while a connection's task works off its input, what it sends, to whichever socket,
//! collects, and each socket is written to once when the task has no more input.

use std::cell::RefCell;
use std::sync::Arc;

/// Something that has output to write.
pub(crate) trait Flush: Send + Sync {
    /// Writes what waits, as far as that goes without waiting.
    fn flush(&self);
}

#[derive(Default)]
struct Cork {
    /// The connection whose task is working, by its address.
    working: Option<usize>,
    waiting: Vec<Arc<dyn Flush>>,
}

thread_local! {
    static CORK: RefCell<Cork> = RefCell::default();
}

/// Runs `work` for the connection at address `working`, then flushes every socket that got
/// output from it. Meant for one poll of a connection's task.
pub(crate) fn corked<T>(working: usize, work: impl FnOnce() -> T) -> T {
    struct Uncork;
    impl Drop for Uncork {
        fn drop(&mut self) {
            let waiting = CORK.with_borrow_mut(|cork| {
                cork.working = None;
                std::mem::take(&mut cork.waiting)
            });
            for socket in &waiting {
                socket.flush();
            }
            // The list keeps its room for the next poll on this thread.
            let mut empty = waiting;
            empty.clear();
            CORK.with_borrow_mut(|cork| {
                if cork.waiting.capacity() < empty.capacity() {
                    cork.waiting = empty;
                }
            });
        }
    }
    CORK.with_borrow_mut(|cork| cork.working = Some(working));
    let _uncork = Uncork;
    work()
}

/// Whether the current thread is working for the connection at address `connection`.
pub(crate) fn is_working_for(connection: usize) -> bool {
    CORK.with_borrow(|cork| cork.working == Some(connection))
}

/// Puts off the flush of `socket` to the end of the current corked work; `false` when there is
/// none, and the caller has to flush now.
pub(crate) fn defer(socket: impl FnOnce() -> Arc<dyn Flush>) -> bool {
    CORK.with_borrow_mut(|cork| {
        let corked = cork.working.is_some();
        if corked {
            cork.waiting.push(socket());
        }
        corked
    })
}
