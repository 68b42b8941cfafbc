//! The functions of the host for a library: configuration nodes and their users.

use std::ffi::c_void;

use ferrowire_abi::slot::Slot;
use ferrowire_abi::{future, message, raw};
use ferrowire_core::Sending;

use super::links::{fallible, or_failure};
use super::table::{answered, rest_of, status_of, way};

pub(super) unsafe extern "C" fn send_to(
    pointer: *const c_void,
    id: raw::Str,
    msg: *mut raw::Message,
    failure: *mut raw::Failure,
) -> raw::Future {
    // SAFETY: a way of this side, an id that is lent, and a message that is handed over.
    let (way, id, msg) = unsafe { (way(pointer), id.get(), message::from_raw(msg)) };
    let sending = fallible(way, || way.cx.send_to(id, msg));
    // SAFETY: the library's place for it.
    let sending = unsafe { or_failure(sending, failure) };
    rest_of(way, sending.unwrap_or_else(Sending::done))
}

pub(super) unsafe extern "C" fn status_of_one(
    pointer: *const c_void,
    id: raw::Str,
    status: *mut raw::Status,
    failure: *mut raw::Failure,
) {
    // SAFETY: a way of this side; id and status are lent for this call.
    let (way, id, status) = unsafe { (way(pointer), id.get(), status_of(status)) };
    let shown = fallible(way, || way.cx.status_of(id, status));
    // SAFETY: the library's place for it.
    unsafe { or_failure(shown, failure) };
}

pub(super) unsafe extern "C" fn ask(
    pointer: *const c_void,
    id: raw::Str,
    request: *mut raw::Message,
    slot: raw::Slot,
) -> raw::Future {
    // SAFETY: a way of this side, an id that is lent; the rest is handed over.
    let (way, id, request, slot) =
        unsafe { (way(pointer), id.get(), message::value_from_raw(request), Slot::new(slot)) };
    let asked = answered(way, None, || Some(way.cx.ask(id, request.unwrap_or_default())));
    let Some(asked) = asked else { return raw::Future::DONE };
    let runtime = way.runtime.clone();
    let answer = async move {
        slot.fill(asked.await?);
        Ok(())
    };
    future::into_raw(Box::pin(answer), move |work| super::table::entered(&runtime, work))
}
