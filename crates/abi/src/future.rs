//! Futures across the border.

use std::ffi::c_void;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;

use crate::failure::Failed;
use crate::waker::{self, Kept};
use crate::{contained, raw};
use ferrowire_core::NodeError;

/// A future for the other side, and what enters the runtime of this side.
struct Ours {
    future: ManuallyDrop<Work>,
    waker: Kept,
    around: Around,
}

/// What crosses as a future.
pub type Work = BoxFuture<'static, Result<(), NodeError>>;

/// Runs its argument inside of a runtime.
type Around = Box<dyn Fn(&mut dyn FnMut()) + Send>;

static TABLE: raw::FutureTable =
    raw::FutureTable { size: size_of::<raw::FutureTable>(), poll, drop: drop_future };

/// Hands `work` over; every poll and the drop happen inside of `around`, which enters the
/// runtime of this side.
pub fn into_raw(work: Work, around: impl Fn(&mut dyn FnMut()) + Send + 'static) -> raw::Future {
    let ours =
        Ours { future: ManuallyDrop::new(work), waker: Kept::default(), around: Box::new(around) };
    raw::Future { data: Box::into_raw(Box::new(ours)).cast(), table: &raw const TABLE }
}

unsafe extern "C" fn poll(
    data: *mut c_void,
    waker: *const raw::Waker,
    failure: *mut raw::Failure,
) -> u32 {
    // SAFETY: `data` is from `into_raw`, and futures are polled by one thread at a time.
    let ours = unsafe { &mut *data.cast::<Ours>() };
    let mut polled: Poll<Result<(), Failed>> = Poll::Pending;
    let Ours { future, waker: kept, around } = ours;
    let attempt = AssertUnwindSafe(|| {
        around(&mut || {
            // SAFETY: lent for this call.
            let result = unsafe {
                kept.with(waker, |waker| future.as_mut().poll(&mut Context::from_waker(waker)))
            };
            polled = result.map_err(Failed::from);
        });
    });
    if let Err(panic) = contained(attempt) {
        polled = Poll::Ready(Err(Failed::panic(&*panic)));
    }
    match polled {
        Poll::Pending => 0,
        Poll::Ready(Ok(())) => 1,
        Poll::Ready(Err(error)) => {
            // SAFETY: the caller's place for it.
            unsafe { failure.write(error.into_raw()) };
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
        let waker = waker::lend(cx.waker());
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
