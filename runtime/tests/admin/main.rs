//! The admin API and the user directory, through the real binary.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the harness of a test fails it so")]

mod support;
mod access;
mod sessions;
mod recorded;
mod bad_input;
mod crashes;
mod instances;
mod links;
mod contexts;
mod user_directory;
mod pages;

/// The runtime with its default set of plugins.
fn program(command: &str) -> std::process::Command {
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_ferrowire"));
    program.arg(command);
    program
}
