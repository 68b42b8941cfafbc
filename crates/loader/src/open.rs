//! Opens a library and starts it. From here on its code runs.
#![expect(unsafe_code, reason = "foreign code is called here, and nowhere else in this crate")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ferrowire_core::abi::host::{self, Offer};
use ferrowire_core::abi::{ENTRY, raw};

use crate::Reason;
#[cfg(unix)]
use crate::watch::Watch;

/// What is loaded already: a library starts once, however often it is asked for.
static OPENED: Mutex<Option<HashMap<PathBuf, Offer>>> = Mutex::new(None);

/// Opens and starts the library `file`, which is given `name`.
///
/// # Errors
/// Why it cannot be used. One whose `on_load` hangs is left behind, with the thread that opened it;
/// with one whose constructors hang or fail, the process ends.
pub(crate) fn open(file: &Path, name: &str, limit: Duration) -> Result<Offer, Reason> {
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    let opened = opened.get_or_insert_default();
    if let Some(offer) = opened.get(file) {
        return Ok(offer.clone());
    }
    let (done, result) = mpsc::sync_channel(1);
    let (path, title) = (file.to_owned(), name.to_owned());
    let opening = Arc::new(AtomicBool::new(true));
    let is_opening = Arc::clone(&opening);
    let work = move || {
        // Nobody listens any more when the limit is over.
        let _too_late = done.send(open_now(&path, &title, &is_opening));
    };
    #[cfg(unix)]
    let watch = Watch::over(file, limit);
    // What waiting needs once for a thread is there before a constructor may lock it away.
    let _nothing = result.recv_timeout(Duration::ZERO);
    std::thread::Builder::new()
        .name(format!("load:{name}"))
        .spawn(work)
        .map_err(|error| Reason::System { error: error.to_string() })?;
    let offer = match result.recv_timeout(limit) {
        Ok(result) => result?,
        #[cfg(unix)]
        Err(RecvTimeoutError::Timeout) if opening.load(Ordering::Acquire) => watch.give_up(),
        Err(RecvTimeoutError::Timeout) => return Err(Reason::Hangs { limit }),
        Err(RecvTimeoutError::Disconnected) => {
            let error = "it panicked while it was opened".to_owned();
            return Err(Reason::Damaged { error });
        }
    };
    opened.insert(file.to_owned(), offer.clone());
    Ok(offer)
}

/// Opens and starts it; `opening` is taken back when its constructors have run.
fn open_now(file: &Path, name: &str, opening: &AtomicBool) -> Result<Offer, Reason> {
    let system = |error: libloading::Error| Reason::System { error: one_line(&error) };
    // SAFETY: the file was checked to be a plugin, and plugins are trusted: loading one is what
    // the user asked for.
    let library = unsafe { open_library(file) };
    opening.store(false, Ordering::Release);
    let library = library.map_err(system)?;
    // SAFETY: the symbol has this type in every version of the ABI.
    let entry = unsafe {
        library.get::<unsafe extern "C" fn() -> *const raw::Library>(ENTRY).map_err(system)
    };
    let table = entry.map(|entry| {
        // SAFETY: the entry takes nothing and returns a table that lives for ever.
        unsafe { entry() }
    });
    // Never unloaded, whatever comes now: its constructors have run.
    std::mem::forget(library);
    let path = String::leak(file.display().to_string());
    // SAFETY: the table is the entry's, the library stays, and `OPENED` keeps this to one call.
    Ok(unsafe { host::start(table?, path, name) }?)
}

/// # Safety
/// The library's constructors run.
#[cfg(unix)]
unsafe fn open_library(file: &Path) -> Result<libloading::os::unix::Library, libloading::Error> {
    use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
    // SAFETY: passed on to the caller.
    unsafe { Library::open(Some(file), RTLD_NOW | RTLD_LOCAL) }
}

/// # Safety
/// The library's constructors run.
#[cfg(not(unix))]
unsafe fn open_library(file: &Path) -> Result<libloading::Library, libloading::Error> {
    // SAFETY: passed on to the caller.
    unsafe { libloading::Library::new(file) }
}

fn one_line(error: &libloading::Error) -> String {
    error.to_string().lines().collect::<Vec<_>>().join(" ")
}
