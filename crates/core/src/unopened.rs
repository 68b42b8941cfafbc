//! `Unopened`: the properties of a message that another library created, read on first use.
//!
//! Most nodes pass on more messages than they read, so a message from a shared library stays in
//! that library's representation until a node reads it.

use std::fmt;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::Map;

/// Properties that are not read yet, accessed through the functions of their owner.
///
/// Only the owner of the table can interpret the pointer; this crate never dereferences it.
pub struct Unopened {
    pointer: AtomicPtr<()>,
    table: &'static UnopenedTable,
}

/// The operations on unopened properties. All functions may be called from any thread.
pub struct UnopenedTable {
    /// The properties, read on the first call.
    pub properties: fn(&Unopened) -> &Map,
    /// Takes the properties. Only `drop` is called afterwards.
    pub take: fn(&mut Unopened) -> Map,
    /// Whether they are known to have a `_msgid`, without reading them.
    pub is_identified: fn(&Unopened) -> bool,
    /// A copy with equal properties.
    pub clone: fn(&Unopened) -> Unopened,
    /// Frees the memory behind the pointer; called once.
    pub drop: fn(&mut Unopened),
}

impl Unopened {
    /// Properties behind `pointer`, which is freed by `table.drop`.
    pub const fn new(pointer: *mut (), table: &'static UnopenedTable) -> Self {
        Unopened { pointer: AtomicPtr::new(pointer), table }
    }

    /// The pointer.
    #[inline]
    pub fn pointer(&self) -> *mut () {
        self.pointer.load(Ordering::Relaxed)
    }

    /// Whether this was created with `table`.
    #[inline]
    pub fn belongs_to(&self, table: &'static UnopenedTable) -> bool {
        std::ptr::eq(self.table, table)
    }

    /// The pointer, which the caller must free.
    #[inline]
    pub fn into_pointer(self) -> *mut () {
        std::mem::ManuallyDrop::new(self).pointer()
    }

    pub(crate) fn is_identified(&self) -> bool {
        (self.table.is_identified)(self)
    }

    pub(crate) fn properties(&self) -> &Map {
        (self.table.properties)(self)
    }

    pub(crate) fn into_properties(mut self) -> Map {
        (self.table.take)(&mut self)
    }
}

impl Clone for Unopened {
    fn clone(&self) -> Self {
        (self.table.clone)(self)
    }
}

impl Drop for Unopened {
    fn drop(&mut self) {
        (self.table.drop)(self);
    }
}

impl fmt::Debug for Unopened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unopened").finish_non_exhaustive()
    }
}

impl fmt::Debug for UnopenedTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnopenedTable").finish_non_exhaustive()
    }
}
