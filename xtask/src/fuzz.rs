//! `cargo xtask fuzz`: runs the fuzz targets in `xtask/fuzz` with libFuzzer.
//!
//! The coverage counters are a pass of every compiler, so this needs neither a nightly toolchain nor
//! cargo-fuzz; libFuzzer itself is compiled from C++.

mod seeds;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

use crate::cargo::{self, Metadata, succeed};
use crate::examples;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The target, a file in `xtask/fuzz/targets`; all of them, one after the other, without it
    target: Option<String>,
    /// How long each target runs
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    seconds: u32,
    /// Run this input only, to reproduce a failure
    #[arg(long, value_name = "FILE", requires = "target")]
    input: Option<PathBuf>,
}

/// Counters at every edge, and what comparisons compare; see LLVM's SanitizerCoverage.
const COVERAGE: [&str; 6] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// Limits for one input, in seconds and MiB. JSONata stops itself after five seconds, and a machine
/// may be busy.
const LIMITS: [&str; 3] = ["-timeout=60", "-rss_limit_mb=4096", "-max_len=4096"];

/// How long each target runs before a merge.
const IN_CI: u32 = 3;

pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!(has_compiler(), "libFuzzer is compiled from C++; {INSTALL}");
    let names = names(options.target.as_deref())?;
    let fuzzer = Fuzzer::build(&names)?;
    if let (Some(input), [name]) = (&options.input, names.as_slice()) {
        let input = std::path::absolute(input)?;
        return succeed(fuzzer.command(name).args(LIMITS).arg(input));
    }
    let failed: Vec<_> =
        names.iter().filter_map(|name| fuzzer.run(name, options.seconds).err()).collect();
    for problem in &failed {
        println!("{problem:#}");
    }
    ensure!(failed.is_empty(), "{} of {} fuzz targets failed", failed.len(), names.len());
    Ok(())
}

/// Runs each target for a short time, where there is a C++ compiler.
pub(crate) fn briefly() -> Result<()> {
    if has_compiler() {
        return run(&Options { target: None, seconds: IN_CI, input: None });
    }
    println!("skipping the fuzz targets: libFuzzer is compiled from C++; {INSTALL}");
    Ok(())
}

const INSTALL: &str = "install `c++`, for example with `apt-get install g++`";

fn has_compiler() -> bool {
    let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
    let mut command = Command::new(compiler);
    let status = command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// The workspace of the targets.
pub(crate) fn folder() -> PathBuf {
    cargo::root().join("xtask/fuzz")
}

/// The names of all targets, or the one that is asked for.
fn names(wanted: Option<&str>) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder().join("targets"))? {
        let path = entry?.path();
        names.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
    }
    names.sort();
    let Some(wanted) = wanted else { return Ok(names) };
    ensure!(
        names.iter().any(|name| name == wanted),
        "there is no fuzz target `{wanted}`; expected one of `{}`",
        names.join("`, `")
    );
    Ok(vec![wanted.to_owned()])
}

/// The programs of the targets.
struct Fuzzer {
    target: PathBuf,
    programs: PathBuf,
}

impl Fuzzer {
    fn build(names: &[String]) -> Result<Self> {
        // Apart from the workspace's target folder: everything is compiled in another way.
        let target = Metadata::read()?.target()?.join("fuzz");
        let host = host()?;
        let mut build = examples::cargo(&folder(), &["build", "--target", &host])?;
        build.env("CARGO_TARGET_DIR", &target).env("RUSTFLAGS", COVERAGE.join(" "));
        for name in names {
            build.args(["--bin", name]);
        }
        succeed(&mut build)?;
        Ok(Fuzzer { programs: target.join(host).join("debug"), target })
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir(cargo::root()).env_remove("RUST_BACKTRACE");
        command
    }

    /// A folder of the target `name`, which is created.
    fn place(&self, kind: &str, name: &str) -> Result<PathBuf> {
        let place = self.target.join(kind).join(name);
        fs::create_dir_all(&place)
            .with_context(|| format!("could not create the folder `{}`", place.display()))?;
        Ok(place)
    }

