//! `cargo xtask editor`: installs the Node-RED editor, which the next build embeds.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::cargo;

/// The crate that embeds it, with the versions in its lock file.
const FOLDER: &str = "crates/admin";

/// Installs the editor, unless the version in the lock file is already installed.
pub(crate) fn fetch() -> Result<()> {
    let folder = cargo::root().join(FOLDER);
    let wanted = fs::read(folder.join("package-lock.json"))?;
    // A copy of the lock file, written after a complete installation.
    let stamp = folder.join("node_modules/.ferrowire-fetched");
    if fs::read(&stamp).is_ok_and(|fetched| fetched == wanted) {
        return Ok(());
    }
    if !has_npm() {
        bail!("`npm` not found; install Node.js to include the editor in the program");
    }
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    cargo::succeed(Command::new("npm").args(arguments).current_dir(&folder))?;
    fs::write(&stamp, wanted).with_context(|| format!("could not write `{}`", stamp.display()))
}

/// Like [`fetch`], where the editor is optional: without it the program is headless.
pub(crate) fn fetch_if_possible() {
    if let Err(problem) = fetch() {
        println!("continuing without the editor: {problem:#}");
    }
}

/// Whether the next build embeds it.
pub(crate) fn is_there() -> bool {
    cargo::root().join(FOLDER).join("node_modules/@node-red").is_dir()
}

fn has_npm() -> bool {
    let version = Command::new("npm").arg("--version").stdout(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}
