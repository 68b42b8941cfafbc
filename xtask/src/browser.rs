//! `cargo xtask browser`: the tests that drive a real browser against the real program.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, ensure};
use clap::Args;

use crate::program::Program;
use crate::{cargo, editor, examples};

/// The test page's: where its scripts are, and the one to run.
const PAGE: (&str, &str) = ("runtime/tests/browser", "test_page.mjs");

/// The editor's.
const EDITOR: (&str, &str) = ("crates/admin/tests/browser", "editor.mjs");

/// The flows that the test page talks to.
const FLOWS: [&str; 2] = ["examples/echo/flows.json", "examples/chat/flows.json"];

/// A node crate that is not of this workspace, and the name of its library: the editor is to
/// show such nodes as well.
const STRANGER: (&str, &str) = ("examples/third-party-node", "rate_limit_node");

/// Where the documentation's pictures are.
const PICTURES: &str = "docs/images";

/// Where distributions put it.
const BROWSERS: [&str; 3] =
    ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/// What to do besides.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Renew the pictures of the editor in `docs/images`
    #[arg(long)]
    screenshots: bool,
}

/// Runs them, and fails where they cannot run.
pub(crate) fn command(options: &Options) -> Result<()> {
    editor::fetch()?;
    ensure!(run_all(options.screenshots)?, "this needs Node.js, npm and Chromium");
    Ok(())
}

/// Runs those for which the browser, Node.js and the editor are there; whether all are.
pub(crate) fn run() -> Result<bool> {
    run_all(false)
}

/// As [`run`].
fn run_all(screenshots: bool) -> Result<bool> {
    let Some(browser) = BROWSERS.iter().find(|path| Path::new(path).exists()) else {
        return Ok(false);
    };
    if Command::new("npm").arg("--version").stdout(Stdio::null()).status().is_err() {
        return Ok(false);
    }
    test_page(browser)?;
    if !editor::is_there() {
        return Ok(false);
    }
    let plugin = build_stranger()?;
    let mut script = script(EDITOR, browser)?;
    script.env("FERROWIRE", Program::build()?).env("PLUGIN", plugin);
    if screenshots {
        script.env("SCREENSHOTS", cargo::root().join(PICTURES));
    }
    cargo::succeed(&mut script)?;
    Ok(true)
}

fn test_page(browser: &str) -> Result<()> {
    let program = Program::start(cargo::root(), FLOWS, |_| {})?;
    cargo::succeed(script(PAGE, browser)?.env("FERROWIRE_URL", program.url()))
}

/// A script, with the packages that it needs.
fn script((folder, name): (&str, &str), browser: &str) -> Result<Command> {
    let folder = cargo::root().join(folder);
    cargo::succeed(
        Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder),
    )?;
    let mut script = Command::new("node");
    script.arg(name).current_dir(&folder).env("CHROMIUM", browser);
    Ok(script)
}

/// Builds the node crate of somebody else as a shared library.
fn build_stranger() -> Result<PathBuf> {
    let (folder, library) = STRANGER;
    let mut build = examples::cargo(&cargo::root().join(folder), &["build"])?;
    cargo::succeed(build.args(examples::SHARED_PROFILE))?;
    let (before, after) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    Ok(examples::target()?.join(format!("debug/{before}{library}{after}")))
}
