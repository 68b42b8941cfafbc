//! Plugins in shared libraries: found, checked, loaded, and made node types of.
//!
//! # Entry points
//!
//! - [`inspect`] reads what a file says of itself, running none of its code.
//! - [`find`] inspects what [`Request`]s name: their settings are known before any code runs.
//! - [`Found::load`] loads them into a [`Registry`](ferrowire_core::Registry). From there on loaded
//!   node types are used like linked ones.
//!
//! # What is not here
//!
//! Constructors of a library run when the system opens it, before anything can be caught: one that
//! panics, or does worse, ends the process, and so does one that hangs, after its time: it keeps a
//! lock that the whole process needs. Required or not, the last line on standard error names the
//! library. [`inspect`] runs no constructor and so cannot tell.
//!
//! The border that calls cross is `ferrowire_abi`. Nothing is unloaded, ever: threads,
//! thread-local variables and vtables of a library may be in use until the process ends. A loaded
//! library is trusted as the program itself is: it can do whatever the process can.

//!
//! # Measuring and checking
//!
//! - `cargo run --release -p ferrowire-loader --example crossing -- LIBRARY TYPE`: the cost of a
//!   crossing, for a type whose nodes hand messages on.
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

pub use inspect::{Inspection, inspect};
pub use load::{Found, Kind, Loaded, Report, Request, find, is_free};
pub use reason::{Reason, Refused};
