//! The tests of `admin`, through a runtime that was assembled without any plugin and loads them all.

#![expect(clippy::unwrap_used, clippy::panic, reason = "the harness of a test fails it so")]

#[path = "../admin/bad_input.rs"]
mod bad_input;
#[path = "../loaded/built.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod built;
#[path = "../admin/contexts.rs"]
mod contexts;
#[path = "../admin/pages.rs"]
mod pages;
#[path = "../admin/recorded.rs"]
mod recorded;
#[path = "../admin/sessions.rs"]
mod sessions;
#[path = "../admin/support.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod support;
#[path = "../admin/user_directory.rs"]
mod user_directory;

/// The runtime without plugins, which loads those of this workspace.
fn program(command: &str) -> std::process::Command {
    let mut program = std::process::Command::new(built::bare());
    program.arg(command).arg("--plugins").arg(built::plugins());
    program
}
