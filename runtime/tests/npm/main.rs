//! Nodes from npm beside native ones, through the real binary. `cargo xtask npm-nodes` installs the
//! packages and runs these tests, which need Node.js.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the harness of a test fails it so")]

mod contexts;
mod deaths;
mod deploys;
mod functions;
mod in_process;
mod installed;
mod misbehaviour;
mod packages;
mod pressure;
mod routes;
mod services;
mod structure;
mod traces;
mod values;
#[path = "../flows/collector.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod collector;
#[path = "../flows/support.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;

/// The runtime with its default set of plugins.
fn program(command: &str) -> std::process::Command {
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_ferrowire"));
    program.arg(command);
    program
}
