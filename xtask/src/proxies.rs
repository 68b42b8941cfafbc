//! `cargo xtask proxies`: tests the configurations of `docs/proxies.md` with the real servers.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::cargo;

/// The servers, where Debian's packages nginx, haproxy and apache2 install them.
const SERVERS: [&str; 3] = ["/usr/sbin/nginx", "/usr/sbin/haproxy", "/usr/sbin/apache2"];

/// What is missing where the tests cannot run.
pub(crate) const MISSING: &str =
    "they require nginx, HAProxy and Apache in `/usr/sbin`, as Debian installs them";

/// Runs the tests; fails if they cannot run.
pub(crate) fn command() -> Result<()> {
    ensure!(run()?, "the tests of proxies cannot run: {MISSING}");
    Ok(())
}

/// Runs the tests if the servers are installed; returns whether they are.
pub(crate) fn run() -> Result<bool> {
    if !SERVERS.iter().all(|server| Path::new(server).exists()) {
        return Ok(false);
    }
    cargo::succeed(&mut cargo::cargo(&TESTS))?;
    Ok(true)
}

/// The tests, which `cargo test` leaves out unless they are named.
const TESTS: [&str; 5] = ["test", "--package", "ferrowire-runtime", "--test", "proxies"];
