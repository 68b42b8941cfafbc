//! `cargo xtask parity`: runs Node-RED's own tests of its nodes against the runtime.
//!
//! A black-box suite runs the test files from a clone of Node-RED over the admin API. Neither is
//! part of this repository, only the result: `PARITY.md`.

pub(crate) mod jsonata;
mod log;
mod page;
mod reasons;
mod report;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

use crate::cargo::Metadata;
use crate::editor;
use crate::program::Program;
use reasons::Reasons;
use report::Report;

/// The test files of the nodes that Ferrowire has, in the order of the table.
const SPECS: [&str; 31] = [
    "network/22-websocket_spec.js",
    "common/20-inject_spec.js",
    "common/21-debug_spec.js",
    "common/60-link_spec.js",
    "common/91-global-config_spec.js",
    "../subflow/subflow_spec.js",
    "function/10-function_spec.js",
    "function/10-switch_spec.js",
    "function/15-change_spec.js",
    "function/16-range_spec.js",
    "function/80-template_spec.js",
    "function/89-delay_spec.js",
    "function/89-trigger_spec.js",
    "function/90-exec_spec.js",
    "function/rbe_spec.js",
    "sequence/17-split_spec.js",
    "sequence/18-sort_spec.js",
    "sequence/19-batch_spec.js",
    "parsers/70-CSV_spec.js",
    "parsers/70-HTML_spec.js",
    "parsers/70-JSON_spec.js",
    "parsers/70-XML_spec.js",
    "parsers/70-YAML_spec.js",
    "network/21-httprequest_spec.js",
    "network/31-tcpin_spec.js",
    "network/31-tcprequest_spec.js",
    "network/32-udpin_spec.js",
    "network/32-udpout_spec.js",
    "storage/10-file_spec.js",
    "storage/23-watch_spec.js",
    "common/98-unknown_spec.js",
];

/// The settings that the tests require: context stores with these names.
const SETTINGS: &str = r#"
[context-storage]
default = "memory1"
memory = { module = "memory" }
memory0 = { module = "memory" }
memory1 = { module = "memory" }
memory2 = { module = "memory" }
"#;

/// Why cases fail.
const REASONS: &str = "xtask/parity-reasons.toml";

/// What to test.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The folder of the suite: `run.mjs`, with its packages installed
    #[arg(long, value_name = "DIR")]
    suite: PathBuf,
    /// A clone of Node-RED
    #[arg(long, value_name = "DIR")]
    node_red: PathBuf,
    /// Only these files, by path (`common/20-inject_spec.js`) or name (`inject`); prints the table
    /// and does not change `PARITY.md`
    #[arg(long, value_name = "FILE", num_args = 1..)]
    spec: Vec<String>,
    /// Only the cases whose key or title matches this; needs `--spec`
    #[arg(long, value_name = "PATTERN", requires = "spec")]
    only: Option<String>,
    /// How often a failed case is retried
    #[arg(long, value_name = "NUMBER", default_value_t = 2)]
    retries: u32,
}

/// Builds, starts, tests, and writes the table.
pub(crate) fn run(options: &Options) -> Result<()> {
    let suite = checked_suite(&options.suite)?;
    let specs = chosen(&options.spec)?;
    let reasons = Reasons::read(REASONS)?;
    let folder = Metadata::read()?.target()?.join("parity");
    let results = folder.join("results.json");
    // Flows and context of an earlier run would affect this one.
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("could not empty `{}`", folder.display()));
        }
        _ => fs::create_dir_all(folder.join("user"))?,
    }
    fs::write(folder.join("settings.toml"), SETTINGS)?;
    // Some cases request the editor's own pages.
    editor::fetch_if_possible();
    let (settings, user) = (folder.join("settings.toml"), folder.join("user"));
    let places =
        ["--settings".as_ref(), settings.as_os_str(), "--user-dir".as_ref(), user.as_os_str()];
    let arguments = log::ARGUMENTS.map(OsStr::new).into_iter().chain(places);
    // Some flows refer to files of Node-RED relative to its folder.
    let program =
        Program::start(&options.node_red, arguments, log::translator(&folder.join("log"))?)?;
    test(options, &suite, &specs, &program, &results)?;
    drop(program);

    let report = Report::read(&results)?;
    let text = report.markdown(&reasons)?;
    if options.spec.is_empty() {
        page::write(Some(&text), None)?;
        println!("\n{}", report.summary());
        for (spec, key) in reasons.stale(|spec, key| report.fails(spec, key)) {
            println!("the reason for `{key}` of `{spec}` is obsolete");
        }
    } else {
        println!("\n{text}");
    }
    let unexplained = report.unexplained(&reasons);
    ensure!(unexplained == 0, "{unexplained} cases fail without a reason");
    Ok(())
}

fn checked_suite(suite: &Path) -> Result<PathBuf> {
    let suite =
        suite.canonicalize().with_context(|| format!("no suite at `{}`", suite.display()))?;
    for (part, hint) in [
        ("run.mjs", "is it the folder of the suite?"),
        ("node_modules/mocha", "install its packages there: `npm ci`"),
    ] {
        ensure!(suite.join(part).exists(), "`{}` has no `{part}`; {hint}", suite.display());
    }
    Ok(suite)
}

/// The selected files; all by default.
fn chosen(names: &[String]) -> Result<Vec<String>> {
    if names.is_empty() {
        return Ok(SPECS.map(str::to_owned).to_vec());
    }
    let find = |name: &String| match SPECS.iter().find(|spec| short(spec) == name) {
        Some(spec) => Ok((*spec).to_owned()),
        None if name.ends_with("_spec.js") => Ok(name.clone()),
        None => {
            let names = SPECS.map(short).join(", ");
            bail!("`{name}` is neither a path of a `_spec.js` nor one of {names}")
        }
    };
    names.iter().map(find).collect()
}

/// `inject` of `common/20-inject_spec.js`.
fn short(spec: &str) -> &str {
    let file = spec.rsplit('/').next().unwrap_or(spec);
    let file = file.trim_start_matches(|c: char| c.is_ascii_digit() || c == '-');
    file.strip_suffix("_spec.js").unwrap_or(file)
}

fn test(
    options: &Options,
    suite: &Path,
    specs: &[String],
    program: &Program,
    results: &Path,
) -> Result<()> {
    let mut command = Command::new("node");
    command.arg(suite.join("run.mjs")).arg("--target").arg(program.url());
    command.arg("--spec").args(specs).arg("--json").arg(results);
    command.arg("--target-log").arg(results.with_file_name("log"));
    command.arg("--retries").arg(options.retries.to_string());
    if let Some(only) = &options.only {
        command.arg("--only").arg(only);
    }
    command.env("NODE_RED_SRC", &options.node_red);
    // It fails if a case fails; the results are in its report.
    let status = command.status().context("could not start `node`")?;
    ensure!(results.exists(), "the suite ended without a result: {status}");
    Ok(())
}