    /// Runs one target. What it finds goes into its corpus, which later runs begin with.
    fn run(&self, name: &str, seconds: u32) -> Result<()> {
        let (corpus, found) = (self.place("corpus", name)?, self.place("found", name)?);
        let seeds = self.place("seeds", name)?;
        seeds::write(&folder(), name, &seeds)?;
        let log = self.place("logs", "")?.join(format!("{name}.txt"));
        let before = newest(&found)?;
        let status = self
            .command(name)
            .args(LIMITS)
            .arg(format!("-max_total_time={seconds}"))
            .args(["-print_final_stats=1", "-reload=0"])
            .arg(format!("-artifact_prefix={}/", found.display()))
            .args([&corpus, &seeds])
            .stdout(File::create(&log)?)
            .stderr(File::options().append(true).open(&log)?)
            .status()
            .with_context(|| format!("could not start the fuzz target `{name}`"))?;
        let text = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
        if status.success() {
            println!("{name}: {}", summary(&text));
            return Ok(());
        }
        let input = newest(&found)?.filter(|input| before.as_ref() != Some(input));
        bail!("{}", failure(name, &text, &log, input.as_deref())?)
    }
}

/// The triple of this machine.
fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("could not start `rustc`")?;
    let text = String::from_utf8(output.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` names no host")
}

/// The numbers of a run that libFuzzer prints at its end.
fn summary(log: &str) -> String {
    let number = |name: &str| {
        let line = log.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim_start_matches(':').split_whitespace().next()
    };
    let last = log.lines().rfind(|line| line.contains(" cov: ")).unwrap_or_default();
    let field = |name: &str| last.split_once(name)?.1.split_whitespace().next();
    format!(
        "{} runs, {} edges, {} inputs",
        number("stat::number_of_executed_units").unwrap_or("?"),
        field(" cov: ").unwrap_or("?"),
        field(" corp: ").unwrap_or("?")
    )
}

/// The file that was written last.
fn newest(folder: &Path) -> Result<Option<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files.push((entry.metadata()?.modified()?, entry.path()));
    }
    Ok(files.into_iter().max().map(|(_, path)| path))
}

/// What was found, and how to go on.
fn failure(name: &str, log: &str, path: &Path, input: Option<&Path>) -> Result<String> {
    let why = log.lines().skip_while(|line| !line.contains("panicked at")).take(3);
    let mut why: Vec<_> = why.collect();
    if why.is_empty() {
        why.extend(log.lines().find(|line| line.contains("ERROR: libFuzzer")));
    }
    let why = why.join("\n  ");
    let mut text =
        format!("the fuzz target `{name}` failed; its output is `{}`:\n  {why}", path.display());
    if let Some(input) = input {
        let shown = input.display();
        let seed = seeds::escape(&fs::read(input)?);
        text += &format!(
            "\n  to reproduce it: cargo xtask fuzz {name} --input {shown}\
             \n  its line for `xtask/fuzz/seeds/{name}.txt`: {seed}"
        );
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_a_run_are_found_in_its_log() {
        let log = "#2\tINITED cov: 5 ft: 6 corp: 1/1b exec/s: 0 rss: 31Mb\n\
                   #9\tDONE   cov: 812 ft: 99 corp: 40/2Kb lim: 4 exec/s: 9 rss: 31Mb\n\
                   stat::number_of_executed_units: 9\n";
        assert_eq!(summary(log), "9 runs, 812 edges, 40/2Kb inputs");
        assert_eq!(summary(""), "? runs, ? edges, ? inputs");
    }

    #[test]
    fn a_failure_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let input = folder.path().join("crash-1");
        fs::write(&input, b"a\n\xff").unwrap();
        let log = "INFO\nthread '<unnamed>' panicked at a.rs:1:2:\nleft\nright\nmore\n";
        let text = failure("json", log, Path::new("log.txt"), Some(&input)).unwrap();
        assert!(text.contains("panicked at a.rs:1:2:\n  left\n  right\n"), "{text}");
        assert!(text.contains("cargo xtask fuzz json --input /"), "{text}");
        assert!(text.ends_with(r"seeds/json.txt`: a\n\xff"), "{text}");
    }

    #[test]
    fn every_target_has_a_program_and_seeds() {
        let manifest = fs::read_to_string(folder().join("Cargo.toml")).unwrap();
        for name in names(None).unwrap() {
            assert!(manifest.contains(&format!("path = \"targets/{name}.rs\"")), "{name}");
            assert!(!seeds::read(&folder(), &name).unwrap().is_empty(), "{name}");
        }
    }
}
