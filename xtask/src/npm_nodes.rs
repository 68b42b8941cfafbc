//! `cargo xtask npm-nodes`: tests nodes from npm with Node.js and real packages.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::cargo;

/// Where the packages are, with their versions in a lock file.
const FOLDER: &str = "crates/hosted/tests/packages";

/// What is missing where the tests cannot run.
pub(crate) const MISSING: &str = "they require Node.js and npm";

/// Runs the tests; fails if they cannot run.
pub(crate) fn command() -> Result<()> {
    ensure!(run()?, "the tests of nodes from npm cannot run: {MISSING}");
    Ok(())
}

/// Runs the tests if Node.js and npm are installed; returns whether they are.
pub(crate) fn run() -> Result<bool> {
    if !["node", "npm"].into_iter().all(is_installed) {
        return Ok(false);
    }
    install()?;
    cargo::succeed(&mut cargo::cargo(&TESTS))?;
    Ok(true)
}

/// Checks the code of the tests.
pub(crate) fn check() -> Result<()> {
    let tests = ["clippy", "--package", "ferrowire-runtime", "--test", "npm"];
    cargo::succeed(cargo::cargo(&tests).args(["--", "--deny", "warnings"]))
}

/// The tests, which `cargo test` leaves out unless they are named.
const TESTS: [&str; 5] = ["test", "--package", "ferrowire-runtime", "--test", "npm"];

fn is_installed(program: &str) -> bool {
    let version = Command::new(program).arg("--version").stdout(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

/// Installs the packages, unless the versions in the lock file are already installed.
fn install() -> Result<()> {
    let folder = cargo::root().join(FOLDER);
    let wanted = fs::read(folder.join("package-lock.json"))?;
    // A copy of the lock file, written after a complete installation.
    let stamp = folder.join("node_modules/.ferrowire-fetched");
    if fs::read(&stamp).is_ok_and(|fetched| fetched == wanted) {
        return Ok(());
    }
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    cargo::succeed(Command::new("npm").args(arguments).current_dir(&folder))?;
    fs::write(&stamp, wanted).with_context(|| format!("could not write `{}`", stamp.display()))
}
