//! Per-thread read buffers, so that idle connections need none.
//!
//! A read goes into the thread's buffer, and the received bytes are split off without a copy. A
//! connection allocates its own buffer only while a frame is incomplete.

use std::cell::RefCell;

use bytes::BytesMut;

/// The size of a fresh buffer.
const BLOCK: usize = 256 * 1024;

/// The minimum room for a read into the thread's buffer.
const OFFER: usize = 68 * 1024;

/// The minimum room for a read into a connection's own buffer.
pub(crate) const LEAST: usize = 2048;

thread_local! {
    static SCRATCH: RefCell<BytesMut> = RefCell::default();
}

/// Lends the current thread's buffer, which is empty and has room.
pub(crate) fn with<T>(work: impl FnOnce(&mut BytesMut) -> T) -> T {
    SCRATCH.with_borrow_mut(|scratch| {
        if scratch.capacity() < OFFER {
            // Reuses the old block once no slice of it is left.
            scratch.reserve(BLOCK);
        }
        work(scratch)
    })
}
