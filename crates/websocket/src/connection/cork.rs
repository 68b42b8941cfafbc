//! Corking: while a connection's task processes its input, the output for all sockets is collected,
//! and each socket is written once when the input is used up.
//!
//! Broadcasts are collected before they are distributed: sixteen in a row become one buffer that is
//! queued once per socket.

use std::cell::RefCell;
use std::sync::Arc;

use bytes::BytesMut;

/// Something with output to write.
pub(crate) trait Flush: Send + Sync {
    /// Writes as much output as is possible without waiting.
    fn flush(&self);
}

/// Something that sends the same bytes to many sockets.
pub(crate) trait Distribute: Send + Sync {
    /// Sends whole frames to every socket.
    fn distribute(&self, frames: Frames);
}

/// Whole frames, one behind the other.
pub(crate) struct Frames {
    pub(crate) bytes: BytesMut,
    /// How many there are.
    pub(crate) count: u64,
}

/// A batch is distributed once it has this size, even with more input to process.
const BATCH: usize = 16 * 1024;

#[derive(Default)]
struct Cork {
    /// The connection whose task is running, by its address.
    working: Option<usize>,
    waiting: Vec<Arc<dyn Flush>>,
    batch: Option<Batch>,
}

struct Batch {
    sender: Arc<dyn Distribute>,
    frames: Frames,
}

thread_local! {
    static CORK: RefCell<Cork> = RefCell::default();
}

/// Runs `work` for the connection at address `working`, then distributes its broadcasts and flushes
/// every socket that it sent to. Used for one poll of a connection's task.
pub(crate) fn corked<T>(working: usize, work: impl FnOnce() -> T) -> T {
    CORK.with_borrow_mut(|cork| cork.working = Some(working));
    let _uncork = Uncork;
    work()
}

/// Ends the cork, also on a panic.
struct Uncork;

impl Drop for Uncork {
    fn drop(&mut self) {
        // From here on, sockets are written directly.
        CORK.with_borrow_mut(|cork| cork.working = None);
        settle();
        let mut waiting = CORK.with_borrow_mut(|cork| std::mem::take(&mut cork.waiting));
        for socket in waiting.drain(..) {
            socket.flush();
        }
        // The list keeps its capacity for the next poll on this thread.
        CORK.with_borrow_mut(|cork| {
            if cork.waiting.is_empty() {
                cork.waiting = waiting;
            }
        });
    }
}

/// Whether the current thread runs the task of the connection at address `connection`.
pub(crate) fn is_working_for(connection: usize) -> bool {
    CORK.with_borrow(|cork| cork.working == Some(connection))
}

/// Defers the flush of `socket` to the end of the cork; `false` without a cork: the caller must
/// flush.
pub(crate) fn defer(socket: impl FnOnce() -> Arc<dyn Flush>) -> bool {
    CORK.with_borrow_mut(|cork| {
        let corked = cork.working.is_some();
        if corked {
            cork.waiting.push(socket());
        }
        corked
    })
}

/// Adds a frame to the broadcasts of `sender` at the end of the cork; `false` without a cork: the
/// caller must broadcast.
pub(crate) fn add_to_batch<D: Distribute + 'static>(
    sender: &Arc<D>,
    put_frame: impl FnOnce(&mut BytesMut),
) -> bool {
    let address = Arc::as_ptr(sender).addr();
    let is_full = CORK.with_borrow(|cork| {
        cork.batch.as_ref().is_some_and(|batch| {
            Arc::as_ptr(&batch.sender).addr() != address || batch.frames.bytes.len() >= BATCH
        })
    });
    if is_full {
        settle();
    }
    CORK.with_borrow_mut(|cork| {
        if cork.working.is_none() {
            return false;
        }
        let batch = cork.batch.get_or_insert_with(|| Batch {
            sender: Arc::clone(sender) as Arc<dyn Distribute>,
            frames: Frames { bytes: BytesMut::with_capacity(256), count: 0 },
        });
        put_frame(&mut batch.frames.bytes);
        batch.frames.count += 1;
        true
    })
}

/// Distributes the collected broadcasts. Required before sending to a single socket, to keep the
/// order.
pub(crate) fn settle() {
    let batch = CORK.with_borrow_mut(|cork| cork.batch.take());
    if let Some(batch) = batch {
        batch.sender.distribute(batch.frames);
    }
}
