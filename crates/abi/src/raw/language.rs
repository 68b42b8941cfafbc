//! The host's languages of expressions; see [`ferrowire_core::language`]. Since 2.1.

use std::ffi::c_void;

/// A JSONata expression.
pub const JSONATA: u32 = 0;
/// A regular expression of JavaScript.
pub const REGEXP: u32 = 1;
/// The same with the flag `i`.
pub const REGEXP_I: u32 = 2;

/// Takes the groups of a match, one after another, the whole match first.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// For the caller.
    pub data: *mut c_void,
    /// Takes the first byte of a group and the byte after it; both are `usize::MAX` for a group
    /// that did not participate.
    pub group: unsafe extern "C" fn(*mut c_void, usize, usize),
}
