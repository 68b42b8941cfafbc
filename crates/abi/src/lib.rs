//! The C ABI between a runtime and plugins in shared libraries.
//!
//! Authors of nodes never see it: a plugin crate with `crate-type = ["lib", "cdylib"]` has it
//! because it depends on this crate. Both sides of the border are this crate, in two copies that
//! may come from different versions and compilers; nothing but what [`raw`] describes passes
//! between them.
//!
//! # The way in
//!
//! Every library exports one function, [`ENTRY`], which returns its [`raw::Library`]: who it is,
//! and tables of functions. The host calls `init` once with its own table, reads the node types,
//! and from then on treats them like linked ones. A library is never unloaded.
//!
//! Before any of its code runs (constructors do when it is opened), the host reads the same facts
//! from the section [`declaration::SECTION`] of the file.
//!
//! # Versions
//!
//! A library that was built for version *major.minor* loads in every host of the same [`MAJOR`]
//! whose [`MINOR`] is at least its own, whatever compiler, tokio or crate versions either side
//! uses. For as long as the major version stays, no field, function, number or rule that [`raw`]
//! has today changes its meaning or its place. What is added stands at the end of a table and
//! raises the minor version; each table begins with its size, and a side reads only what lies
//! within the size that the other side states.
//!
//! A library that a host cannot take is refused before any of its code runs, with both versions and
//! what to do: its declaration says for which version it was built. The versions of compiler and
//! crate are for people.
//!
//! # Rules
//!
//! - Memory is freed on the side that made it: whatever is handed over carries the function that
//!   releases it. Strings lent for one call are a pointer and a length.
//! - No panic crosses. Every function that runs the code of a node catches panics and returns
//!   them as that node's error, of the kind [`raw::failure::PANIC`].
//! - All functions may be called from any thread, and at the same time for the same node.
//! - Strings are UTF-8, and whoever hands one over vouches for that.
//! - No type of Rust's, tokio's or another crate's crosses.
//!
//! # Messages
//!
//! A message crosses as a [`raw::Message`]: an opaque block of the side that made it. The other
//! side copies nothing until it looks inside, so a node that only passes messages on, as the
//! WebSocket nodes do, never pays for their contents; when the block comes home, the message is
//! taken out of it as it was. Who looks inside walks the properties: numbers and booleans come by
//! value, short strings and buffers are copied, those of at least [`SHARE_FROM`] bytes are shared
//! with their owner, who is told when the last reference is gone.
//!
//! # Futures, wakers, tasks
//!
//! A future crosses as a pointer with `poll` and `drop`, and is polled with a waker of the same
//! shape. tokio keeps its context in thread-local variables, one set for each copy of tokio, so a
//! library has a runtime of its own with one thread, `plugin:<name>`, and enters it whenever its
//! code is called or polled: timers, sockets and `spawn` work on every thread. In return, when a
//! library calls the host from a thread of its own, the host's runtime is entered. Tasks that a
//! node spawns with its context run in the host's runtime and end with the node.
//!
//! # The port
//!
//! What answers requests crosses as a [`raw::port::Handler`]. A request's head is lent for the call
//! that hands it over, its body is handed over and pulled; the answer goes to a
//! [`raw::port::Reply`], before the handler's future is over. Dropping the future drops the
//! request. A connection that is taken over crosses as a [`raw::port::Stream`].
//!
//! # Who owns what
//!
//! | Object | Made by | Ends with |
//! |---|---|---|
//! | node | `build` | `drop` |
//! | the node's way to its host | host, at `bind` | `release`, by the library's last context |
//! | message | whoever sends it | the call that takes it, or its table's `release` |
//! | future | whoever returns it | its table's `drop`, called exactly once |
//! | waker | whoever polls | lent for the poll; a clone ends with `wake` or `drop` |

#![expect(unsafe_code, reason = "the border to shared libraries is C")]

// In reading order: the shapes, then what crosses in them, then the library's half.
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
pub const MINOR: u16 = 0;

/// Strings and buffers of at least this many bytes are shared and not copied.
pub const SHARE_FROM: usize = 1024;

/// Runs what must not unwind into the other side. What is lost by a panic here is the memory of
/// the value that panicked in its destructor, and nothing else.
pub fn contained<T>(work: impl FnOnce() -> T) -> Result<T, Box<dyn std::any::Any + Send>> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(work))
}
