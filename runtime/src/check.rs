//! `ferrowire check`: reports every problem of flow files, without side effects.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use ferrowire_core::Registry;
use ferrowire_engine::{Environment, check as problems_of};

use crate::{UNUSABLE, flows, process_env};

/// Prints all problems, one per line.
///
/// # Errors
/// If a file cannot be read or is not a flow file.
pub(crate) fn check(registry: &Registry, paths: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let file = flows::read(paths)?;
    let problems = problems_of(&file, registry, &Environment::new(process_env));
    let mut out = std::io::stdout().lock();
    for problem in &problems {
        writeln!(out, "{problem}")?;
    }
    if problems.is_empty() {
        writeln!(out, "no problems")?;
        return Ok(ExitCode::SUCCESS);
    }
    Ok(ExitCode::from(UNUSABLE))
}
