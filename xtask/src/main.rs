//! `cargo xtask`: the development tasks of this repository, one file per command.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "commands print their results for people"
)]

mod assemble;
mod autobahn;
mod bench;
mod browser;
mod cargo;
mod ci;
mod cluster;
mod crates;
mod deny;
mod dist;
mod examples;
mod fuzz;
mod loaded;
mod memory;
mod new;
mod npm;
mod npm_nodes;
mod plugin;
mod editor;
mod parity;
mod program;
mod run;
mod servers;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::Parser;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "The development tasks of this repository")]
enum Command {
    /// Build and start the runtime with the examples
    Run(run::Options),
    /// Run all tests, including documentation examples and house rules
    Test,
    /// Run the tests that control a browser; `--screenshots` regenerates the editor's screenshots
    Browser(browser::Options),
    /// Test the configurations of `docs/proxies.md` with nginx, HAProxy and Apache
    Proxies,
    /// Test the MQTT nodes with Mosquitto
    Brokers,
    /// Test several instances with nats-server
    Nats,
    /// Build and start several instances over NATS, behind a load balancer
    Cluster(cluster::Options),
    /// Test nodes from npm with Node.js and real packages; requires Node.js and npm
    NpmNodes,
    /// Run all checks that must pass before a merge
    Ci,
    /// Build a runtime with a selection of plugins
    Assemble(assemble::Options),
    /// Build the program and pack it with all that belongs to it: archives, Debian packages, checksums
    Dist(dist::Options),
    /// Build a node crate as a shared library that a runtime loads
    Plugin(plugin::Options),
    /// Create a node crate
    New(new::Options),
    /// Install the Node-RED editor, which the next build embeds; requires npm
    Editor,
    /// Compare speed and memory with the bare library and with Node-RED
    Bench(bench::Options),
    /// Run Node-RED's own tests of its nodes against the runtime and write `PARITY.md`
    Parity(parity::Options),
    /// Run JSONata's own test suite against the expressions and write its table into `PARITY.md`
    Jsonata(parity::jsonata::Options),
    /// Run the Autobahn test suite against a listener and a client in flows, and write its table into
    /// `docs/websockets.md`
    Autobahn(autobahn::Options),
    /// Run the tests of the plugin ABI under Miri and valgrind, where they are installed
    Memory,
    /// Run the fuzz targets, which feed changing inputs to everything that parses input from outside
    Fuzz(fuzz::Options),
    /// Check licences, sources and versions of the dependencies with cargo-deny, where it is installed
    Deny,
    /// Check the house rules that no compiler checks
    Tidy,
}

fn main() -> ExitCode {
    let outcome = match Command::parse() {
        Command::Run(options) => run::run(&options),
        Command::Test => test::run(test::Ignored::Allowed),
        Command::Browser(options) => browser::command(&options),
        Command::Proxies => servers::PROXIES.command(),
        Command::Brokers => servers::BROKERS.command(),
        Command::Nats => servers::NATS.command(),
        Command::Cluster(options) => cluster::run(&options),
        Command::NpmNodes => npm_nodes::command(),
        Command::Ci => ci::run(),
        Command::Assemble(options) => assemble::run(&options),
        Command::Dist(options) => dist::run(&options),
        Command::Plugin(options) => plugin::run(&options),
        Command::New(options) => new::run(&options),
        Command::Editor => editor::fetch(),
        Command::Bench(options) => bench::run(options),
        Command::Parity(options) => parity::run(&options),
        Command::Jsonata(options) => parity::jsonata::run(&options),
        Command::Autobahn(options) => autobahn::run(&options),
        Command::Memory => memory::run(),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Deny => deny::run(),
        Command::Tidy => tidy::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem:#}");
            ExitCode::FAILURE
        }
    }
}
