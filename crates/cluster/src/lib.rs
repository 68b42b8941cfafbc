//! Several instances of the runtime work together: the implementation of `ferrowire_core::cluster`.
//!
//! [`Member`] is an instance in its cluster. What connects the members is either NATS (`nats`) or, in
//! tests, memory ([`memory`]); everything else is the same for both.

mod alive;
mod archive;
mod bucket;
mod depot;
mod envelope;
mod incoming;
mod interests;
mod journal;
mod leases;
mod link;
mod member;
pub mod memory;
pub mod metrics;
mod names;
#[cfg(feature = "nats")]
pub mod nats;
mod options;
mod outgoing;
mod presence;
mod questions;

pub use member::Member;
pub use options::{Options, random_name};
