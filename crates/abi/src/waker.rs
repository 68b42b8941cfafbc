//! Wakers across the border.
//!
//! A waker that returns to its own side, because one side polls on behalf of the other, is the original
//! again. So a socket of the host that a library polls in a task of the host gets the same waker at each poll,
//! and keeps it.

use std::ffi::c_void;
use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::task::{RawWaker, RawWakerVTable, Waker};

use crate::{contained, raw};

/// Wakers of this side, for the other: `data` is a `Waker`, lent or boxed.
static OURS: raw::WakerTable =
    raw::WakerTable { size: size_of::<raw::WakerTable>(), clone, wake_by_ref, drop: drop_waker };

unsafe extern "C" fn clone(data: *const c_void) -> *const c_void {
    // SAFETY: a waker of this side, lent or owned, that lives during the call.
    let waker = unsafe { &*data.cast::<Waker>() };
    Box::into_raw(Box::new(waker.clone())).cast_const().cast()
}

unsafe extern "C" fn wake_by_ref(data: *const c_void) {
    // SAFETY: as above.
    let waker = unsafe { &*data.cast::<Waker>() };
    let _contained = contained(|| waker.wake_by_ref());
}

unsafe extern "C" fn drop_waker(data: *const c_void) {
    // SAFETY: a boxed waker of this side, given up with this call.
    let waker = unsafe { Box::from_raw(data.cast_mut().cast::<Waker>()) };
    let _contained = contained(|| drop(waker));
}

/// Wakers of the other side that are lent for a poll: `data` is the lent `raw::Waker`.
static LENT: RawWakerVTable = RawWakerVTable::new(clone_lent, wake_lent, wake_lent, |_| {});

/// Wakers of the other side that this side owns: `data` is an `Arc<Owned>`.
static OWNED: RawWakerVTable =
    RawWakerVTable::new(clone_owned, wake_owned, wake_owned_by_ref, drop_owned);

/// An owned waker of the other side.
struct Owned(raw::Waker);

impl Owned {
    /// # Safety
    /// `lent` must be lent for this call.
    unsafe fn new(lent: &raw::Waker) -> Arc<Self> {
        // SAFETY: a lent waker may be cloned.
        let data = unsafe { ((*lent.table).clone)(lent.data) };
        Arc::new(Owned(raw::Waker { data, ..*lent }))
    }

    fn wake(&self) {
        // SAFETY: owned until it is dropped.
        unsafe { ((*self.0.table).wake_by_ref)(self.0.data) };
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: the one call that ends it.
        unsafe { ((*self.0.table).drop)(self.0.data) };
    }
}

fn into_waker(owned: Arc<Owned>) -> RawWaker {
    RawWaker::new(Arc::into_raw(owned).cast(), &OWNED)
}

unsafe fn clone_lent(data: *const ()) -> RawWaker {
    // SAFETY: the lent waker lives as long as the poll.
    into_waker(unsafe { Owned::new(&*data.cast::<raw::Waker>()) })
}

unsafe fn wake_lent(data: *const ()) {
    // SAFETY: as above.
    let lent = unsafe { &*data.cast::<raw::Waker>() };
    // SAFETY: as above.
    unsafe { ((*lent.table).wake_by_ref)(lent.data) };
}

unsafe fn clone_owned(data: *const ()) -> RawWaker {
    let data = data.cast::<Owned>();
    // SAFETY: `data` is an `Arc` that lives during the call.
    unsafe { Arc::increment_strong_count(data) };
    RawWaker::new(data.cast(), &OWNED)
}

unsafe fn wake_owned(data: *const ()) {
    // SAFETY: `data` is an `Arc` that is given up with this call.
    unsafe { Arc::from_raw(data.cast::<Owned>()) }.wake();
}

unsafe fn wake_owned_by_ref(data: *const ()) {
    // SAFETY: `data` is an `Arc` that lives during the call.
    unsafe { &*data.cast::<Owned>() }.wake();
}

unsafe fn drop_owned(data: *const ()) {
    // SAFETY: `data` is an `Arc` that is given up with this call.
    drop(unsafe { Arc::from_raw(data.cast::<Owned>()) });
}

/// Lends `waker` to the other side for a call.
pub fn lend(waker: &Waker) -> raw::Waker {
    if std::ptr::eq(waker.vtable(), &raw const LENT) {
        // SAFETY: the functions say what `data` is, and it lives as long as the waker.
        return unsafe { *waker.data().cast::<raw::Waker>() };
    }
    if std::ptr::eq(waker.vtable(), &raw const OWNED) {
        // SAFETY: as above.
        return unsafe { &*waker.data().cast::<Owned>() }.0;
    }
    let vtable: *const RawWakerVTable = waker.vtable();
    raw::Waker {
        data: (&raw const *waker).cast(),
        table: &raw const OURS,
        identity: [waker.data().cast(), vtable.cast()],
    }
}

/// The waker of a future that the other side polls, kept from poll to poll.
#[derive(Debug, Default)]
pub struct Kept {
    polled: bool,
    waker: Option<([usize; 2], Waker)>,
}

impl Kept {
    /// Runs `poll` with the waker that `lent` is. From the second poll on it is the same one as
    /// long as the other side's is.
    ///
    /// # Safety
    /// `lent` must be lent by the other side for this call.
    pub unsafe fn with<T>(&mut self, lent: *const raw::Waker, poll: impl FnOnce(&Waker) -> T) -> T {
        // SAFETY: as above.
        let waker = unsafe { &*lent };
        if std::ptr::eq(waker.table, &raw const OURS) || !self.polled {
            self.polled = true;
            // SAFETY: as above.
            return unsafe { with(lent, poll) };
        }
        let identity = waker.identity.map(|part| part as usize);
        let kept = self.waker.take().filter(|(kept, _)| *kept == identity);
        let (_, kept) = self.waker.insert(kept.unwrap_or_else(|| {
            // SAFETY: as above; the functions keep the contract of `RawWakerVTable`.
            (identity, unsafe { Waker::from_raw(into_waker(Owned::new(waker))) })
        }));
        poll(kept)
    }
}

/// Runs `poll` with the waker that `lent` is.
///
/// # Safety
/// `lent` must be lent by the other side for this call.
pub unsafe fn with<T>(lent: *const raw::Waker, poll: impl FnOnce(&Waker) -> T) -> T {
    // SAFETY: as above.
    let waker = unsafe { &*lent };
    if std::ptr::eq(waker.table, &raw const OURS) {
        // SAFETY: the table says that it is a waker of this side.
        return poll(unsafe { &*waker.data.cast::<Waker>() });
    }
    // SAFETY: the functions keep the contract of `RawWakerVTable` for a lent waker, which is not
    // dropped by value: clones own themselves.
    let waker = ManuallyDrop::new(unsafe { Waker::new(lent.cast(), &LENT) });
    poll(&waker)
}
