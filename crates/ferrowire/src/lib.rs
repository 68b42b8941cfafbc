//! The one crate that a crate with nodes depends on.
//!
//! It re-exports the contract of nodes, registers them with [`register!`], and gives a plugin
//! library the entry through which a runtime loads it. The [guide] goes through it step by step.
//!
//! The feature `expression` adds what nodes evaluate (`ferrowire::expression`), the feature
//! `sequence` bounded waiting for sequences of messages (`ferrowire::sequence`).

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
