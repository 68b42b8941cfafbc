//! Installs packages from npm in the versions of a lock file.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::cargo;

/// Installs the packages of `folder`, unless those of its lock file are already installed.
pub(crate) fn install(folder: &str) -> Result<()> {
    let folder = cargo::root().join(folder);
    let wanted = fs::read(folder.join("package-lock.json"))?;
    // A copy of the lock file, written after a complete installation.
    let stamp = folder.join("node_modules/.ferrowire-fetched");
    if fs::read(&stamp).is_ok_and(|fetched| fetched == wanted) {
        return Ok(());
    }
    ensure!(is_there(), "`npm` not found; install Node.js, which includes it");
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
    cargo::succeed(Command::new("npm").args(arguments).current_dir(&folder))?;
    fs::write(&stamp, wanted).with_context(|| format!("could not write `{}`", stamp.display()))
}

/// Whether npm is installed.
pub(crate) fn is_there() -> bool {
    let version = Command::new("npm").arg("--version").stdout(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}
