//! The values that nodes evaluate: typed inputs, JSONata, mustache templates, JavaScript's
//! conversions and regular expressions.
//!
//! Everything is compiled once, from a node's configuration, and evaluated for each message within
//! documented limits. JSONata, regular expressions and dates as text are services of the program
//! that runs the node ([`ferrowire_core::language`]), so that libraries do not contain them.

// From the bottom up.
pub mod javascript;
pub mod regexp;
pub mod mustache;
pub mod jsonata;
mod typed;

#[cfg(test)]
use ferrowire_languages as _;

pub use jsonata::{InvalidJsonata, Jsonata};
pub use typed::{InvalidTyped, TypedValue};
