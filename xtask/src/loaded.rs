//! A runtime without plugins, and every plugin of this repository as a shared library for it.

use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::cargo::{self, Metadata};

/// The program and the folder of its plugins.
pub(crate) struct Loaded {
    pub(crate) bare: PathBuf,
    pub(crate) plugins: PathBuf,
}

/// The example of the package `ferrowire-runtime` that holds no plugin.
const BARE: &str = "bare";
/// What the packages of plugins are called.
const PLUGIN: &str = "ferrowire-plugin-";

/// A profile of cargo's.
#[derive(Clone, Copy)]
pub(crate) enum Profile {
    Debug,
    Release,
}

impl Profile {
    /// Its folder in the target folder.
    fn folder(self) -> &'static str {
        match self {
            Profile::Debug => "debug",
            Profile::Release => "release",
        }
    }

    fn build(self, arguments: &[&str]) -> std::process::Command {
        let mut build = cargo::cargo(&["build"]);
        if matches!(self, Profile::Release) {
            build.arg("--release");
        }
        build.args(arguments);
        build
    }
}

impl Loaded {
    /// Builds both, and `ferrowire`.
    pub(crate) fn build(profile: Profile) -> Result<Self> {
        let metadata = Metadata::read()?;
        let names = metadata.packages().filter_map(|package| package["name"].as_str());
        let packages: Vec<&str> = names.filter(|name| name.starts_with(PLUGIN)).collect();
        // One build: the features that cargo chooses for shared dependencies depend on the packages.
        let mut build = profile.build(&["--lib", "--bins", "--example", BARE]);
        build.args(["--package", "ferrowire-runtime"]);
        cargo::succeed(build.args(packages.iter().flat_map(|name| ["--package", *name])))?;
        let built = metadata.target()?.join(profile.folder());
        let plugins = built.join("plugins");
        if plugins.exists() {
            // Another branch may have had plugins that this one has not.
            std::fs::remove_dir_all(&plugins)?;
        }
        std::fs::create_dir_all(&plugins)?;
        let (before, after) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        for package in packages {
            let library = format!("{before}{}{after}", package.replace('-', "_"));
            std::fs::copy(built.join(&library), plugins.join(&library))
                .with_context(|| format!("cargo did not build `{library}`"))?;
        }
        Ok(Loaded { bare: built.join("examples").join(BARE), plugins })
    }
}
