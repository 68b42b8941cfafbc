//! `cargo xtask browser`: the tests that drive a real browser against the real program.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

use crate::cargo::{self, Metadata};
use crate::{editor, examples};

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
    let program = build()?;
    test_page(&program, browser)?;
    if !editor::is_there() {
        return Ok(false);
    }
    let plugin = build_stranger()?;
    let mut script = script(EDITOR, browser)?;
    script.env("FERROWIRE", &program).env("PLUGIN", plugin);
    if screenshots {
        script.env("SCREENSHOTS", cargo::root().join(PICTURES));
    }
    cargo::succeed(&mut script)?;
    Ok(true)
}

fn test_page(program: &Path, browser: &str) -> Result<()> {
    let runtime = Runtime::start(program)?;
    let url = format!("http://{}", runtime.address);
    cargo::succeed(script(PAGE, browser)?.env("FERROWIRE_URL", url))
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

/// Builds the program.
fn build() -> Result<PathBuf> {
    let metadata = Metadata::read()?;
    let package =
        metadata.package_of_program("ferrowire").context("no package builds `ferrowire`")?;
    cargo::succeed(&mut cargo::cargo(&["build", "--package", package]))?;
    Ok(metadata.target()?.join("debug/ferrowire"))
}

/// Builds the node crate of somebody else as a shared library.
fn build_stranger() -> Result<PathBuf> {
    let (folder, library) = STRANGER;
    let mut build = examples::cargo(&cargo::root().join(folder), &["build"])?;
    cargo::succeed(build.args(examples::SHARED_PROFILE))?;
    let (before, after) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    Ok(examples::target()?.join(format!("debug/{before}{library}{after}")))
}

/// The program, running; stopped when this is dropped.
struct Runtime {
    child: Child,
    address: String,
}

impl Runtime {
    fn start(program: &Path) -> Result<Self> {
        let mut child = Command::new(program)
            .arg("run")
            .args(FLOWS)
            .args(["--listen", "127.0.0.1:0"])
            .current_dir(cargo::root())
            .stderr(Stdio::piped())
            .spawn()
            .context("could not start `ferrowire`")?;
        let log = child.stderr.take().context("the program has no log")?;
        let mut lines = BufReader::new(log).lines();
        let address = lines.find_map(|line| {
            let line = line.ok()?;
            let (_, rest) = line.split_once("listening on http://")?;
            Some(rest.split([',', ' ']).next()?.to_owned())
        });
        let Some(address) = address else {
            // It has ended by itself: its log did.
            let ended = child.wait()?;
            bail!("`ferrowire` did not listen: {ended}");
        };
        // Whatever it still logs must not fill the pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Runtime { child, address })
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // It may have ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
