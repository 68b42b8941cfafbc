//! `cargo xtask plugin`: builds a node crate as a shared library that a runtime loads.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use serde_json::Value;

use crate::assemble::build::put;
use crate::assemble::source::Source;
use crate::cargo;
use crate::crates::{Crate, Repository};

/// The program that loads a library.
const CHECK: &str = "plugin-check";

/// What to build.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The folder of a node crate, or the name of a plugin of this repository
    plugin: String,
    /// The folder to put the library into [default: plugins in cargo's target folder]
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// The cargo profile
    #[arg(long, default_value = "release")]
    profile: String,
    /// Cargo's target folder [default: as in the crate's folder]
    #[arg(long, value_name = "DIR")]
    target_dir: Option<PathBuf>,
}

/// Builds the library, checks that it can be loaded, and copies it.
pub(crate) fn run(options: &Options) -> Result<()> {
    let here = std::env::current_dir().context("cannot read the current folder")?;
    let repository = Repository::read()?;
    let plugin = find(&options.plugin, &here, &repository)?;
    plugin.ensure_plugin()?;
    let target = options.target_dir.as_ref().map(|folder| here.join(folder));
    let library = build(&plugin, &options.profile, target.as_deref())?;
    let file = library.file_name().context("cargo built a library without a name")?;
    let folder = options.to.as_ref().map(|folder| here.join(folder));
    let place = folder.unwrap_or_else(|| repository.target.join("plugins")).join(file);
    check(&library, &plugin, &repository)?;
    put(&library, &place)?;
    println!("{}", place.display());
    Ok(())
}

fn find(text: &str, here: &Path, repository: &Repository) -> Result<Crate> {
    if let Some(plugin) = repository.plugin(text) {
        return Ok(plugin.clone());
    }
    match Source::parse(text, here)? {
        Source::Path(folder) => Crate::read(&folder),
        Source::Bundled(name) if here.join(&name).join("Cargo.toml").exists() => {
            Crate::read(&here.join(name))
        }
        Source::Bundled(name) => {
            bail!("no plugin or folder `{name}`; the plugins are {}", repository.names())
        }
        Source::Version { package, .. } | Source::Git { package, .. } => {
            bail!(
                "the source of `{package}` is not on this machine; download it and set its folder"
            )
        }
    }
}

/// Builds the crate as a shared library, whatever crate types its Cargo.toml lists.
fn build(plugin: &Crate, profile: &str, target: Option<&Path>) -> Result<PathBuf> {
    let mut command = cargo::cargo(&["rustc", "--lib", "--crate-type", "cdylib"]);
    command.args(["--profile", profile, "--message-format", "json-render-diagnostics"]);
    command.arg("--manifest-path").arg(plugin.folder.join("Cargo.toml"));
    if let Some(target) = target {
        command.arg("--target-dir").arg(target);
    }
    // In the crate's folder, so that its cargo configuration applies.
    command.current_dir(&plugin.folder).stdout(Stdio::piped());
    let shown = cargo::shown(&command);
    println!("$ {shown}");
    let mut child = command.spawn().with_context(|| format!("could not start `{shown}`"))?;
    let messages = child.stdout.take().context("cargo has no output")?;
    let mut library = None;
    for line in BufReader::new(messages).lines() {
        let message: Value = serde_json::from_str(&line?).unwrap_or_default();
        library = shared_library(&message, plugin).or(library);
    }
    let status = child.wait()?;
    ensure!(status.success(), "`{shown}` failed: {status}");
    library.with_context(|| format!("cargo built no shared library for `{}`", plugin.name))
}

/// The library in one of cargo's messages, if it belongs to the plugin.
fn shared_library(message: &Value, plugin: &Crate) -> Option<PathBuf> {
    let is_it = message["reason"] == "compiler-artifact"
        && message["target"]["name"].as_str() == plugin.library.as_deref()
        && message["manifest_path"].as_str().is_some_and(|path| {
            Path::new(path).parent().is_some_and(|folder| folder == plugin.folder)
        });
    let files = message["filenames"].as_array().filter(|_| is_it)?;
    let mut files = files.iter().filter_map(Value::as_str).map(PathBuf::from);
    files.find(|file| {
        file.extension().is_some_and(|extension| extension == std::env::consts::DLL_EXTENSION)
    })
}

/// Loads the library as a runtime does and prints its node types.
///
/// With a small program: a runtime takes several times as long to build as most libraries.
fn check(library: &Path, plugin: &Crate, repository: &Repository) -> Result<()> {
    let build = ["build", "--package", "ferrowire-loader", "--bin", CHECK];
    cargo::succeed(&mut cargo::cargo(&build))?;
    let program = format!("{CHECK}{}", std::env::consts::EXE_SUFFIX);
    let mut check = Command::new(repository.target.join("debug").join(program));
    check.arg(library);
    let shown = cargo::shown(&check);
    let output = check.output().with_context(|| format!("could not start `{shown}`"))?;
    let problem = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "a runtime would refuse the library: {}", problem.trim());
    let printed = String::from_utf8_lossy(&output.stdout);
    let node_types = printed.lines().filter_map(|line| line.split_once('\t'));
    let of_plugin = node_types.filter(|(package, _)| *package == plugin.name);
    let brought: Vec<&str> = of_plugin.map(|(_, node_type)| node_type).collect();
    ensure!(!brought.is_empty(), "`{}` was loaded but has no node types", plugin.name);
    println!("loaded it; node types: {}", brought.join(", "));
    Ok(())
}
