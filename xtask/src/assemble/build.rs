//! Building a generated crate, and looking at the program that came out.

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

/// Builds the program where all assembled ones are built, so that what they share is built once.
///
/// That is not the repository's own folder: the file of a library of two kinds has no hash in its
/// name, so the plugins that two workspaces build would take each other's place.
pub(crate) fn build(
    generated: &Generated,
    assembly: &Assembly,
    profile: &str,
    repository: &Repository,
) -> Result<PathBuf> {
    let mut build = cargo::cargo(&["build", "--profile", profile]);
    build.arg("--manifest-path").arg(generated.manifest_path());
    let target = repository.target.join("assembled");
    build.arg("--target-dir").arg(&target);
    cargo::succeed(&mut build)?;
    let folder = if profile == "dev" { "debug" } else { profile };
    Ok(target.join(folder).join(&assembly.name))
}

/// Copies the program to its place, which may be that of one that runs.
pub(crate) fn put(program: &Path, output: &Path) -> Result<()> {
    let shown = output.display();
    ensure!(!output.is_dir(), "`{shown}` is a folder; name a file in it with `--output`");
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

/// Asks the program what it holds.
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
    println!("it holds {}", held.join(", "));
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
