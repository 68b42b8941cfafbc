//! Gives workers away for nodes of a library.

use std::ffi::c_void;

use ferrowire_abi::contained;
use ferrowire_core::bus;

pub(super) unsafe extern "C" fn run_aside(
    work: unsafe extern "C" fn(*mut c_void),
    data: *mut c_void,
) {
    // SAFETY: the library's function with its data.
    let _contained = contained(|| bus::run_aside(|| unsafe { work(data) }));
}

pub(super) unsafe extern "C" fn is_aside() -> u32 {
    contained(bus::is_aside).unwrap_or(true).into()
}
