//! `cargo xtask memory`: tests the unsafe code of the plugin ABI with memory checkers.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::cargo::{self, Metadata, cargo, succeed};

/// Runs the available tools: Miri on the ABI alone, valgrind on nodes of a real library.
pub(crate) fn run() -> Result<()> {
    if !miri()? {
        println!(
            "skipping Miri; install it with `rustup component add --toolchain nightly miri rust-src`"
        );
    }
    if !valgrind()? {
        println!("skipping valgrind, which is not installed");
    }
    Ok(())
}

fn is_there(command: &mut Command) -> bool {
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// A rustup command without the variables that cargo sets for this toolchain.
fn nightly(arguments: &[&str]) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo"]).args(arguments).current_dir(cargo::root());
    for name in ["CARGO", "RUSTC", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(name);
    }
    command
}

fn miri() -> Result<bool> {
    if !is_there(&mut nightly(&["miri", "--version"])) {
        return Ok(false);
    }
    let mut test = nightly(&["miri", "test", "--package", "ferrowire-abi", "--lib"]);
    test.arg("--target-dir").arg(Metadata::read()?.target()?.join("miri")).arg("tests::");
    // Safe code, and property tests that access the file system, which Miri forbids.
    test.args(["--", "--skip", "declaration::"]);
    succeed(&mut test)?;
    Ok(true)
}

fn valgrind() -> Result<bool> {
    if !is_there(Command::new("valgrind").arg("--version")) {
        return Ok(false);
    }
    let program = tests()?;
    let mut watched = Command::new("valgrind");
    // Valgrind runs one thread at a time; without fair scheduling a spinning thread starves the
    // others.
    watched.args(["--quiet", "--fair-sched=yes", "--error-exitcode=9"]).arg(program);
    watched.arg("--test-threads=1").current_dir(cargo::root().join("crates/loader"));
    succeed(&mut watched)?;
    Ok(true)
}

/// The program with the tests of loaded nodes.
fn tests() -> Result<PathBuf> {
    let mut build = cargo(&["test", "--package", "ferrowire-loader", "--test", "nodes"]);
    build.args(["--no-run", "--message-format", "json-render-diagnostics"]);
    let shown = cargo::shown(&build);
    println!("$ {shown}");
    let output = build.stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "`{shown}` failed: {}", output.status);
    let messages = String::from_utf8_lossy(&output.stdout);
    let mut programs = messages.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        (message["target"]["name"] == "nodes").then_some(())?;
        message["executable"].as_str().map(PathBuf::from)
    });
    programs.next_back().with_context(|| format!("`{shown}` built no program"))
}
