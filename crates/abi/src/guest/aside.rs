//! The workers of the host, which a library's node gives away before something that takes long.

use std::any::Any;
use std::ffi::c_void;
use std::panic::resume_unwind;

use ferrowire_core::bus::Workers;

use super::host_table;
use crate::contained;

/// The host's workers.
pub(super) struct Remote;

/// Work that the host calls, and its panic.
struct Work<'a> {
    work: &'a mut dyn FnMut(),
    panic: Option<Box<dyn Any + Send>>,
}

impl Workers for Remote {
    fn run_aside(&self, work: &mut dyn FnMut()) {
        let mut work = Work { work, panic: None };
        // SAFETY: the host calls the function with its data before it returns.
        unsafe { (host_table().run_aside)(call, (&raw mut work).cast()) };
        if let Some(panic) = work.panic {
            resume_unwind(panic);
        }
    }

    fn is_aside(&self) -> bool {
        // SAFETY: a function without arguments.
        unsafe { (host_table().is_aside)() != 0 }
    }
}

unsafe extern "C" fn call(work: *mut c_void) {
    // SAFETY: what `run_aside` passed to the host.
    let work = unsafe { &mut *work.cast::<Work<'_>>() };
    work.panic = contained(|| (work.work)()).err();
}
