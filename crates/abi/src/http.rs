//! Requests and responses across the border.

use std::ffi::c_void;
use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};

use ::bytes::Bytes;
use ferrowire_core::port::{Body, Incoming, Origin, Response};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, StatusCode, Uri, Version};
use http_body::{Body as _, Frame, SizeHint};

use crate::raw::port::{self, BodyTable, Header, IoResult, UNKNOWN_LENGTH, frame};
use crate::stream::{NO_RESULT, bytes, result_from_raw, result_into_raw, slice};
use crate::{bytes as shared, contained, raw, waker};

// Bodies.

static OURS: BodyTable = BodyTable { size: size_of::<BodyTable>(), next, drop: drop_body };

/// Hands a body over. Trailers do not cross.
pub fn body_into_raw(body: Body) -> port::Body {
    let len = body.size_hint().exact().unwrap_or(UNKNOWN_LENGTH);
    if body.is_end_stream() {
        return NO_BODY;
    }
    let data = Box::into_raw(Box::new(body)).cast();
    port::Body { data, table: &raw const OURS, len }
}

/// A body without bytes.
pub const NO_BODY: port::Body =
    port::Body { data: std::ptr::null_mut(), table: &raw const OURS, len: 0 };

unsafe extern "C" fn next(
    data: *mut c_void,
    waker: *const raw::Waker,
    to: *mut raw::Bytes,
    error: *mut IoResult,
) -> u32 {
    // SAFETY: a body of this side, polled by one thread at a time.
    let body = unsafe { &mut *data.cast::<Body>() };
    let attempt = AssertUnwindSafe(|| {
        // SAFETY: lent for this call.
        unsafe { waker::with(waker, |waker| next_bytes(body, &mut Context::from_waker(waker))) }
    });
    match contained(attempt).unwrap_or_else(|_| Poll::Ready(Some(Err(panicked())))) {
        Poll::Pending => frame::PENDING,
        Poll::Ready(None) => frame::END,
        Poll::Ready(Some(Ok(bytes))) => {
            // SAFETY: the caller's place for it.
            unsafe { to.write(shared::lend(bytes)) };
            frame::BYTES
        }
        Poll::Ready(Some(Err(failed))) => {
            // SAFETY: the caller's place for it.
            unsafe { error.write(result_into_raw(Err(failed))) };
            frame::ERROR
        }
    }
}

fn panicked() -> io::Error {
    io::Error::other("the body panicked")
}

/// The next bytes; frames without bytes are passed over.
fn next_bytes(body: &mut Body, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
    loop {
        match body.as_mut().poll_frame(cx) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
            Poll::Ready(Some(Ok(frame))) => {
                if let Ok(bytes) = frame.into_data() {
                    return Poll::Ready(Some(Ok(bytes)));
                }
            }
        }
    }
}

unsafe extern "C" fn drop_body(data: *mut c_void) {
    // SAFETY: the one call that ends what `body_into_raw` made.
    let body = unsafe { Box::from_raw(data.cast::<Body>()) };
    let _contained = contained(AssertUnwindSafe(|| drop(body)));
}

/// Takes a body over.
///
/// # Safety
/// `body` must be as the other side handed it over.
pub unsafe fn body_from_raw(body: port::Body) -> Body {
    if std::ptr::eq(body.table, &raw const OURS) && !body.data.is_null() {
        // SAFETY: the table says that this side made it, in `body_into_raw`.
        return *unsafe { Box::from_raw(body.data.cast::<Body>()) };
    }
    Box::pin(ForeignBody { body, left: body.len, over: body.data.is_null() })
}

/// A body of the other side.
struct ForeignBody {
    body: port::Body,
    /// How many bytes are still to come, if that is known.
    left: u64,
    over: bool,
}

// SAFETY: the functions of a body may be called from any thread, one at a time.
unsafe impl Send for ForeignBody {}

