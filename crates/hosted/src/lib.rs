//! Runs Node-RED's npm nodes beside native ones: one flow, two runtimes.
//!
//! A Node.js child runs Node-RED's own runtime with the packages of the user directory. The flows are the
//! same on both sides, and each node runs on one: here, a node of a hosted type is a `node` that passes
//! messages on; there, each native node is a stub that does the same. So the wires of a node are those of
//! the side on which it runs, and catch, status and complete nodes get what happens on either.
//!
//! - `packages` finds the types, without running any code; `placement` says which nodes the child runs.
//! - `supervise` keeps a child running while the flows need one; a `session` is one child.
//! - `outbox` bounds what waits for the child, and `deliveries` takes its messages to native nodes.
//! - `codec` and `records` are the protocol; the other side of it is `child.js`.
//! - `proxy` passes requests on to the routes of packages.
//! - `context` answers what nodes read from contexts.

mod child;
mod codec;
mod context;
mod deliveries;
mod hosted;
mod jobs;
mod known;
pub mod metrics;
mod node;
mod outbox;
mod packages;
mod placement;
mod proxy;
mod records;
mod session;
mod shared;
mod supervise;

pub use hosted::{Hosted, add_types};
pub use jobs::CallError;
pub use known::package_of;
pub use packages::{NodeSet, Packages};
pub use proxy::{Access, Allowed, Proxy};
pub use records::Refused;
pub use shared::{Options, Pace, Tell, Told};
