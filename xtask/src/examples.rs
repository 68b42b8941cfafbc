//! Tests the crates among the examples like third-party crates: each in its own workspace.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};

use crate::cargo::{self, Metadata};

/// The folders of the crates.
pub(crate) fn crates() -> Result<Vec<PathBuf>> {
    let examples = cargo::root().join("examples");
    let entries = fs::read_dir(&examples)
        .with_context(|| format!("could not read the folder `{}`", examples.display()))?;
    let mut folders = Vec::new();
    for entry in entries {
        let folder = entry?.path();
        if folder.join("Cargo.toml").exists() {
            folders.push(folder);
        }
    }
    folders.sort();
    Ok(folders)
}

/// A cargo command in the folder of such a crate. Uses the workspace's versions, and one target
/// folder for all of them, so that dependencies are built once. It differs from the workspace's,
/// where the same library with other options would overwrite the workspace's.
pub(crate) fn cargo(folder: &Path, arguments: &[&str]) -> Result<Command> {
    fs::copy(cargo::root().join("Cargo.lock"), folder.join("Cargo.lock"))
        .with_context(|| format!("could not copy Cargo.lock to `{}`", folder.display()))?;
    let mut command = cargo::cargo(arguments);
    command.current_dir(folder).env("CARGO_TARGET_DIR", target()?);
    Ok(command)
}

/// The target folder of these commands.
pub(crate) fn target() -> Result<PathBuf> {
    Ok(Metadata::read()?.target()?.join("strangers"))
}

/// The workspace's profile, which builds faster than cargo's default.
pub(crate) const SHARED_PROFILE: [&str; 4] = [
    "--config",
    "profile.dev.debug='line-tables-only'",
    "--config",
    "profile.dev.package.'*'.debug=false",
];
