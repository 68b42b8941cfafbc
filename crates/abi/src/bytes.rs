//! Buffers that are shared across the border.
//!
//! A buffer of the other side is recorded as long as it exists, so that it returns as the original: a message that
//! crosses a thousand times is not wrapped a thousand times.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ferrowire_core::MutexExt as _;

use bytes::Bytes;

use crate::{contained, raw};

/// What can be done with the bytes of this side.
static OURS: raw::BytesTable =
    raw::BytesTable { size: size_of::<raw::BytesTable>(), share, release };

unsafe extern "C" fn share(owner: *const c_void) -> *const c_void {
    // SAFETY: a reference of this side, which is not released during the call.
    let bytes = unsafe { &*owner.cast::<Bytes>() };
    Box::into_raw(Box::new(bytes.clone())).cast_const().cast()
}

unsafe extern "C" fn release(owner: *const c_void) {
    // SAFETY: a reference of this side, given up with this call.
    let bytes = unsafe { Box::from_raw(owner.cast_mut().cast::<Bytes>()) };
    // The owner of the bytes may be of a node's making, and its destructor too.
    let _leaked = contained(|| drop(bytes));
}

/// A reference for the other side.
pub fn lend(bytes: Bytes) -> raw::Bytes {
    let (ptr, len) = (bytes.as_ptr(), bytes.len());
    if let Some((owner, table)) = share_original(ptr as usize, len) {
        return raw::Bytes { ptr, len, owner, table };
    }
    let owner = Box::into_raw(Box::new(bytes)).cast_const().cast();
    raw::Bytes { ptr, len, owner, table: &raw const OURS }
}

/// Takes a reference that the other side gave.
///
/// # Safety
/// `shared` must come from [`lend`] of either side, and is given up.
pub unsafe fn receive(shared: raw::Bytes) -> Bytes {
    let raw::Bytes { ptr, len, owner, table } = shared;
    if std::ptr::eq(table, &raw const OURS) {
        // SAFETY: the table says that this side made it, in `lend` or `share`.
        let bytes = unsafe { Box::from_raw(owner.cast_mut().cast::<Bytes>()) };
        // SAFETY: the bytes lie inside of what `owner` holds.
        return bytes.slice_ref(unsafe { std::slice::from_raw_parts(ptr, len) });
    }
    remember(
        ptr as usize,
        Original { end: ptr as usize + len, owner: Ptr(owner), table: Ptr(table) },
    );
    Bytes::from_owner(Foreign(shared))
}

/// A reference to bytes of the other side.
struct Foreign(raw::Bytes);

impl AsRef<[u8]> for Foreign {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: the bytes live and never change as long as the reference is held.
        unsafe { std::slice::from_raw_parts(self.0.ptr, self.0.len) }
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        forget(self.0.ptr as usize, self.0.owner);
        // SAFETY: the one call that ends this reference.
        unsafe { ((*self.0.table).release)(self.0.owner) };
    }
}

/// A pointer to something that may be used from any thread.
struct Ptr<T>(*const T);

// SAFETY: points to references and tables of the ABI, which allow it.
unsafe impl<T> Send for Ptr<T> {}

struct Original {
    end: usize,
    owner: Ptr<c_void>,
    table: Ptr<raw::BytesTable>,
}

/// Foreign bytes by their first address, and by owner, since several may share an address.
static FOREIGN: Mutex<BTreeMap<(usize, usize), Original>> = Mutex::new(BTreeMap::new());

/// Their number. It is nearly always 0, and then the lock is not needed.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// The number of overlapping slices that are checked before bytes are taken as this side's own.
const OVERLAPS: usize = 8;

fn remember(start: usize, original: Original) {
    let key = (start, original.owner.0 as usize);
    COUNT.fetch_add(1, Ordering::Relaxed);
    FOREIGN.locked().insert(key, original);
}

fn forget(start: usize, owner: *const c_void) {
    COUNT.fetch_sub(1, Ordering::Relaxed);
    FOREIGN.locked().remove(&(start, owner as usize));
}

/// Another reference to the foreign bytes that contain these.
fn share_original(start: usize, len: usize) -> Option<(*const c_void, *const raw::BytesTable)> {
    if COUNT.load(Ordering::Relaxed) == 0 {
        return None;
    }
    let foreign = FOREIGN.locked();
    let mut before = foreign.range(..=(start, usize::MAX)).rev().take(OVERLAPS);
    let (_, original) = before.find(|(_, original)| start + len <= original.end)?;
    // The same bytes may have arrived several times, and the entry need not be the caller's reference. The
    // thread that drops its reference waits for the lock before it releases it.
    // SAFETY: as long as it is in the map, it is not released.
    let owner = unsafe { ((*original.table.0).share)(original.owner.0) };
    Some((owner, original.table.0))
}

#[cfg(any(test, fuzzing))]
pub mod tests {
    //! Another side for tests and for fuzzing: the same functions behind another table.

    use super::*;

    static THEIRS: raw::BytesTable =
        raw::BytesTable { size: size_of::<raw::BytesTable>(), share, release };

    pub(crate) fn theirs() -> *const raw::BytesTable {
        &raw const THEIRS
    }
}
