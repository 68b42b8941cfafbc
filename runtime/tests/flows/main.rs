//! Flows through the real binary, over real sockets.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the harness of a test fails it so")]

mod command_line;
mod examples;
mod structure;
mod support;
mod peer;
mod listener_connections;
mod listener_messages;
mod client_connections;
mod client_messages;
