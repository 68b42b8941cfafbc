//! Opens a library and starts it. From here on its code runs.
#![expect(unsafe_code, reason = "foreign code is called here, and nowhere else in this crate")]

use std::collections::HashMap;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ferrowire_core::MutexExt as _;

use crate::host::{self, Offer};
use ferrowire_abi::{ENTRY, raw};

use crate::Reason;
#[cfg(unix)]
use crate::watch::Watch;

/// The loaded libraries. Each starts once, however often it is requested.
static OPENED: Mutex<Option<HashMap<PathBuf, Offer>>> = Mutex::new(None);

/// Opens and starts the library `file`, which is given `name`.
///
/// # Errors
/// Why it cannot be used. One whose `on_load` hangs is left behind, with the thread that opened it;
/// with one whose constructors hang or fail, the process ends.
pub(crate) fn open(file: &Path, name: &str, limit: Duration) -> Result<Offer, Reason> {
    let mut opened = OPENED.locked();
    let opened = opened.get_or_insert_default();
    if let Some(offer) = opened.get(file) {
        return Ok(offer.clone());
    }
    let (path, title) = (file.to_owned(), name.to_owned());
    let attempt = Arc::new(Attempt::default());
    let theirs = Arc::clone(&attempt);
    let work = move || {
        // Starts only when the caller waits: a constructor may hold a lock that the caller needs until then.
        drop(theirs.outcome());
        let outcome = catch_unwind(|| open_now(&path, &title, &theirs.is_open));
        *theirs.outcome() = Some(outcome.unwrap_or_else(|_| {
            Err(Reason::Damaged { error: "it panicked while it was opened".to_owned() })
        }));
        theirs.done.notify_one();
    };
    #[cfg(unix)]
    let watch = Watch::over(file, limit);
    let outcome = attempt.outcome();
    std::thread::Builder::new()
        .name(format!("load:{name}"))
        .spawn(work)
        .map_err(|error| Reason::System { error: error.to_string() })?;
    // Not a channel: waiting for one needs a thread-local variable, and see `Watch` about those.
    let waited = attempt.done.wait_timeout_while(outcome, limit, |outcome| outcome.is_none());
    let (mut outcome, _) = waited.unwrap_or_else(PoisonError::into_inner);
    let offer = match outcome.take() {
        Some(outcome) => outcome?,
        #[cfg(unix)]
        None if !attempt.is_open.load(Ordering::Acquire) => watch.give_up(),
        None => return Err(Reason::Hangs { limit }),
    };
    opened.insert(file.to_owned(), offer.clone());
    Ok(offer)
}

/// A library that is being opened on a separate thread.
#[derive(Default)]
struct Attempt {
    /// Whether its constructors have run.
    is_open: AtomicBool,
    outcome: Mutex<Option<Result<Offer, Reason>>>,
    done: Condvar,
}

impl Attempt {
    fn outcome(&self) -> MutexGuard<'_, Option<Result<Offer, Reason>>> {
        self.outcome.locked()
    }
}

/// Opens and starts it; sets `is_open` when its constructors have run.
fn open_now(file: &Path, name: &str, is_open: &AtomicBool) -> Result<Offer, Reason> {
    let system = |error: libloading::Error| Reason::System { error: one_line(&error) };
    // SAFETY: the file was checked to be a plugin, and plugins are trusted: loading one is what
    // the user asked for.
    let library = unsafe { open_library(file) };
    is_open.store(true, Ordering::Release);
    let library = library.map_err(system)?;
    // SAFETY: the symbol has this type in every version of the ABI.
    let entry = unsafe {
        library.get::<unsafe extern "C" fn() -> *const raw::Library>(ENTRY).map_err(system)
    };
    let table = entry.map(|entry| {
        // SAFETY: the entry takes nothing and returns a table that lives for ever.
        unsafe { entry() }
    });
    // From here on it is never unloaded: its constructors have run.
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
