//! Plugins in shared libraries: finds, checks and loads them, and registers their node types.
//!
//! # Entry points
//!
//! - [`inspect`] reads the declaration in a file, without running its code.
//! - [`find`] inspects the libraries of [`Request`]s, so that their settings are known before any code runs.
//! - [`Found::load`] loads them into a [`Registry`](ferrowire_core::Registry). From then on, loaded
//!   node types are used like linked ones.
//!
//! # Limits
//!
//! Constructors of a library run when the system opens it, before errors can be caught. One that panics or
//! crashes ends the process. So does one that hangs, after a time limit, because it keeps a lock that the
//! whole process needs. The last line on standard error names the library, whether it is required or not.
//! [`inspect`] runs no constructors, so it cannot detect this.
//!
//! Calls cross the border in `ferrowire_abi`. Libraries are never unloaded: their threads, thread-local
//! variables and vtables may be in use until the process ends. A loaded library is trusted like the program
//! itself: it can do anything that the process can.

//!
//! # Measuring and checking
//!
//! - `cargo run --release -p ferrowire-loader --example crossing -- LIBRARY TYPE`: the cost of a
//!   crossing, for a type whose nodes pass messages on.
//! - A flow with linked and with loaded plugins: `ferrowire run FLOWS` beside the same runtime
//!   without plugins, `bare run FLOWS --plugins DIR` (`cargo build --release -p ferrowire-runtime
//!   --example bare`, and `cargo build --release -p PLUGIN` for each library).
//! - `cargo xtask memory`: the tests of loaded nodes under valgrind's memcheck, and those of the
//!   ABI alone under Miri.

// In reading order.
mod inspect;
#[expect(unsafe_code, reason = "the border to shared libraries is C")]
mod host;
mod load;
mod open;
mod reason;
mod settings;
#[cfg(unix)]
mod watch;

/// The version of the ABI that libraries are loaded with: major and minor.
pub const ABI: (u16, u16) = (ferrowire_abi::MAJOR, ferrowire_abi::MINOR);

pub use inspect::{Inspection, inspect};
pub use load::{Found, Kind, Loaded, Report, Request, find, is_free};
pub use reason::{Reason, Refused};
