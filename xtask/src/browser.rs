//! The tests that drive a real browser against the real program.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::cargo;
use crate::program::Program;

/// Where the scripts are, and the one to run.
const FOLDER: &str = "runtime/tests/browser";
const SCRIPT: &str = "test_page.mjs";

/// The flows that the scripts talk to.
const FLOWS: [&str; 2] = ["examples/echo/flows.json", "examples/chat/flows.json"];

/// Where distributions put it.
const BROWSERS: [&str; 3] =
    ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/// Runs them, if Node.js and a browser are there; whether that was so.
pub(crate) fn run() -> Result<bool> {
    let Some(browser) = BROWSERS.iter().find(|path| Path::new(path).exists()) else {
        return Ok(false);
    };
    if Command::new("npm").arg("--version").stdout(Stdio::null()).status().is_err() {
        return Ok(false);
    }
    let folder = cargo::root().join(FOLDER);
    cargo::succeed(
        Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder),
    )?;
    let program = Program::start(FLOWS)?;
    let script = Command::new("node")
        .arg(SCRIPT)
        .current_dir(&folder)
        .env("FERROWIRE_URL", program.url())
        .env("CHROMIUM", browser)
        .status()
        .context("could not start `node`")?;
    drop(program);
    if !script.success() {
        bail!("the browser tests failed: {script}");
    }
    Ok(true)
}
