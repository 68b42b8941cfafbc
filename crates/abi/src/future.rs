//! Futures and wakers across the border.

use std::ffi::c_void;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker};

use futures_util::future::BoxFuture;

use crate::failure::Failed;
use crate::{contained, raw};
use ferrowire_core::NodeError;

/// A future for the other side, and what enters the runtime of this side.
struct Ours {
    future: ManuallyDrop<BoxFuture<'static, Result<(), Failed>>>,
    around: Around,
}

/// Runs its argument inside of a runtime.
type Around = Box<dyn Fn(&mut dyn FnMut()) + Send>;

static TABLE: raw::FutureTable =
    raw::FutureTable { size: size_of::<raw::FutureTable>(), poll, drop: drop_future };

/// Hands `future` over; every poll and the drop happen inside of `around`, which enters the
/// runtime of this side.
pub fn into_raw(
    future: impl Future<Output = Result<(), Failed>> + Send + 'static,
    around: impl Fn(&mut dyn FnMut()) + Send + 'static,
) -> raw::Future {
    let ours = Ours { future: ManuallyDrop::new(Box::pin(future)), around: Box::new(around) };
    raw::Future { data: Box::into_raw(Box::new(ours)).cast(), table: &raw const TABLE }
}

unsafe extern "C" fn poll(
    data: *mut c_void,
    waker: *const raw::Waker,
    failure: *mut raw::Failure,
) -> u32 {
    // SAFETY: `data` is from `into_raw`, and futures are polled by one thread at a time.
    let ours = unsafe { &mut *data.cast::<Ours>() };
    // SAFETY: lent for this call.
    let waker = unsafe { borrowed_waker(waker) };
    let mut polled = Poll::Pending;
    let future = &mut ours.future;
    let attempt = AssertUnwindSafe(|| {
        (ours.around)(&mut || polled = future.as_mut().poll(&mut Context::from_waker(&waker)));
    });
    if let Err(panic) = contained(attempt) {
        polled = Poll::Ready(Err(Failed::panic(&*panic)));
    }
    match polled {
        Poll::Pending => 0,
        Poll::Ready(Ok(())) => 1,
        Poll::Ready(Err(failed)) => {
            // SAFETY: the caller's place for it.
            unsafe { failure.write(failed.into_raw()) };
            1
        }
    }
}

unsafe extern "C" fn drop_future(data: *mut c_void) {
    // SAFETY: the one call that ends what `into_raw` made.
    let mut ours = unsafe { Box::from_raw(data.cast::<Ours>()) };
    let future = &mut ours.future;
    // SAFETY: dropped once, here; what remains of a destructor that panics is leaked.
    let attempt = AssertUnwindSafe(|| (ours.around)(&mut || unsafe { ManuallyDrop::drop(future) }));
    if let Err(panic) = contained(attempt) {
        let reason = NodeError::panic_text(&*panic);
        tracing::error!(target: "ferrowire::plugins", "a task panicked when it ended: {reason}");
    }
}

/// A future of the other side.
#[derive(Debug)]
pub struct Foreign(raw::Future);

impl Foreign {
    /// Takes it over; `None` when it is over already.
    ///
    /// # Safety
    /// `future` must be as the other side handed it over.
    pub unsafe fn new(future: raw::Future) -> Option<Self> {
        (!future.data.is_null()).then(|| Foreign(future))
    }
}

impl Future for Foreign {
    type Output = Result<(), Failed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let waker = raw::Waker { data: (&raw const *cx.waker()).cast(), table: &raw const WAKER };
        let mut failure = raw::Failure::NONE;
        // SAFETY: it lives until this is dropped, and `&mut self` keeps others away.
        let ready =
            unsafe { ((*self.0.table).poll)(self.0.data, &raw const waker, &raw mut failure) };
        if ready == 0 {
            return Poll::Pending;
        }
        // SAFETY: written by the other side, or none.
        Poll::Ready(unsafe { Failed::from_raw(failure) }.map_or(Ok(()), Err))
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // SAFETY: the one call that ends it.
        unsafe { ((*self.0.table).drop)(self.0.data) };
    }
}

// Wakers of this side, for the other: `data` is a `Waker`, lent or boxed.

static WAKER: raw::WakerTable =
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

/// An owned waker of the other side.
struct ForeignWaker(raw::Waker);

impl Wake for ForeignWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // SAFETY: owned until it is dropped.
        unsafe { ((*self.0.table).wake_by_ref)(self.0.data) };
    }
}

impl Drop for ForeignWaker {
    fn drop(&mut self) {
        // SAFETY: the one call that ends it.
        unsafe { ((*self.0.table).drop)(self.0.data) };
    }
}

/// A waker that is lent for one poll.
///
/// # Safety
/// `waker` must outlive the returned one, which must not be dropped by value: its functions do
/// nothing on drop, and clones own themselves.
unsafe fn borrowed_waker(waker: *const raw::Waker) -> ManuallyDrop<Waker> {
    static BORROWED: RawWakerVTable = RawWakerVTable::new(
        // SAFETY: `data` is the lent waker, which lives as long as the poll.
        |data| {
            let lent = unsafe { &*data.cast::<raw::Waker>() };
            // SAFETY: a lent waker may be cloned.
            let data = unsafe { ((*lent.table).clone)(lent.data) };
            RawWaker::from(Arc::new(ForeignWaker(raw::Waker { data, table: lent.table })))
        },
        // SAFETY: as above; `wake` of a lent waker does not end it.
        |data| unsafe { wake_lent(data) },
        // SAFETY: as above.
        |data| unsafe { wake_lent(data) },
        |_| {},
    );
    // SAFETY: the functions keep the contract of `RawWakerVTable` for a lent waker.
    ManuallyDrop::new(unsafe { Waker::new(waker.cast(), &BORROWED) })
}

/// Wakes through a lent waker.
unsafe fn wake_lent(data: *const ()) {
    // SAFETY: the lent waker lives as long as the poll.
    let lent = unsafe { &*data.cast::<raw::Waker>() };
    // SAFETY: as above.
    unsafe { ((*lent.table).wake_by_ref)(lent.data) };
}
