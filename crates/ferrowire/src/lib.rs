//! The dependency of node crates.
//!
//! Re-exports the contract of nodes, registers them with [`register!`], and gives a plugin library
//! its entry point for the runtime. Start with the [guide].
//!
//! The feature `expression` adds the evaluation of expressions and typed inputs
//! (`ferrowire::expression`), the feature `sequence` bounded buffering of message sequences
//! (`ferrowire::sequence`).
//!
//! The feature `runtime`, on by default, gives a plugin library a tokio runtime of its own, with one
//! thread. A library whose nodes use no timers, sockets or tasks of tokio is smaller and starts no
//! thread with `default-features = false`; tasks by [`NodeContext::spawn`] run in it as well, since
//! they belong to the host's runtime.

pub mod guide;

mod editor;
mod register;

#[doc(hidden)]
pub use ferrowire_abi as __abi;
#[doc(hidden)]
pub use ferrowire_core as __core;
pub use ferrowire_core::*;
#[cfg(feature = "expression")]
pub use ferrowire_expression as expression;
#[cfg(feature = "sequence")]
pub use ferrowire_sequence as sequence;
