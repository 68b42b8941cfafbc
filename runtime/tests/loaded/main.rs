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

#[path = "../flows/access.rs"]
mod access;
#[path = "../flows/access_flow.rs"]
mod access_flow;
#[path = "../flows/access_keys.rs"]
mod access_keys;
#[path = "../flows/client_connections.rs"]
mod client_connections;
#[path = "../flows/client_events.rs"]
mod client_events;
#[path = "../flows/client_heartbeat.rs"]
mod client_heartbeat;
#[path = "../flows/client_messages.rs"]
mod client_messages;
#[path = "../flows/client_queue.rs"]
mod client_queue;
#[path = "../flows/client_reconnects.rs"]
mod client_reconnects;
#[path = "../flows/command_line.rs"]
mod command_line;
#[path = "../flows/compression.rs"]
mod compression;
#[path = "../flows/dates.rs"]
mod dates;
#[path = "../flows/deflating.rs"]
mod deflating;
#[path = "../flows/deploys.rs"]
mod deploys;
#[path = "../flows/draining.rs"]
mod draining;
#[path = "../flows/examples.rs"]
mod examples;
#[path = "../flows/examples_sources.rs"]
mod examples_sources;
#[path = "../flows/functions.rs"]
mod functions;
#[path = "../flows/hanging.rs"]
mod hanging;
#[path = "../flows/http_functions.rs"]
mod http_functions;
#[path = "../flows/http_nodes.rs"]
mod http_nodes;
#[path = "../flows/http_request.rs"]
mod http_request;
#[path = "../flows/limits.rs"]
mod limits;
#[path = "../flows/listener_connections.rs"]
mod listener_connections;
#[path = "../flows/mqtt.rs"]
mod mqtt;
#[path = "../flows/sockets.rs"]
mod sockets;
#[path = "../flows/websocket_alive.rs"]
mod websocket_alive;
#[path = "../flows/websocket_history.rs"]
mod websocket_history;
#[path = "../flows/websocket_slow.rs"]
mod websocket_slow;
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
#[path = "../flows/switchboard.rs"]
mod switchboard;
#[path = "../../../crates/websocket/tests/tokens/mod.rs"]
mod tokens;
#[path = "../flows/websocket_rooms.rs"]
mod websocket_rooms;
#[path = "../flows/websocket_sessions.rs"]
mod websocket_sessions;

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
