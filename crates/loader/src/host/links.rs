//! The functions of the host for a library: messages other than over wires.

use std::ffi::c_void;

use super::node::error_in;
use super::table::{Way, answered, rest_of, way};
use ferrowire_abi::failure::Failed;
use ferrowire_abi::{message, raw};
use ferrowire_core::{NodeError, Sending};

pub(super) unsafe extern "C" fn wired(pointer: *const c_void, port: usize) -> u32 {
    // SAFETY: a way of this side.
    let way = unsafe { way(pointer) };
    answered(way, false, || way.cx.wired(port)).into()
}

pub(super) unsafe extern "C" fn deliver(
    pointer: *const c_void,
    id: raw::Str,
    message: *mut raw::Message,
    failure: *mut raw::Failure,
) -> raw::Future {
    // SAFETY: a way of this side, an id that is lent, and a message that is handed over.
    let (way, id, msg) = unsafe { (way(pointer), id.get(), message::from_raw(message)) };
    let sending = fallible(way, || way.cx.deliver(id, msg));
    // SAFETY: the library's place for it.
    let sending = unsafe { or_failure(sending, failure) };
    rest_of(way, sending.unwrap_or_else(Sending::done))
}

pub(super) unsafe extern "C" fn find_linked(
    pointer: *const c_void,
    name: raw::Str,
    failure: *mut raw::Failure,
) -> raw::OwnedStr {
    // SAFETY: a way of this side, and a name that is lent for this call.
    let (way, name) = unsafe { (way(pointer), name.get()) };
    let found = fallible(way, || way.cx.find_linked(name));
    // SAFETY: the library's place for it.
    unsafe { or_failure(found, failure) }.map_or(raw::OwnedStr::NONE, raw::OwnedStr::new)
}

pub(super) unsafe extern "C" fn failed_with(
    pointer: *const c_void,
    failure: raw::Failure,
    message: *mut raw::Message,
) -> raw::Future {
    // SAFETY: a way of this side; failure and message are handed over.
    let (way, failed, msg) =
        unsafe { (way(pointer), Failed::from_raw(failure), message::from_raw(message)) };
    let failed = failed.unwrap_or_else(Failed::unknown);
    let first = failed.first;
    let error = error_in("a task", way.plugin, failed);
    let sending = answered(way, Sending::done(), || match first {
        true => way.cx.fail_first(error, msg),
        false => way.cx.fail_with(error, msg),
    });
    rest_of(way, sending)
}

pub(super) unsafe extern "C" fn completed(
    pointer: *const c_void,
    message: *mut raw::Message,
) -> raw::Future {
    // SAFETY: a way of this side, and a message that is handed over.
    let (way, msg) = unsafe { (way(pointer), message::from_raw(message)) };
    let sending = answered(way, Sending::done(), || way.cx.complete(msg));
    rest_of(way, sending)
}

/// As [`answered`], for what may fail.
pub(super) fn fallible<T>(
    way: &Way,
    work: impl FnOnce() -> Result<T, NodeError>,
) -> Result<T, NodeError> {
    answered(way, None, || Some(work())).unwrap_or_else(|| Err("the runtime failed".into()))
}

/// The value, or `None` with the failure handed over.
///
/// # Safety
/// `failure` must be the library's place for it.
pub(super) unsafe fn or_failure<T>(
    result: Result<T, NodeError>,
    failure: *mut raw::Failure,
) -> Option<T> {
    // SAFETY: as above.
    result.map_err(|error| unsafe { failure.write(Failed::from(error).into_raw()) }).ok()
}
