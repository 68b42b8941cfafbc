//! The library's own tokio runtime, for the timers, sockets and tasks that its nodes create.
//!
//! tokio keeps its context in thread-local variables, one set for each copy of tokio, so the host's
//! runtime cannot serve a library. A library without the feature `runtime` starts no thread and
//! contains no scheduler; creating a timer, a socket or a task of tokio panics in it.

use std::cell::Cell;

use ferrowire_core::NodeError;

pub(super) use own::{Own, THREADS, is_own_thread};

thread_local!(static ENTERED: Cell<bool> = const { Cell::new(false) });

/// Whether code of nodes has run on this thread.
pub(super) fn is_entered() -> bool {
    ENTERED.get()
}

/// Runs the code of a node inside of this library's runtime, on any thread.
pub(super) fn entered<T>(work: impl FnOnce() -> T) -> T {
    if !ENTERED.replace(true) {
        super::started().runtime.enter();
    }
    work()
}

#[cfg(feature = "runtime")]
mod own {
    use tokio::runtime::{Builder, Runtime};

    use super::NodeError;

    /// The number of threads of a library's runtime. Its nodes handle messages on the host's threads.
    pub(in crate::guest) const THREADS: usize = 1;

    /// What the names of the threads begin with.
    const THREAD: &str = "plugin:";

    pub(in crate::guest) struct Own(Runtime);

    impl Own {
        /// Starts the runtime of the library `name`.
        pub(in crate::guest) fn start(name: &str) -> Result<Self, NodeError> {
            let runtime = Builder::new_multi_thread()
                .worker_threads(THREADS)
                .thread_name(format!("{THREAD}{name}"))
                .enable_all()
                .build();
            let failed = |error| NodeError::caused_by("cannot start the plugin's thread", error);
            runtime.map(Own).map_err(failed)
        }

        /// Enters the runtime on this thread, for good: no other runtime uses this library's copy
        /// of tokio, and an entry costs more than the call of a small node.
        pub(in crate::guest) fn enter(&self) {
            std::mem::forget(self.0.enter());
        }
    }

    /// Whether this is a thread of this library's runtime.
    pub(in crate::guest) fn is_own_thread() -> bool {
        std::thread::current().name().is_some_and(|name| name.starts_with(THREAD))
    }
}

#[cfg(not(feature = "runtime"))]
mod own {
    use super::NodeError;

    pub(in crate::guest) const THREADS: usize = 0;

    pub(in crate::guest) struct Own;

    impl Own {
        #[expect(clippy::unnecessary_wraps, reason = "the runtime of the other form may not start")]
        pub(in crate::guest) fn start(_: &str) -> Result<Self, NodeError> {
            Ok(Own)
        }

        pub(in crate::guest) fn enter(&self) {}
    }

    pub(in crate::guest) fn is_own_thread() -> bool {
        false
    }
}
