//! The dependency of node crates.
//!
//! Re-exports the contract of nodes, registers them with [`register!`], and gives a plugin library
//! its entry point for the runtime. Start with the [guide].
//!
//! The feature `expression` adds the evaluation of expressions and typed inputs
//! (`ferrowire::expression`), the feature `sequence` bounded buffering of message sequences
//! (`ferrowire::sequence`).

pub mod guide;

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
