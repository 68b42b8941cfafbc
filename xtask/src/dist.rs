//! `cargo xtask dist`: the program with all that belongs to it, as archives and Debian packages.

mod archive;
mod contents;
mod debian;
mod sbom;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use crate::cargo::{self, Metadata, cargo};
use contents::Contents;

/// The package and the name of the program.
const PACKAGE: &str = "ferrowire-runtime";
const NAME: &str = "ferrowire";

/// The targets whose programs need nothing of the system, and can load no plugins.
const STATIC: [&str; 2] = ["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"];

/// The checksums of all files.
const CHECKSUMS: &str = "SHA256SUMS";

/// Where the files go, in cargo's target folder.
const FOLDER: &str = "dist";

/// The arguments of the command.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Take this program instead of building any
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
    /// What `--program` was built for [default: the target of this machine's compiler]
    #[arg(long, requires = "program")]
    target: Option<String>,
    /// The folder for the files [default: dist in cargo's target folder]
    #[arg(long, value_name = "DIRECTORY")]
    to: Option<PathBuf>,
}

/// A program for one target.
pub(crate) struct Build {
    program: PathBuf,
    target: String,
}

impl Build {
    /// The first part of the target.
    fn architecture(&self) -> &str {
        self.target.split('-').next().unwrap_or_default()
    }
}

/// What all files of a release have in common.
pub(crate) struct Release {
    version: String,
    /// Of the commit, so that the same sources give the same files. In seconds since 1970.
    time: u64,
}

/// Writes an archive and a Debian package for each target, the list of what the program is made of, and
/// the checksums.
pub(crate) fn run(options: &Options) -> Result<()> {
    let metadata = Metadata::read()?;
    let host = host()?;
    let builds = match &options.program {
        Some(program) => {
            let target = options.target.clone().unwrap_or_else(|| host.clone());
            vec![Build { program: program.clone(), target }]
        }
        None => build_all(&metadata, &host)?,
    };
    let folder = match &options.to {
        Some(folder) => folder.clone(),
        None => metadata.target()?.join(FOLDER),
    };
    fs::create_dir_all(&folder)
        .with_context(|| format!("cannot create the folder `{}`", folder.display()))?;
    let version = metadata.packages().find(|package| package["name"] == PACKAGE);
    let version = version.and_then(|package| package["version"].as_str());
    let version = version.with_context(|| format!("there is no package `{PACKAGE}`"))?.to_owned();
    let release = Release { version, time: commit_time() };
    let describing = builds.iter().find(|build| host.starts_with(build.architecture()));
    let describing = describing.context("no program runs on this machine, to print its manual")?;
    check_version(&describing.program, &release.version)?;
    let mut files = Vec::new();
    for build in &builds {
        let sbom = sbom::write(&build.target, &release)?;
        let contents = Contents::collect(build, &describing.program, &sbom)?;
        let name = format!("{NAME}-{}-{}", release.version, build.target);
        files.push((format!("{name}.cdx.json"), sbom));
        files.push((format!("{name}.tar.gz"), archive::write(&contents, &name, &release)?));
        files.push(debian::write(&contents, build, &release)?);
    }
    write_all(&folder, files)
}

/// Writes the files and their checksums, in the form that `sha256sum --check` reads.
fn write_all(folder: &Path, files: Vec<(String, Vec<u8>)>) -> Result<()> {
    let mut sums = String::new();
    for (name, bytes) in files {
        let path = folder.join(&name);
        fs::write(&path, &bytes).with_context(|| format!("cannot write `{}`", path.display()))?;
        sums.push_str(&format!("{}  {name}\n", HEXLOWER.encode(&Sha256::digest(&bytes))));
        println!("{}", path.display());
    }
    fs::write(folder.join(CHECKSUMS), sums)?;
    println!("{}", folder.join(CHECKSUMS).display());
    Ok(())
}

/// The program for this machine, and static ones for the targets that are installed.
fn build_all(metadata: &Metadata, host: &str) -> Result<Vec<Build>> {
    let program = metadata.build_program("release")?;
    let mut builds = vec![Build { program, target: host.to_owned() }];
    let installed = installed_targets();
    for target in STATIC {
        if !installed.iter().any(|name| name == target) {
            println!("skipping `{target}`; install it with `rustup target add {target}`");
            continue;
        }
        let arguments = ["build", "--release", "--package", PACKAGE, "--target", target];
        cargo::succeed(&mut cargo(&arguments))?;
        let program = metadata.target()?.join(target).join("release").join(NAME);
        builds.push(Build { program, target: target.to_owned() });
    }
    Ok(builds)
}

/// None if the toolchain is not rustup's.
fn installed_targets() -> Vec<String> {
    let output = Command::new("rustup").args(["target", "list", "--installed"]).output();
    let text = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&text).lines().map(str::to_owned).collect()
}

/// The target of this machine's compiler.
fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("could not start `rustc`")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` names no host")
}

fn commit_time() -> u64 {
    let git =
        Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(cargo::root()).output();
    let text = git.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&text).trim().parse().unwrap_or_default()
}

/// A program of another version would get the wrong name.
fn check_version(program: &Path, version: &str) -> Result<()> {
    let output = Command::new(program)
        .arg("--version")
        .output()
        .with_context(|| format!("could not start `{}`", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let found = text.lines().next().unwrap_or_default();
    ensure!(
        output.status.success() && found == format!("{NAME} {version}"),
        "`{}` is `{found}`, not `{NAME} {version}`; build it from these sources",
        program.display()
    );
    Ok(())
}
