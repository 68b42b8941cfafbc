//! `cargo xtask`: everything one does with this repository, one file a command.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "commands for people, who read what they print"
)]

mod assemble;
mod bench;
mod browser;
mod cargo;
mod ci;
mod crates;
mod examples;
mod loaded;
mod memory;
mod new;
mod plugin;
mod editor;
mod parity;
mod program;
mod run;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::Parser;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Everything one does with this repository")]
enum Command {
    /// Build and start the runtime with the examples
    Run(run::Options),
    /// Run all tests, documentation's examples and house rules included
    Test,
    /// Run the tests that drive a real browser; `--screenshots` renews the editor's pictures
    Browser(browser::Options),
    /// Run all that has to pass before a change goes in
    Ci,
    /// Build a runtime that holds the plugins of your choice
    Assemble(assemble::Options),
    /// Build a node crate as a shared library that a runtime loads
    Plugin(plugin::Options),
    /// Begin a node crate of your own
    New(new::Options),
    /// Fetch the Node-RED editor, which the next build embeds; needs npm
    Editor,
    /// Compare speed and memory with the bare library and with Node-RED
    Bench(bench::Options),
    /// Run Node-RED's own tests of its nodes against the runtime and write `PARITY.md`
    Parity(parity::Options),
    /// Run the tests of the plugin ABI under Miri and valgrind, where they are installed
    Memory,
    /// Check the house rules that no compiler checks
    Tidy,
}

fn main() -> ExitCode {
    let outcome = match Command::parse() {
        Command::Run(options) => run::run(&options),
        Command::Test => test::run(test::Ignored::Allowed),
        Command::Browser(options) => browser::command(&options),
        Command::Ci => ci::run(),
        Command::Assemble(options) => assemble::run(&options),
        Command::Plugin(options) => plugin::run(&options),
        Command::New(options) => new::run(&options),
        Command::Editor => editor::fetch(),
        Command::Bench(options) => bench::run(options),
        Command::Parity(options) => parity::run(&options),
        Command::Memory => memory::run(),
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
