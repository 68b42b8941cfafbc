//! The C ABI between a runtime and plugins in shared libraries.
//!
//! Authors of nodes do not use it directly: a plugin crate with `crate-type = ["lib", "cdylib"]` gets it
//! by its dependency on this crate. Both sides of the border are copies of this crate, which may have
//! different versions and come from different compilers. Only the types in [`raw`] pass between them.
//!
//! # Entry point
//!
//! Every library exports one function, [`ENTRY`], which returns its [`raw::Library`]: its name and
//! version, and tables of functions. The host calls `init` once with its own table, reads the node types,
//! and from then on treats them like linked ones. A library is never unloaded.
//!
//! Before any of its code runs (constructors do when it is opened), the host reads the same facts
//! from the section [`declaration::SECTION`] of the file.
//!
//! # Versions
//!
//! A library that was built for version *major.minor* loads in every host of the same [`MAJOR`]
//! whose [`MINOR`] is at least its own, with any compiler, tokio and crate versions on either
//! side. Within a major version, no field, function, number or rule in [`raw`] changes its meaning or its
//! place. Additions are appended to a table and raise the minor version. Each table begins with its size,
//! and a side reads only fields within the size that the other side states.
//!
//! A library of another version is refused before any of its code runs: its declaration has the version that
//! it was built for. The error names both versions and what to do. The versions of compiler and crate are
//! informative.
//!
//! # Rules
//!
//! - Memory is freed by the side that allocated it: everything that is handed over carries the function
//!   that releases it. Strings lent for one call are a pointer and a length.
//! - No panic crosses. Every function that runs the code of a node catches panics and returns
//!   them as that node's error, of the kind [`raw::failure::PANIC`].
//! - All functions may be called from any thread, and at the same time for the same node.
//! - Strings are UTF-8, which the side that hands one over guarantees.
//! - No type of Rust, tokio or another crate crosses.
//!
//! # Messages
//!
//! A message crosses as a [`raw::Message`]: an opaque block of the side that created it. The other
//! side copies nothing until it reads properties, so passing a message on, as the WebSocket nodes do,
//! costs nothing for its contents. A block that returns to its own side is the original message again.
//! A library hands over messages that have a `_msgid`, and says so since 2.1; another message is copied
//! at each node that it passes, to see whether it has one.
//! Properties are read one by one: numbers and booleans by value, short strings and buffers as copies.
//! Those of at least [`SHARE_FROM`] bytes are shared; the owner is notified when the last reference is
//! dropped.
//!
//! # Futures, wakers, tasks
//!
//! A future crosses as a pointer with `poll` and `drop`, and is polled with a waker of the same
//! shape. tokio keeps its context in thread-local variables, one set for each copy of tokio, so a
//! library has its own runtime with one thread, `plugin:<name>`, and enters it whenever its
//! code is called or polled: timers, sockets and `spawn` work on every thread. A library that is
//! built without the feature `runtime` has none, and can use none of these. In return, when a
//! library calls the host from one of its own threads, the host's runtime is entered. Tasks that a
//! node spawns with its context run in the host's runtime and end with the node.
//!
//! # The port
//!
//! A handler of requests crosses as a [`raw::port::Handler`]. A request's head is lent for the call; its
//! body is handed over and pulled. The response goes to a [`raw::port::Reply`] before the handler's future
//! completes. Dropping the future drops the
//! request. A connection that is taken over crosses as a [`raw::port::Stream`].
//!
//! # Ownership
//!
//! | Object | Made by | Ends with |
//! |---|---|---|
//! | node | `build` | `drop` |
//! | the node's handle of its host | host, at `bind` | `release`, by the library's last context |
//! | message | the sender | the call that takes it, or its table's `release` |
//! | future | the side that returns it | its table's `drop`, called exactly once |
//! | waker | the side that polls | lent for the poll; a clone ends with `wake` or `drop` |

#![expect(unsafe_code, reason = "the border to shared libraries is C")]

// In reading order: the types, then the conversions, then the library's side.
pub mod declaration;
pub mod raw;

pub mod bytes;
pub mod message;
pub mod failure;
pub mod waker;
pub mod future;
pub mod slot;
pub mod users;
pub mod settings;
pub mod stream;
pub mod http;

mod guest;

#[cfg(test)]
mod tests;

/// The function that every library exports: `extern "C" fn() -> *const raw::Library`.
pub const ENTRY: &str = "ferrowire_plugin";

/// `FERROWIR`, the first field of [`raw::Library`].
pub const MAGIC: u64 = u64::from_le_bytes(*b"FERROWIR");

/// The version that both sides must have in common.
pub const MAJOR: u16 = 2;

/// What was added since; see the fields that [`raw`] marks with a version.
pub const MINOR: u16 = 2;

/// Strings and buffers of at least this many bytes are shared and not copied.
pub const SHARE_FROM: usize = 1024;

/// Runs code that must not unwind into the other side. If a destructor panics, only the memory of its value
/// leaks.
pub fn contained<T>(work: impl FnOnce() -> T) -> Result<T, Box<dyn std::any::Any + Send>> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work))
}
