//! What nodes evaluate: typed inputs, JSONata, mustache templates, JavaScript's rules for
//! values, its regular expressions.
//!
//! Everything is compiled once, from a node's configuration, and evaluated for each message within
//! bounds that its documentation states.

// In reading order.
pub mod javascript;
pub mod regexp;
pub mod mustache;
pub mod jsonata;
mod typed;

pub use jsonata::{InvalidJsonata, Jsonata};
pub use typed::{InvalidTyped, TypedValue};
