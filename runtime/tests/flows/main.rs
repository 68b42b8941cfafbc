//! Flows through the real binary, over real sockets.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the harness of a test fails it so")]

mod command_line;
mod dates;
mod deploys;
mod examples;
mod functions;
mod hanging;
mod palette;
mod http_nodes;
mod http_request;
mod structure;
mod support;
mod peer;
mod listener_connections;
mod listener_messages;
mod limits;
mod logs;
mod client_connections;
mod client_messages;

/// The runtime with its default set of plugins.
fn program(command: &str) -> std::process::Command {
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_ferrowire"));
    program.arg(command);
    program
}
