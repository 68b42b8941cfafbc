//! `cargo xtask assemble`: builds a runtime with a selection of plugins.

pub(crate) mod build;
mod choice;
mod flows;
pub(crate) mod generate;
mod manifest;
mod resolve;
mod shared;
pub(crate) mod source;

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::crates::Repository;

/// What to assemble. The default set is all plugins of this repository.
#[derive(Debug, Default, Args)]
pub(crate) struct Options {
    /// A manifest: name, output, and the list of plugins, which replaces the default set
    manifest: Option<PathBuf>,
    /// Add a plugin: websocket-in, ../my-node, my-node@1.2, my-node@git+URL#REVISION
    #[arg(long, value_name = "PLUGIN")]
    with: Vec<String>,
    /// Leave a plugin out, or the editor, or the cluster: `--without editor`
    #[arg(long, value_name = "PLUGIN")]
    without: Vec<String>,
    /// Start with no plugins instead of the default set
    #[arg(long, conflicts_with_all = ["manifest", "from_flows"])]
    bare: bool,
    /// Start with the plugins whose types these flow files use
    #[arg(long, value_name = "FLOWS", conflicts_with = "manifest")]
    from_flows: Vec<PathBuf>,
    /// The name of the crate [default: my-runtime]
    #[arg(long)]
    name: Option<String>,
    /// The path of the program [default: assemble/NAME/NAME in cargo's target folder]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Keep the generated crate in this folder, to be committed
    #[arg(long, value_name = "DIR")]
    generate_to: Option<PathBuf>,
    /// Print the generated crate and do nothing else
    #[arg(long)]
    dry_run: bool,
    /// The cargo profile
    #[arg(long, default_value = "release")]
    profile: String,
}

/// Selects plugins, generates the crate, checks versions, builds, and verifies the program.
pub(crate) fn run(options: &Options) -> Result<()> {
    let here = std::env::current_dir().context("cannot read the current folder")?;
    let repository = Repository::read()?;
    let assembly = choice::choose(options, &repository, &here)?;
    let folder = match &options.generate_to {
        Some(folder) => here.join(folder),
        None => repository.target.join("assemble").join(&assembly.name),
    };
    let relative = options.generate_to.is_some();
    let generated = generate::Generated::new(&assembly, &folder, relative)?;
    if options.dry_run {
        print!("{}", generated.shown());
        return Ok(());
    }
    // The copy in cargo's target folder always starts from the repository's lock file.
    generated.write(relative)?;
    resolve::check(&generated, &assembly, &repository)?;
    shared::share(&options.profile, &repository)?;
    let program = build::build(&generated, &assembly, &options.profile, &repository)?;
    let output = assembly.output.clone().unwrap_or_else(|| {
        repository.target.join("assemble").join(&assembly.name).join(&assembly.name)
    });
    build::put(&program, &output)?;
    build::verify(&output, &assembly)?;
    println!("{}", output.display());
    Ok(())
}
