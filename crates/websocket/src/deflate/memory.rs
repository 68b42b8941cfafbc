//! The bound on the memory of all compression contexts that connections keep.
//!
//! A connection reserves the memory of its contexts during the handshake. If too little is left, it
//! is agreed that there is no context takeover, which needs none.

use std::sync::atomic::{AtomicUsize, Ordering};

use ferrowire_core::metric::{Descriptor, Gauge, Metric, Reading};

use crate::deflate::Window;

/// A compressor beside its window: hash table, pending output, symbols.
const COMPRESSOR: usize = 248 * 1024;

/// A decompressor beside its window: code tables and state.
const DECOMPRESSOR: usize = 12 * 1024;

/// The contexts of this process or library.
pub static CONTEXTS: Memory = Memory {
    limit: AtomicUsize::new(usize::MAX),
    held: Gauge::new("websocket_compression_memory", "memory reserved for compression contexts")
        .unit("bytes"),
};

/// The memory of compression contexts, and its limit.
#[derive(Debug)]
pub struct Memory {
    limit: AtomicUsize,
    held: Gauge,
}

impl Memory {
    /// Sets the limit in bytes.
    pub(crate) fn set_limit(&self, bytes: usize) {
        self.limit.store(bytes, Ordering::Relaxed);
    }

    /// Reserves `bytes`; `None` if too little is left.
    pub(crate) fn reserve(&'static self, bytes: usize) -> Option<Reserved> {
        let signed = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.held.add(signed);
        // Dropped, and so released, if it is too much.
        let reserved = Reserved { memory: self, bytes: signed };
        let held = usize::try_from(self.held.get()).unwrap_or(0);
        (bytes == 0 || held <= self.limit.load(Ordering::Relaxed)).then_some(reserved)
    }
}

impl Metric for Memory {
    fn descriptor(&self) -> &Descriptor {
        self.held.descriptor()
    }

    fn read(&self) -> Reading {
        self.held.read()
    }
}

/// Reserved memory, until dropped.
#[derive(Debug)]
pub(crate) struct Reserved {
    memory: &'static Memory,
    bytes: i64,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.memory.held.add(-self.bytes);
    }
}

impl Window {
    /// The memory of the side that compresses, in bytes.
    pub(crate) fn of_compressor(self) -> usize {
        // The window is doubled, and has an index of two bytes for each of its bytes.
        if self.takeover { COMPRESSOR + (4 << self.bits) } else { 0 }
    }

    /// The memory of the side that decompresses, in bytes.
    pub(crate) fn of_decompressor(self) -> usize {
        if self.takeover { DECOMPRESSOR + (1 << self.bits) } else { 0 }
    }
}
