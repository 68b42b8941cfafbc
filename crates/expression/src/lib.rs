//! The values that nodes evaluate: typed inputs, JSONata, mustache templates, JavaScript's
//! conversions and regular expressions.
//!
//! Everything is compiled once, from a node's configuration, and evaluated for each message within
//! documented limits.

// From the bottom up.
pub mod javascript;
pub mod regexp;
pub mod mustache;
pub mod jsonata;
mod typed;

pub use jsonata::{InvalidJsonata, Jsonata};
pub use typed::{InvalidTyped, TypedValue};
