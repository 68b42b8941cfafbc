//! WebSocket endpoints: the `websocket-listener` and `websocket-client` configuration nodes,
//! their sessions and connections.
//!
//! A connection ([`Connection`]) reads frames, delivers messages to its endpoint, and writes. The
//! endpoints convert them to flow messages and send them over the bus to the `websocket in` nodes
//! that refer to them; messages from `websocket out` nodes take the reverse way.

// From the bottom up: frames, one connection, the two endpoints.
mod frame;
mod deflate;
mod connection;
mod payload;
pub mod metrics;
mod status;
mod events;
pub mod settings;
mod listener;
mod client;

pub use client::Client;
pub use connection::{Connection, Ended, Limits, NotSent, Overflow, Receive};
pub use ferrowire_net::Backlog;
pub use frame::{Close, Payload, Role};
pub use listener::{Listener, accept};
