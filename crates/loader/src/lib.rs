//! Plugins in shared libraries: found, checked, loaded, and made node types of.
//!
//! # Entry points
//!
//! - [`inspect`] reads what a file says of itself, running none of its code.
//! - [`load`] loads what [`Request`]s name into a [`Registry`](ferrowire_core::Registry). From
//!   there on nobody can tell loaded node types from linked ones.
//!
//! # What is not here
//!
//! The border that calls cross is `ferrowire_core::abi`. Nothing is unloaded, ever: threads,
//! thread-local variables and vtables of a library may be in use until the process ends. A loaded
//! library is trusted as the program itself is: it can do whatever the process can.

// In reading order.
mod inspect;
mod load;
mod open;
mod reason;

pub use inspect::{Inspection, inspect};
pub use load::{Kind, Loaded, Report, Request, is_free, load};
pub use reason::{Reason, Refused};
