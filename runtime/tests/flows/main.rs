//! Flows through the real binary, over real sockets.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the harness of a test fails it so")]

mod access;
mod access_flow;
mod access_keys;
mod command_line;
mod collector;
mod compression;
mod dates;
mod deflating;
mod deploys;
mod draining;
mod examples;
mod examples_sources;
mod functions;
mod hanging;
mod palette;
mod http_functions;
mod http_nodes;
mod http_request;
mod structure;
mod support;
mod switchboard;
mod systemd;
#[path = "../../../crates/websocket/tests/tokens/mod.rs"]
mod tokens;
mod talking;
mod traces;
mod traces_elsewhere;
mod upgrading;
mod peer;
mod listener_connections;
mod listener_messages;
mod websocket_alive;
mod websocket_history;
mod websocket_slow;
mod limits;
mod log_levels;
mod logs;
mod mqtt;
mod openmetrics;
mod operation;
mod operation_docs;
mod operation_nodes;
mod sockets;
mod client_connections;
mod client_messages;
mod websocket_rooms;
mod websocket_sessions;
mod client_reconnects;
mod client_queue;
mod client_events;
mod client_heartbeat;

/// The runtime with its default set of plugins.
fn program(command: &str) -> std::process::Command {
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_ferrowire"));
    program.arg(command);
    program
}
