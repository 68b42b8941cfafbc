//! `cargo xtask deny`: checks the dependencies by the rules in `deny.toml`.

use std::process::Stdio;

use anyhow::Result;

use crate::cargo::{cargo, succeed};

/// What needs no network: advisories need the database of RustSec.
const CHECKS: [&str; 3] = ["bans", "licenses", "sources"];

/// Runs cargo-deny where it is installed.
pub(crate) fn run() -> Result<()> {
    let mut version = cargo(&["deny", "--version"]);
    let status = version.stdout(Stdio::null()).stderr(Stdio::null()).status();
    if status.is_ok_and(|status| status.success()) {
        let mut deny =
            cargo(&["deny", "--workspace", "--locked", "check", "--hide-inclusion-graph"]);
        return succeed(deny.args(CHECKS));
    }
    println!(
        "skipping the rules of deny.toml; install cargo-deny with `cargo install --locked cargo-deny`"
    );
    Ok(())
}
