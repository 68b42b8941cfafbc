//! Runs cargo and other programs from the root of the repository.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask)
}

/// The cargo that runs this command.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(arguments).current_dir(root());
    command
}

/// Runs a program; fails if it fails.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    println!("$ {shown}");
    let status = command.status().with_context(|| format!("could not start `{shown}`"))?;
    ensure!(status.success(), "`{shown}` failed: {status}");
    Ok(())
}

/// The command line, for messages.
pub(crate) fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// Cargo's metadata of the workspace's own packages.
pub(crate) struct Metadata(Value);

impl Metadata {
    /// Reads the metadata of this workspace.
    pub(crate) fn read() -> Result<Self> {
        Self::ask(&mut cargo(&["metadata", "--no-deps", "--format-version", "1"]))
    }

    /// Reads the metadata of the workspace of another `manifest`.
    pub(crate) fn of(manifest: &Path) -> Result<Self> {
        let mut command = cargo(&["metadata", "--no-deps", "--format-version", "1"]);
        Self::ask(command.arg("--manifest-path").arg(manifest))
    }

    /// Runs a given `cargo metadata` command.
    pub(crate) fn ask(command: &mut Command) -> Result<Self> {
        let output = command.output().context("could not start `cargo metadata`")?;
        let problem = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`cargo metadata` failed: {}", problem.trim());
        Ok(Self(serde_json::from_slice(&output.stdout)?))
    }

    /// The complete metadata.
    pub(crate) fn json(&self) -> &Value {
        &self.0
    }

    /// The workspace's packages.
    pub(crate) fn packages(&self) -> impl Iterator<Item = &Value> {
        self.0["packages"].as_array().into_iter().flatten()
    }

    /// Cargo's target folder.
    pub(crate) fn target(&self) -> Result<PathBuf> {
        let target = self.0["target_directory"].as_str().context("cargo has no target folder")?;
        Ok(target.into())
    }

    /// Builds `ferrowire` in a profile, and returns the path of the program.
    pub(crate) fn build_program(&self, profile: &str) -> Result<PathBuf> {
        let package =
            self.package_of_program("ferrowire").context("no package builds `ferrowire`")?;
        succeed(&mut cargo(&["build", "--profile", profile, "--package", package]))?;
        let folder = if profile == "dev" { "debug" } else { profile };
        Ok(self.target()?.join(folder).join("ferrowire"))
    }

    /// The package with the binary of this name.
    pub(crate) fn package_of_program(&self, program: &str) -> Option<&str> {
        let has_it = |package: &&Value| {
            package["targets"].as_array().into_iter().flatten().any(|target| {
                target["name"] == program
                    && target["kind"]
                        .as_array()
                        .is_some_and(|kinds| kinds.iter().any(|kind| kind == "bin"))
            })
        };
        self.packages().find(has_it)?["name"].as_str()
    }
}
