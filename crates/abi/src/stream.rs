//! Streams across the border, for connections that were taken over.

use std::ffi::c_void;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use ferrowire_core::port::ByteStream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::raw::port::{IoResult, Slice, Stream, StreamTable, io as kind};
use crate::{contained, raw, waker};

/// As many slices cross with a write. More are written by the next one.
const SLICES: usize = 16;

static OURS: StreamTable =
    StreamTable { size: size_of::<StreamTable>(), read, write, flush, shutdown, drop: drop_stream };

/// Hands a stream over.
pub fn into_raw(stream: ByteStream) -> Stream {
    Stream { data: Box::into_raw(Box::new(stream)).cast(), table: &raw const OURS }
}

/// Takes a stream over.
///
/// # Safety
/// `stream` must be as the other side handed it over.
pub unsafe fn from_raw(stream: Stream) -> ByteStream {
    if std::ptr::eq(stream.table, &raw const OURS) {
        // SAFETY: the table says that this side made it, in `into_raw`.
        return *unsafe { Box::from_raw(stream.data.cast::<ByteStream>()) };
    }
    ByteStream::new(Foreign(stream))
}

/// # Safety
/// `data` must be from [`into_raw`], and it must not be used elsewhere meanwhile.
unsafe fn ours<'a>(data: *mut c_void) -> Pin<&'a mut ByteStream> {
    // SAFETY: as above.
    Pin::new(unsafe { &mut *data.cast::<ByteStream>() })
}

/// Writes the result of a poll.
///
/// # Safety
/// `waker` must be lent for this call, and `to` be the caller's place for the result.
unsafe fn answer(
    waker: *const raw::Waker,
    to: *mut IoResult,
    poll: impl FnOnce(&mut Context<'_>) -> Poll<io::Result<usize>>,
) -> u32 {
    let attempt = AssertUnwindSafe(|| {
        // SAFETY: as above.
        unsafe { waker::with(waker, |waker| poll(&mut Context::from_waker(waker))) }
    });
    let result = match contained(attempt) {
        Ok(Poll::Pending) => return 0,
        Ok(Poll::Ready(result)) => result,
        Err(_) => Err(io::Error::other("the stream panicked")),
    };
    // SAFETY: as above.
    unsafe { to.write(result_into_raw(result)) };
    1
}

unsafe extern "C" fn read(
    data: *mut c_void,
    waker: *const raw::Waker,
    to: *mut u8,
    len: usize,
    result: *mut IoResult,
) -> u32 {
    // SAFETY: the caller's place, of that many bytes that need not be initialized.
    let place = unsafe { std::slice::from_raw_parts_mut(to.cast::<MaybeUninit<u8>>(), len) };
    let mut place = ReadBuf::uninit(place);
    // SAFETY: a stream of this side; the rest is lent for this call.
    unsafe {
        answer(waker, result, |cx| {
            ours(data).poll_read(cx, &mut place).map_ok(|()| place.filled().len())
        })
    }
}

unsafe extern "C" fn write(
    data: *mut c_void,
    waker: *const raw::Waker,
    slices: *const Slice,
    count: usize,
    result: *mut IoResult,
) -> u32 {
    let mut lent = [IoSlice::new(&[]); SLICES];
    let count = count.min(SLICES);
    for (at, slice) in lent.iter_mut().take(count).enumerate() {
        // SAFETY: lent for this call, at an index below the count.
        *slice = IoSlice::new(unsafe { bytes(*slices.add(at)) });
    }
    let lent = lent.get(..count).unwrap_or_default();
    // SAFETY: a stream of this side; the rest is lent for this call.
    unsafe {
        answer(waker, result, |cx| match lent {
            [single] => ours(data).poll_write(cx, single),
            several => ours(data).poll_write_vectored(cx, several),
        })
    }
}

unsafe extern "C" fn flush(
    data: *mut c_void,
    waker: *const raw::Waker,
    result: *mut IoResult,
) -> u32 {
    // SAFETY: a stream of this side; the rest is lent for this call.
    unsafe { answer(waker, result, |cx| ours(data).poll_flush(cx).map_ok(|()| 0)) }
}

unsafe extern "C" fn shutdown(
    data: *mut c_void,
    waker: *const raw::Waker,
    result: *mut IoResult,
) -> u32 {
    // SAFETY: a stream of this side; the rest is lent for this call.
    unsafe { answer(waker, result, |cx| ours(data).poll_shutdown(cx).map_ok(|()| 0)) }
}

unsafe extern "C" fn drop_stream(data: *mut c_void) {
    // SAFETY: the one call that ends what `into_raw` made.
    let stream = unsafe { Box::from_raw(data.cast::<ByteStream>()) };
    let _contained = contained(AssertUnwindSafe(|| drop(stream)));
}

/// The bytes of a slice.
///
/// # Safety
/// They must be lent during `'a`.
pub unsafe fn bytes<'a>(slice: Slice) -> &'a [u8] {
    match slice.len {
        0 => &[],
        // SAFETY: as above.
        len => unsafe { std::slice::from_raw_parts(slice.ptr, len) },
    }
}

/// Lends bytes.
pub fn slice(bytes: &[u8]) -> Slice {
    Slice { ptr: bytes.as_ptr(), len: bytes.len() }
}

/// The kinds of errors that both sides distinguish.
const KINDS: [(io::ErrorKind, u32); 6] = [
    (io::ErrorKind::ConnectionReset, kind::RESET),
    (io::ErrorKind::ConnectionAborted, kind::ABORTED),
    (io::ErrorKind::BrokenPipe, kind::BROKEN_PIPE),
    (io::ErrorKind::UnexpectedEof, kind::UNEXPECTED_EOF),
    (io::ErrorKind::TimedOut, kind::TIMED_OUT),
    (io::ErrorKind::NotConnected, kind::NOT_CONNECTED),
];

/// What something came to.
pub fn result_into_raw(result: io::Result<usize>) -> IoResult {
    match result {
        Ok(count) => IoResult { count, error: kind::NONE, text: raw::OwnedStr::NONE },
        Err(error) => {
            let known = KINDS.iter().find(|(kind, _)| *kind == error.kind());
            IoResult {
                count: 0,
                error: known.map_or(kind::OTHER, |(_, code)| *code),
                text: raw::OwnedStr::new(error.to_string()),
            }
        }
    }
}

/// What something came to on the other side.
///
/// # Safety
/// `result` must be as the other side wrote it.
pub unsafe fn result_from_raw(result: IoResult) -> io::Result<usize> {
    if result.error == kind::NONE {
        return Ok(result.count);
    }
    // SAFETY: as above.
    let text = unsafe { result.text.take() }.unwrap_or_default();
    let known = KINDS.iter().find(|(_, code)| *code == result.error);
    Err(io::Error::new(known.map_or(io::ErrorKind::Other, |(kind, _)| *kind), text))
}

/// A place for the other side's result.
pub const NO_RESULT: IoResult = IoResult { count: 0, error: kind::NONE, text: raw::OwnedStr::NONE };

/// A stream of the other side.
struct Foreign(Stream);

// SAFETY: the functions of a stream may be called from any thread, one at a time.
unsafe impl Send for Foreign {}

impl Foreign {
    fn table(&self) -> &'static StreamTable {
        // SAFETY: tables live for ever.
        unsafe { &*self.0.table }
    }

    fn write(&self, cx: &Context<'_>, slices: &[Slice]) -> Poll<io::Result<usize>> {
        let waker = waker::lend(cx.waker());
        let mut result = NO_RESULT;
        // SAFETY: the stream lives; all else is lent for the call.
        let ready = unsafe {
            (self.table().write)(
                self.0.data,
                &raw const waker,
                slices.as_ptr(),
                slices.len(),
                &raw mut result,
            )
        };
        // SAFETY: just written.
        finished(ready, || unsafe { result_from_raw(result) })
    }
}

