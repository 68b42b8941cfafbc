//! `ferrowire manual`: the manual pages, from the commands and the records of settings.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;

/// Writes a page for each command into a directory that exists.
///
/// # Errors
/// If a page cannot be written.
pub(crate) fn write(command: clap::Command, directory: &Path) -> anyhow::Result<ExitCode> {
    clap_mangen::generate_to(command, directory)
        .with_context(|| format!("cannot write manual pages into `{}`", directory.display()))?;
    Ok(ExitCode::SUCCESS)
}
