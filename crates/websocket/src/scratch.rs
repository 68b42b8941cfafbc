//! Read buffers that idle connections do not have: one for each thread.
//!
//! A read goes into the thread's buffer, and what it brought is split off it without a copy. A
//! connection keeps memory of its own only while part of a frame is missing.

use std::cell::RefCell;

use bytes::BytesMut;

/// The size of a fresh buffer.
const BLOCK: usize = 256 * 1024;

/// A read is offered at least this much from the thread's buffer.
const OFFER: usize = 68 * 1024;

/// A read into a connection's own buffer is offered at least this much.
pub(crate) const LEAST: usize = 2048;

thread_local! {
    static SCRATCH: RefCell<BytesMut> = RefCell::default();
}

/// Lends the current thread's buffer, which is empty and has room.
pub(crate) fn with<T>(work: impl FnOnce(&mut BytesMut) -> T) -> T {
    SCRATCH.with_borrow_mut(|scratch| {
        if scratch.capacity() < OFFER {
            // Takes the old block again when nobody holds a slice of it any more.
            scratch.reserve(BLOCK);
        }
        work(scratch)
    })
}
