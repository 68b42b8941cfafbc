//! `Watch`: names the library that ends the process while it is opened.
//!
//! A constructor that panics aborts the process, one that reads a wrong address is killed by a
//! signal, and one may call `exit`. The process cannot be kept alive then, but its last line says why it ends.
//!
//! One that hangs keeps the lock of the system's loader. That lock is needed to open other libraries,
//! to leave the process by `exit`, and by every thread that uses a thread-local variable with a
//! destructor for the first time, so the program cannot continue. The process ends at once.
#![expect(unsafe_code, reason = "signals and exits are the system's")]

use std::path::Path;
use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Duration;

use libc::c_int;

/// The code of a start that failed.
const REFUSED: c_int = 2;

/// What a process dies of that a constructor brings down.
const DEADLY: [c_int; 5] = [libc::SIGABRT, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGSEGV];

/// What to say if the process ends now.
static LAST_WORDS: AtomicPtr<&'static str> = AtomicPtr::new(ptr::null_mut());

/// As long as it is there, an end of the process names the library.
pub(crate) struct Watch {
    before: [(c_int, libc::sigaction); DEADLY.len()],
    stuck: String,
}

impl Watch {
    /// The only one of its time: libraries are opened one after the other. Made before the library
    /// is opened, with the `limit` that it has.
    pub(crate) fn over(file: &Path, limit: Duration) -> Self {
        static AT_EXIT: Once = Once::new();
        AT_EXIT.call_once(|| {
            // SAFETY: a function of this program, which stays. Without it less is said.
            let _registered = unsafe { libc::atexit(at_exit) };
        });
        let words = format!(
            "ferrowire: plugin `{}`: it ended the process while it was loaded, in a constructor or \
             in `on_load`; start without it, and tell its authors\n",
            file.display()
        );
        // Handlers may read it at any time, so it stays; that is a line for each library.
        let words: &'static str = String::leak(words);
        LAST_WORDS.store(Box::leak(Box::new(words)), Ordering::Release);
        let stuck = format!(
            "ferrowire: plugin `{}`: one of its constructors hangs: it did not open within \
             {limit:?}, and nothing else can be loaded; start without it, and tell its authors\n",
            file.display()
        );
        Watch { before: DEADLY.map(|signal| (signal, handle(signal))), stuck }
    }

    /// Ends the process because a constructor hangs.
    pub(crate) fn give_up(&self) -> ! {
        write(&self.stuck);
        // SAFETY: ends the process.
        unsafe { libc::_exit(REFUSED) }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        for (signal, before) in &self.before {
            // SAFETY: what `sigaction` returned for this signal.
            unsafe { libc::sigaction(*signal, before, ptr::null_mut()) };
        }
        LAST_WORDS.store(ptr::null_mut(), Ordering::Release);
    }
}

/// Installs the handler that writes the last line; returns the previous action.
fn handle(signal: c_int) -> libc::sigaction {
    // SAFETY: both are plain data, for which zeros are right: no flags, nothing blocked.
    let (mut before, mut action): (libc::sigaction, libc::sigaction) =
        unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
    let handler: extern "C" fn(c_int) = on_signal;
    action.sa_sigaction = handler as libc::sighandler_t;
    action.sa_flags = libc::SA_ONSTACK;
    // SAFETY: the handler does only what signal handlers may do.
    unsafe { libc::sigaction(signal, &action, &mut before) };
    before
}

/// Writes the last line, if one is set; returns whether there was one.
fn speak() -> bool {
    let words = LAST_WORDS.swap(ptr::null_mut(), Ordering::AcqRel);
    // SAFETY: null, or what was leaked above.
    let Some(words) = (unsafe { words.as_ref() }) else { return false };
    write(words);
    true
}

/// Writes to standard error as signal handlers may.
fn write(text: &str) {
    // SAFETY: the bytes of a string. A closed standard error cannot be reported.
    let _written = unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
}

/// Writes the last line, and restores the default action of the signal.
extern "C" fn on_signal(signal: c_int) {
    speak();
    // SAFETY: may be called in a handler. The fault then occurs again.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
}

extern "C" fn at_exit() {
    if speak() {
        // SAFETY: ends the process, which is what is going on.
        unsafe { libc::_exit(REFUSED) }
    }
}
