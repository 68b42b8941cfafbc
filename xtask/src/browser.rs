//! `cargo xtask browser`: runs the tests that control a browser with the real program.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::loaded::{Loaded, Profile};
use crate::program::Program;
use crate::{cargo, editor, examples, npm_nodes};

/// The folder of the tests of the runtime's own pages.
const PAGES: &str = "runtime/tests/browser";

/// Those of the test page and the page of metrics, which need the same flows.
const PAGE_TESTS: [&str; 2] = ["test_page.mjs", "metrics_page.mjs"];

/// The editor's tests.
const EDITOR: (&str, &str) = ("crates/admin/tests/browser", "editor.mjs");

/// What the dashboards log when they have started.
const DASHBOARDS: [&str; 2] = ["started at /dashboard", "started at /ui"];

/// How long the log may be silent before they have.
const START_LIMIT: Duration = Duration::from_secs(60);

/// The flows for the runtime's own pages.
const FLOWS: [&str; 3] =
    ["examples/echo/flows.json", "examples/chat/flows.json", "runtime/tests/browser/flows.json"];

/// Node crates that are not of this workspace, and the names of their libraries: the editor is to
/// show such nodes as well.
const STRANGERS: [(&str, &str); 2] =
    [("examples/third-party-node", "rate_limit_node"), ("examples/third-party-room", "room")];

/// The folder of the documentation's screenshots.
const PICTURES: &str = "docs/images";

/// The usual paths of the browser.
const BROWSERS: [&str; 3] =
    ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/// Further options.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Regenerate the screenshots of the editor in `docs/images`
    #[arg(long)]
    screenshots: bool,
}

/// Runs the tests; fails if they cannot run.
pub(crate) fn command(options: &Options) -> Result<()> {
    editor::fetch()?;
    ensure!(run_all(options.screenshots)?, "the browser tests require Node.js, npm and Chromium");
    Ok(())
}

/// Runs the tests for which the browser, Node.js and the editor are available; returns whether all
/// ran.
pub(crate) fn run() -> Result<bool> {
    run_all(false)
}

/// Like [`run`].
fn run_all(screenshots: bool) -> Result<bool> {
    let Some(browser) = BROWSERS.iter().find(|path| Path::new(path).exists()) else {
        return Ok(false);
    };
    if Command::new("npm").arg("--version").stdout(Stdio::null()).status().is_err() {
        return Ok(false);
    }
    pages(browser)?;
    dashboards(browser)?;
    if !editor::is_there() {
        return Ok(false);
    }
    let strangers = build_strangers()?;
    let mut linked = script(EDITOR, browser)?;
    linked.env("FERROWIRE", Program::build()?).env("PLUGIN", &strangers);
    if screenshots {
        linked.env("SCREENSHOTS", cargo::root().join(PICTURES));
    }
    cargo::succeed(&mut linked)?;
    println!("the same with every plugin loaded");
    let Loaded { bare, plugins } = Loaded::build(Profile::Debug)?;
    let mut loaded = script(EDITOR, browser)?;
    loaded.env("FERROWIRE", bare).env("FERROWIRE_PLUGINS", plugins).env("PLUGIN", strangers);
    cargo::succeed(&mut loaded)?;
    Ok(true)
}

fn pages(browser: &str) -> Result<()> {
    let program = Program::start(cargo::root(), FLOWS, |_| {})?;
    for name in PAGE_TESTS {
        cargo::succeed(script((PAGES, name), browser)?.env("FERROWIRE_URL", program.url()))?;
    }
    Ok(())
}

/// The dashboards from npm, in a user directory of their own.
fn dashboards(browser: &str) -> Result<()> {
    let user_dir = tempfile::tempdir()?;
    let packages = npm_nodes::install()?.join("node_modules");
    std::os::unix::fs::symlink(packages, user_dir.path().join("node_modules"))?;
    let flows = cargo::root().join(PAGES).join("dashboards.json");
    let user_dir_flag = ["--user-dir".as_ref(), user_dir.path().as_os_str()];
    // Only then does the log have what packages say that are not a node.
    let log_flag = ["--log".as_ref(), "info,ferrowire::npm=debug".as_ref()];
    let arguments = [&[flows.as_os_str()], &user_dir_flag[..], &log_flag].concat();
    let (seen, lines) = mpsc::channel();
    let program = Program::start(cargo::root(), arguments, move |line| {
        // Nobody waits for further lines once both dashboards are there.
        let _ended = seen.send(line.to_owned());
    })?;
    let mut missing = DASHBOARDS.to_vec();
    while !missing.is_empty() {
        let line = lines.recv_timeout(START_LIMIT);
        let line = line.with_context(|| format!("the dashboards did not log {missing:?}"))?;
        missing.retain(|started| !line.contains(started));
    }
    cargo::succeed(script((PAGES, "dashboards.mjs"), browser)?.env("FERROWIRE_URL", program.url()))
}

/// A script, after installing its packages.
fn script((folder, name): (&str, &str), browser: &str) -> Result<Command> {
    let folder = cargo::root().join(folder);
    cargo::succeed(
        Command::new("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(&folder),
    )?;
    let mut script = Command::new("node");
    script.arg(name).current_dir(&folder).env("CHROMIUM", browser);
    Ok(script)
}

/// Builds the node crates of others as shared libraries.
fn build_strangers() -> Result<OsString> {
    let mut libraries = Vec::new();
    let (before, after) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    for (folder, library) in STRANGERS {
        let mut build = examples::cargo(&cargo::root().join(folder), &["build"])?;
        cargo::succeed(build.args(examples::SHARED_PROFILE))?;
        libraries.push(examples::target()?.join(format!("debug/{before}{library}{after}")));
    }
    Ok(std::env::join_paths(libraries)?)
}
