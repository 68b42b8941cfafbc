//! Builds a generated crate and verifies the program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::choice::Assembly;
use super::flows;
use super::generate::Generated;
use crate::cargo;
use crate::crates::Repository;

/// Builds the program in the target folder of all assembled ones, so that dependencies are built once.
pub(crate) fn build(
    generated: &Generated,
    assembly: &Assembly,
    profile: &str,
    repository: &Repository,
) -> Result<PathBuf> {
    let mut build = cargo::cargo(&["build", "--profile", profile]);
    build.arg("--manifest-path").arg(generated.manifest_path());
    build.arg("--target-dir").arg(target(repository));
    cargo::succeed(&mut build)?;
    Ok(target(repository).join(profile_folder(profile)).join(&assembly.name))
}

/// The target folder of all assembled programs; see [`shared`](super::shared).
pub(super) fn target(repository: &Repository) -> PathBuf {
    repository.target.join("assembled")
}

/// The folder of a profile in a target folder.
pub(super) fn profile_folder(profile: &str) -> &str {
    if profile == "dev" { "debug" } else { profile }
}

/// Copies the program to its path, replacing a program that may be running.
pub(crate) fn put(program: &Path, output: &Path) -> Result<()> {
    let shown = output.display();
    ensure!(!output.is_dir(), "`{shown}` is a folder; set a file with `--output`");
    if let Some(folder) = output.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create the folder `{}`", folder.display()))?;
    }
    let mut name = output.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = output.with_file_name(name);
    fs::copy(program, &new).with_context(|| format!("cannot write `{}`", new.display()))?;
    fs::rename(&new, output).with_context(|| format!("cannot replace `{shown}`"))
}

/// Asks the program for its node types.
pub(crate) fn verify(program: &Path, assembly: &Assembly) -> Result<()> {
    let output = Command::new(program)
        .args(["nodes", "--json"])
        .output()
        .with_context(|| format!("cannot start `{}`", program.display()))?;
    let problem = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the program does not start: {}", problem.trim());
    let nodes: Value = serde_json::from_slice(&output.stdout)
        .context("the program's `nodes --json` is not JSON")?;
    let held: Vec<&str> =
        nodes.as_array().into_iter().flatten().filter_map(|node| node["type"].as_str()).collect();
    println!("node types: {}", held.join(", "));
    let is_missing = |wanted: &str, users: &[String]| !users.is_empty() && !held.contains(&wanted);
    let needed = assembly.needed.iter();
    let missing: Vec<_> = needed.filter(|(wanted, users)| is_missing(wanted, users)).collect();
    ensure!(
        missing.is_empty(),
        "nothing in the program provides {}; add plugins that do with `--with`",
        flows::shown(missing)
    );
    Ok(())
}
