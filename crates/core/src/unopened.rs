//! `Unopened`: the properties of a message that another library made, read when they are first
//! needed.
//!
//! Most nodes pass on more messages than they read. A message that comes from a shared library
//! therefore stays as that library made it until a node looks into it.

use std::fmt;
use std::sync::atomic::{AtomicPtr, Ordering};

use crate::Map;

/// Properties that are not read yet, behind the functions of their owner.
///
/// Only the owner of the table can give the pointer a meaning: this crate hands it back and
/// never follows it.
pub struct Unopened {
    pointer: AtomicPtr<()>,
    table: &'static UnopenedTable,
}

/// What the owner of unopened properties can do with them. All functions may be called from any
/// thread.
pub struct UnopenedTable {
    /// The properties, which are read at the first call.
    pub properties: fn(&Unopened) -> &Map,
    /// The properties, taken out. The only call that follows is `drop`.
    pub take: fn(&mut Unopened) -> Map,
    /// Another one with equal properties.
    pub clone: fn(&Unopened) -> Unopened,
    /// Frees what the pointer leads to; called once.
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

    /// Whether `table` is the one that this was made with.
    #[inline]
    pub fn belongs_to(&self, table: &'static UnopenedTable) -> bool {
        std::ptr::eq(self.table, table)
    }

    /// The pointer, which the caller has to free now.
    #[inline]
    pub fn into_pointer(self) -> *mut () {
        std::mem::ManuallyDrop::new(self).pointer()
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
