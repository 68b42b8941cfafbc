//! The flows of `flows`, through a runtime without linked-in plugins that loads them all; and the
//! handling of libraries that cannot be loaded.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the harness of a test fails it so")]

mod alike;
mod built;
#[path = "../../../crates/loader/tests/support/forge.rs"]
mod forge;
mod refused;
mod seen;
mod settings;
mod types;

#[path = "../flows/client_connections.rs"]
mod client_connections;
#[path = "../flows/client_messages.rs"]
mod client_messages;
#[path = "../flows/command_line.rs"]
mod command_line;
#[path = "../flows/dates.rs"]
mod dates;
#[path = "../flows/deploys.rs"]
mod deploys;
#[path = "../flows/examples.rs"]
mod examples;
#[path = "../flows/functions.rs"]
mod functions;
#[path = "../flows/http_nodes.rs"]
mod http_nodes;
#[path = "../flows/http_request.rs"]
mod http_request;
#[path = "../flows/limits.rs"]
mod limits;
#[path = "../flows/listener_connections.rs"]
mod listener_connections;
#[path = "../flows/listener_messages.rs"]
mod listener_messages;
#[path = "../flows/logs.rs"]
mod logs;
#[path = "../flows/palette.rs"]
mod palette;
#[path = "../flows/peer.rs"]
mod peer;
#[path = "../flows/structure.rs"]
mod structure;
#[path = "../flows/support.rs"]
mod support;

use std::process::Command;

/// The runtime without plugins, which loads those of this workspace.
fn program(command: &str) -> Command {
    let mut program = bare();
    program.arg(command).arg("--plugins").arg(built::plugins());
    program
}

/// The runtime without plugins.
fn bare() -> Command {
    let mut program = Command::new(built::bare());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FERROWIRE_") {
            program.env_remove(name);
        }
    }
    program
}