fn finished<T>(ready: u32, result: impl FnOnce() -> T) -> Poll<T> {
    if ready == 0 { Poll::Pending } else { Poll::Ready(result()) }
}

impl AsyncRead for Foreign {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let waker = waker::lend(cx.waker());
        let mut result = NO_RESULT;
        // SAFETY: the other side only writes initialized bytes into it.
        let place = unsafe { buf.unfilled_mut() };
        // SAFETY: the stream lives; all else is lent for the call.
        let ready = unsafe {
            (self.table().read)(
                self.0.data,
                &raw const waker,
                place.as_mut_ptr().cast(),
                place.len(),
                &raw mut result,
            )
        };
        if ready == 0 {
            return Poll::Pending;
        }
        // SAFETY: just written.
        let count = unsafe { result_from_raw(result) }?.min(buf.remaining());
        // SAFETY: so many bytes were written.
        unsafe { buf.assume_init(count) };
        buf.advance(count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Foreign {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(cx, &[slice(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut slices = [slice(&[]); SLICES];
        for (to, from) in slices.iter_mut().zip(bufs) {
            *to = slice(from);
        }
        self.write(cx, slices.get(..bufs.len().min(SLICES)).unwrap_or_default())
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let waker = waker::lend(cx.waker());
        let mut result = NO_RESULT;
        // SAFETY: the stream lives; all else is lent for the call.
        let ready = unsafe { (self.table().flush)(self.0.data, &raw const waker, &raw mut result) };
        // SAFETY: just written.
        finished(ready, || unsafe { result_from_raw(result) }.map(|_| ()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let waker = waker::lend(cx.waker());
        let mut result = NO_RESULT;
        // SAFETY: the stream lives; all else is lent for the call.
        let ready =
            unsafe { (self.table().shutdown)(self.0.data, &raw const waker, &raw mut result) };
        // SAFETY: just written.
        finished(ready, || unsafe { result_from_raw(result) }.map(|_| ()))
    }
}

impl Drop for Foreign {
    fn drop(&mut self) {
        // SAFETY: the one call that ends it.
        unsafe { (self.table().drop)(self.0.data) };
    }
}
