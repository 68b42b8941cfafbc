//! The functions of the host for a library: contexts.

use std::ffi::c_void;

use super::links::{fallible, or_failure};
use super::table::way;
use ferrowire_abi::{message, raw};
use ferrowire_core::{NodeError, PropertyPath, Scope, Value};

/// A place, taken over.
struct Place<'a> {
    scope: Scope,
    store: &'a str,
    path: Option<PropertyPath>,
}

impl<'a> Place<'a> {
    /// # Safety
    /// `place` must be lent by the library during `'a`, apart from what it hands over.
    unsafe fn take(place: *const raw::Place) -> Self {
        // SAFETY: as above.
        let raw = unsafe { &*place };
        let scope = match raw.scope {
            0 => Scope::Node,
            1 => Scope::Flow,
            _ => Scope::Global,
        };
        // SAFETY: lent, and the rest of the path is handed over.
        let (store, first, rest) =
            unsafe { (raw.store.get(), raw.first.get(), message::value_from_raw(raw.rest)) };
        let path = match &rest {
            None => PropertyPath::from_values(first, &[]),
            Some(Value::Array(rest)) => PropertyPath::from_values(first, rest),
            Some(_) => None,
        };
        Place { scope, store, path }
    }

    fn path(&self) -> Result<&PropertyPath, NodeError> {
        self.path.as_ref().ok_or_else(|| NodeError::new("the path is damaged"))
    }
}

pub(super) unsafe extern "C" fn get(
    pointer: *const c_void,
    place: *const raw::Place,
    failure: *mut raw::Failure,
) -> *mut raw::Message {
    // SAFETY: a way of this side, and a place that is lent for this call.
    let (way, place) = unsafe { (way(pointer), Place::take(place)) };
    let value =
        fallible(way, || way.cx.context(place.scope).in_store(place.store).get(place.path()?));
    // SAFETY: the library's place for it.
    let value = unsafe { or_failure(value, failure) }.flatten();
    value.map_or(std::ptr::null_mut(), message::value_into_raw)
}

pub(super) unsafe extern "C" fn set(
    pointer: *const c_void,
    place: *const raw::Place,
    value: *mut raw::Message,
    failure: *mut raw::Failure,
) {
    // SAFETY: a way of this side, a place that is lent, and a value that is handed over.
    let (way, place, value) =
        unsafe { (way(pointer), Place::take(place), message::value_from_raw(value)) };
    let set = fallible(way, || {
        way.cx.context(place.scope).in_store(place.store).set(place.path()?, value)
    });
    // SAFETY: the library's place for it.
    unsafe { or_failure(set, failure) };
}

pub(super) unsafe extern "C" fn keys(
    pointer: *const c_void,
    place: *const raw::Place,
    failure: *mut raw::Failure,
) -> *mut raw::Message {
    // SAFETY: a way of this side, and a place that is lent for this call.
    let (way, place) = unsafe { (way(pointer), Place::take(place)) };
    let keys = fallible(way, || way.cx.context(place.scope).in_store(place.store).keys());
    // SAFETY: the library's place for it.
    let keys = unsafe { or_failure(keys, failure) };
    let names = |keys: Vec<ferrowire_core::Key>| -> Value {
        keys.iter().map(|key| Value::from(key.as_str())).collect::<Vec<_>>().into()
    };
    keys.map_or(std::ptr::null_mut(), |keys| message::value_into_raw(names(keys)))
}
