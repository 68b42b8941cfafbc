//! The tests that drive a real browser against the real program.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::cargo::{self, Metadata};

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
    let mut runtime = Runtime::start()?;
    let script = Command::new("node")
        .arg(SCRIPT)
        .current_dir(&folder)
        .env("FERROWIRE_URL", format!("http://{}", runtime.address))
        .env("CHROMIUM", browser)
        .status()
        .context("could not start `node`")?;
    runtime.child.kill()?;
    if !script.success() {
        bail!("the browser tests failed: {script}");
    }
    Ok(true)
}

/// The program, running; stopped when this is dropped.
struct Runtime {
    child: Child,
    address: String,
}

impl Runtime {
    fn start() -> Result<Self> {
        let metadata = Metadata::read()?;
        let package =
            metadata.package_of_program("ferrowire").context("no package builds `ferrowire`")?;
        cargo::succeed(&mut cargo::cargo(&["build", "--package", package]))?;
        let mut child = Command::new(metadata.target()?.join("debug/ferrowire"))
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
