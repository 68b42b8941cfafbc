//! `cargo xtask proxies`, `brokers` and `nats`: tests with real servers, which Debian's packages install.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::cargo;

/// Tests with real servers. `cargo test` leaves them out unless they are named.
pub(crate) struct ServerTests {
    /// What is tested.
    pub(crate) name: &'static str,
    /// Where Debian's packages install the servers.
    servers: &'static [&'static str],
    /// The packages of the tests, and their names.
    tests: &'static [(&'static str, &'static str)],
    /// What is missing where the tests cannot run.
    pub(crate) missing: &'static str,
}

/// The configurations of `docs/proxies.md`.
pub(crate) const PROXIES: ServerTests = ServerTests {
    name: "proxies",
    servers: &["/usr/sbin/nginx", "/usr/sbin/haproxy", "/usr/sbin/apache2"],
    tests: &[("ferrowire-runtime", "proxies")],
    missing: "they require nginx, HAProxy and Apache in `/usr/sbin`, as Debian installs them",
};

/// The MQTT nodes, and the example with them.
pub(crate) const BROKERS: ServerTests = ServerTests {
    name: "brokers",
    servers: &["/usr/sbin/mosquitto", "/usr/bin/mosquitto_passwd"],
    tests: &[("ferrowire-plugin-mqtt", "mosquitto"), ("ferrowire-runtime", "broker")],
    missing: "they require Mosquitto in `/usr/sbin`, as Debian installs it",
};

/// Several instances.
pub(crate) const NATS: ServerTests = ServerTests {
    name: "nats",
    servers: &["/usr/sbin/nats-server", "/usr/sbin/haproxy", "/usr/sbin/mosquitto"],
    tests: &[("ferrowire-runtime", "cluster")],
    missing: "they require nats-server, HAProxy and Mosquitto in `/usr/sbin`, as Debian installs them",
};

/// All of them.
pub(crate) const ALL: [ServerTests; 3] = [PROXIES, BROKERS, NATS];

impl ServerTests {
    /// Runs the tests; fails if they cannot run.
    pub(crate) fn command(&self) -> Result<()> {
        ensure!(self.run()?, "the tests of {} cannot run: {}", self.name, self.missing);
        Ok(())
    }

    /// Runs the tests if the servers are installed; returns whether they are.
    pub(crate) fn run(&self) -> Result<bool> {
        if !self.servers.iter().all(|server| Path::new(server).exists()) {
            return Ok(false);
        }
        for (package, test) in self.tests {
            cargo::succeed(&mut cargo::cargo(&["test", "--package", package, "--test", test]))?;
        }
        Ok(true)
    }

    /// Checks the code of the tests.
    pub(crate) fn check(&self) -> Result<()> {
        for (package, test) in self.tests {
            let tests = ["clippy", "-p", package, "--test", test, "--", "--deny", "warnings"];
            cargo::succeed(&mut cargo::cargo(&tests))?;
        }
        Ok(())
    }
}
