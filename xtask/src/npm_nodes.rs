//! `cargo xtask npm-nodes`: tests nodes from npm beside native ones.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use crate::{cargo, npm};

/// Node-RED's runtime and the packages of the tests, with the versions in its lock file.
const FOLDER: &str = "crates/hosted/tests/packages";

/// What is missing where the tests cannot run.
pub(crate) const MISSING: &str = "they require Node.js 18 or later, with npm";

/// Runs the tests; fails if they cannot run.
pub(crate) fn command() -> Result<()> {
    ensure!(run()?, "the tests of nodes from npm cannot run: {MISSING}");
    Ok(())
}

/// Runs the tests if npm is installed; returns whether it is.
pub(crate) fn run() -> Result<bool> {
    if !npm::is_there() {
        return Ok(false);
    }
    install()?;
    cargo::succeed(&mut cargo::cargo(&TESTS))?;
    Ok(true)
}

/// Installs the packages; returns their folder.
pub(crate) fn install() -> Result<PathBuf> {
    npm::install(FOLDER)?;
    Ok(cargo::root().join(FOLDER))
}

/// Checks the code of the tests.
pub(crate) fn check() -> Result<()> {
    let tests = ["clippy", "-p", "ferrowire-runtime", "--test", "npm", "--", "--deny", "warnings"];
    cargo::succeed(&mut cargo::cargo(&tests))
}

/// The tests, which `cargo test` leaves out unless they are named.
const TESTS: [&str; 5] = ["test", "--package", "ferrowire-runtime", "--test", "npm"];
