//! The shapes of the HTTP port: requests, responses, bodies, upgrades and streams.

use std::ffi::c_void;

use super::{Bytes, Future, OwnedStr, Str, Waker};

/// Bytes that are lent for the time of a call.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    /// The first byte; dangling when the length is 0.
    pub ptr: *const u8,
    /// The number of bytes.
    pub len: usize,
}

/// What a read, write, flush or shutdown came to.
#[repr(C)]
#[derive(Debug)]
pub struct IoResult {
    /// The number of bytes.
    pub count: usize,
    /// One of [`io`]; the number of bytes counts only without an error.
    pub error: u32,
    /// What the error says; none without one.
    pub text: OwnedStr,
}

/// Kinds of errors of a stream or body.
pub mod io {
    /// None.
    pub const NONE: u32 = 0;
    /// Any other kind.
    pub const OTHER: u32 = 1;
    /// `ConnectionReset`.
    pub const RESET: u32 = 2;
    /// `ConnectionAborted`.
    pub const ABORTED: u32 = 3;
    /// `BrokenPipe`.
    pub const BROKEN_PIPE: u32 = 4;
    /// `UnexpectedEof`.
    pub const UNEXPECTED_EOF: u32 = 5;
    /// `TimedOut`.
    pub const TIMED_OUT: u32 = 6;
    /// `NotConnected`.
    pub const NOT_CONNECTED: u32 = 7;
}

/// A connection, which is handed over.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    /// Its state.
    pub data: *mut c_void,
    /// Its functions.
    pub table: *const StreamTable,
}

/// The functions of a stream. Only one call at a time. All but `drop` return 0 when they have
/// to wait, and wake the waker then; otherwise 1, and the result is written.
#[repr(C)]
#[derive(Debug)]
pub struct StreamTable {
    /// See the module.
    pub size: usize,
    /// Reads into a buffer of this many bytes, which need not be initialized.
    pub read: unsafe extern "C" fn(*mut c_void, *const Waker, *mut u8, usize, *mut IoResult) -> u32,
    /// Writes from the first of this many slices on, as much as it accepts.
    pub write:
        unsafe extern "C" fn(*mut c_void, *const Waker, *const Slice, usize, *mut IoResult) -> u32,
    /// Flushes its own buffer.
    pub flush: unsafe extern "C" fn(*mut c_void, *const Waker, *mut IoResult) -> u32,
    /// Ends the writing.
    pub shutdown: unsafe extern "C" fn(*mut c_void, *const Waker, *mut IoResult) -> u32,
    /// Ends it.
    pub drop: unsafe extern "C" fn(*mut c_void),
}

/// The body of a request or response, which is handed over.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Body {
    /// Its state; null for one without bytes.
    pub data: *mut c_void,
    /// Its functions.
    pub table: *const BodyTable,
    /// How many bytes it has; [`UNKNOWN_LENGTH`] if that is not known.
    pub len: u64,
}

/// The length of a body that is not known in advance.
pub const UNKNOWN_LENGTH: u64 = u64::MAX;

/// What a body gave.
pub mod frame {
    /// Nothing yet.
    pub const PENDING: u32 = 0;
    /// Bytes.
    pub const BYTES: u32 = 1;
    /// Its end.
    pub const END: u32 = 2;
    /// An error, after which it ends.
    pub const ERROR: u32 = 3;
}

/// What can be done with a body.
#[repr(C)]
#[derive(Debug)]
pub struct BodyTable {
    /// See the module.
    pub size: usize,
    /// The next bytes, or an error: one of [`frame`].
    pub next: unsafe extern "C" fn(*mut c_void, *const Waker, *mut Bytes, *mut IoResult) -> u32,
    /// Ends it.
    pub drop: unsafe extern "C" fn(*mut c_void),
}

/// A header.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Header {
    /// Its name, in lower case.
    pub name: Str,
    /// Its value, which need not be UTF-8.
    pub value: Slice,
}

/// The head of a request, lent for a call.
#[repr(C)]
#[derive(Debug)]
pub struct Request {
    /// See the module.
    pub size: usize,
    /// The method.
    pub method: Str,
    /// The URI as the client sent it.
    pub uri: Str,
    /// The version of HTTP: 9, 10, 11, 20 or 30.
    pub version: u32,
    /// The headers, in order.
    pub headers: *const Header,
    /// How many there are.
    pub headers_len: usize,
    /// Address and port of the client.
    pub address: Str,
    /// 1 if the connection is encrypted.
    pub secure: u32,
    /// The body, which is handed over; without bytes for an upgrade.
    pub body: Body,
}

/// A response; its head is lent for a call, its body handed over.
#[repr(C)]
#[derive(Debug)]
pub struct Response {
    /// See the module.
    pub size: usize,
    /// The status code.
    pub status: u32,
    /// The headers, in order.
    pub headers: *const Header,
    /// How many there are.
    pub headers_len: usize,
    /// The body.
    pub body: Body,
}

/// The receiver of a response, handed over with its request.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Reply {
    /// Its state.
    pub data: *mut c_void,
    /// Its functions.
    pub table: *const ReplyTable,
}

/// What can be done with a [`Reply`]. Each function but `drop` may be called once, and one of them
/// only; without a call the request is answered with 500.
#[repr(C)]
#[derive(Debug)]
pub struct ReplyTable {
    /// See the module.
    pub size: usize,
    /// Answers the request, or refuses the upgrade.
    pub respond: unsafe extern "C" fn(*mut c_void, *const Response),
    /// Takes the connection over; for an upgrade only.
    pub take_over: unsafe extern "C" fn(*mut c_void, TakeOver),
    /// Ends it.
    pub drop: unsafe extern "C" fn(*mut c_void),
}

/// Gets a connection; handed over.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct TakeOver {
    /// Its state.
    pub data: *mut c_void,
    /// Hands the connection over, with the bytes that came in behind the request. Ends it.
    pub call: unsafe extern "C" fn(*mut c_void, Stream, Slice),
    /// Ends it without a connection.
    pub drop: unsafe extern "C" fn(*mut c_void),
}

/// What answers requests or decides about upgrades; handed over.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Handler {
    /// Its state.
    pub data: *mut c_void,
    /// Its functions.
    pub table: *const HandlerTable,
}

/// What can be done with a [`Handler`].
#[repr(C)]
#[derive(Debug)]
pub struct HandlerTable {
    /// See the module.
    pub size: usize,
    /// Whether it answers requests of that method and path: 0 no, 1 yes, 2 when it panicked. Not
    /// called for upgrades.
    pub answers: unsafe extern "C" fn(*mut c_void, Str, Str) -> u32,
    /// Handles a request. It has been answered when the future completes.
    pub handle: unsafe extern "C" fn(*mut c_void, *const Request, Reply) -> Future,
    /// Ends it. Futures of `handle` may outlive it.
    pub drop: unsafe extern "C" fn(*mut c_void),
}
