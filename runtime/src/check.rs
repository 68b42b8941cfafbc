//! `ferrowire check`: reports every problem of flow files, without side effects.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use ferrowire_core::{Registry, Value};
use ferrowire_engine::{Environment, FlowFile, check as problems_of};

use crate::{UNUSABLE, flows, process_env};

/// Prints all problems, one per line, and which nodes Node.js runs. `missing_runtime` says why it does
/// not, if it does not.
///
/// # Errors
/// If a file cannot be read or is not a flow file.
pub(crate) fn check(
    registry: &Registry,
    missing_runtime: Option<&str>,
    paths: &[PathBuf],
) -> anyhow::Result<ExitCode> {
    let file = flows::read(paths)?;
    let hosted = hosted(&file, registry);
    let problems = problems_of(&file, registry, &Environment::new(process_env));
    let mut problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    problems.extend(missing_runtime.filter(|_| !hosted.is_empty()).map(str::to_owned));
    let mut out = std::io::stdout().lock();
    for problem in &problems {
        writeln!(out, "{problem}")?;
    }
    if problems.is_empty() {
        writeln!(out, "no problems")?;
    }
    for (package, types) in hosted {
        writeln!(out, "Node.js runs the nodes of `{package}`: {}", types.join(", "))?;
    }
    Ok(if problems.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(UNUSABLE) })
}

/// The hosted types in a flow file with the number of their nodes, by package and version.
fn hosted(file: &FlowFile, registry: &Registry) -> BTreeMap<String, Vec<String>> {
    let mut counts: BTreeMap<(String, &str), usize> = BTreeMap::new();
    for node in file.nodes() {
        let name = node.get("type").and_then(Value::as_str).unwrap_or_default();
        if let Some(known) = registry.of_node(name, node).filter(|it| it.is_hosted()) {
            let package = format!("{} {}", known.plugin, known.version).trim_end().to_owned();
            *counts.entry((package, name)).or_default() += 1;
        }
    }
    let mut by_package: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for ((package, name), count) in counts {
        by_package.entry(package).or_default().push(format!("{count} `{name}`"));
    }
    by_package
}