impl http_body::Body for ForeignBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.over {
            return Poll::Ready(None);
        }
        let waker = waker::lend(cx.waker());
        let (mut found, mut error) = (NO_BYTES, NO_RESULT);
        // SAFETY: the body lives; all else is lent for the call.
        let kind = unsafe {
            ((*self.body.table).next)(
                self.body.data,
                &raw const waker,
                &raw mut found,
                &raw mut error,
            )
        };
        match kind {
            frame::PENDING => Poll::Pending,
            frame::BYTES => {
                // SAFETY: just given.
                let bytes = unsafe { shared::receive(found) };
                if self.left != UNKNOWN_LENGTH {
                    self.left = self.left.saturating_sub(bytes.len() as u64);
                }
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            frame::ERROR => {
                self.over = true;
                // SAFETY: just written.
                let failed = unsafe { result_from_raw(error) };
                Poll::Ready(Some(Err(failed.err().unwrap_or_else(panicked))))
            }
            _ => {
                self.over = true;
                Poll::Ready(None)
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.over
    }

    fn size_hint(&self) -> SizeHint {
        match self.left {
            UNKNOWN_LENGTH => SizeHint::default(),
            left => SizeHint::with_exact(left),
        }
    }
}

/// A place for the other side's bytes.
const NO_BYTES: raw::Bytes =
    raw::Bytes { ptr: std::ptr::null(), len: 0, owner: std::ptr::null(), table: std::ptr::null() };

impl Drop for ForeignBody {
    fn drop(&mut self) {
        if !self.body.data.is_null() {
            // SAFETY: the one call that ends it.
            unsafe { ((*self.body.table).drop)(self.body.data) };
        }
    }
}

// Heads.

fn lend_headers(headers: &HeaderMap) -> Vec<Header> {
    let lend = |(name, value): (&HeaderName, &HeaderValue)| Header {
        name: raw::Str::new(name.as_str()),
        value: slice(value.as_bytes()),
    };
    headers.iter().map(lend).collect()
}

/// # Safety
/// `headers` must be `len` headers that are lent for this call.
unsafe fn copy_headers(headers: *const Header, len: usize) -> HeaderMap {
    let mut map = HeaderMap::with_capacity(len);
    for at in 0..len {
        // SAFETY: as above, at an index below the length.
        let (name, value) = unsafe {
            let header = *headers.add(at);
            (header.name.get(), bytes(header.value))
        };
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(value))
        {
            map.append(name, value);
        }
    }
    map
}

const VERSIONS: [(Version, u32); 5] = [
    (Version::HTTP_09, 9),
    (Version::HTTP_10, 10),
    (Version::HTTP_11, 11),
    (Version::HTTP_2, 20),
    (Version::HTTP_3, 30),
];

/// Lends the head of a request for `call`, and hands its body over.
pub fn lend_request<T>(
    head: &Parts,
    origin: Origin,
    body: port::Body,
    call: impl FnOnce(*const port::Request) -> T,
) -> T {
    let (uri, address) = (head.uri.to_string(), origin.address.to_string());
    let headers = lend_headers(&head.headers);
    let version = VERSIONS.iter().find(|(version, _)| *version == head.version);
    let request = port::Request {
        size: size_of::<port::Request>(),
        method: raw::Str::new(head.method.as_str()),
        uri: raw::Str::new(&uri),
        version: version.map_or(11, |(_, number)| *number),
        headers: headers.as_ptr(),
        headers_len: headers.len(),
        address: raw::Str::new(&address),
        secure: origin.secure.into(),
        body,
    };
    call(&raw const request)
}

/// Takes a request over; `None` when it is damaged.
///
/// # Safety
/// `request` must be lent for this call, and its body handed over.
pub unsafe fn take_request(request: *const port::Request) -> Option<Incoming> {
    // SAFETY: as above.
    let request = unsafe { &*request };
    // SAFETY: as above.
    let (method, uri, address, headers, body) = unsafe {
        (
            request.method.get(),
            request.uri.get(),
            request.address.get(),
            copy_headers(request.headers, request.headers_len),
            body_from_raw(request.body),
        )
    };
    let version = VERSIONS.iter().find(|(_, number)| *number == request.version);
    let mut taken = Request::new(body);
    *taken.method_mut() = Method::try_from(method).ok()?;
    *taken.uri_mut() = uri.parse::<Uri>().ok()?;
    *taken.version_mut() = version.map_or(Version::HTTP_11, |(version, _)| *version);
    *taken.headers_mut() = headers;
    let address: SocketAddr = address.parse().ok()?;
    Some(Incoming { request: taken, origin: Origin { address, secure: request.secure != 0 } })
}

/// Lends the head of a response for `call`, and hands its body over.
pub fn lend_response<T>(response: Response, call: impl FnOnce(*const port::Response) -> T) -> T {
    let (head, body) = response.into_parts();
    let headers = lend_headers(&head.headers);
    let response = port::Response {
        size: size_of::<port::Response>(),
        status: u32::from(head.status.as_u16()),
        headers: headers.as_ptr(),
        headers_len: headers.len(),
        body: body_into_raw(body),
    };
    call(&raw const response)
}

/// Takes a response over.
///
/// # Safety
/// `response` must be lent for this call, and its body handed over.
pub unsafe fn take_response(response: *const port::Response) -> Response {
    // SAFETY: as above.
    let response = unsafe { &*response };
    // SAFETY: as above.
    let (headers, body) = unsafe {
        (copy_headers(response.headers, response.headers_len), body_from_raw(response.body))
    };
    let mut taken = Response::new(body);
    let status = u16::try_from(response.status).ok();
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    *taken.status_mut() = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    *taken.headers_mut() = headers;
    taken
}
