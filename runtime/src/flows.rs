//! Reads flow files from disk.

use std::path::{Path, PathBuf};

use anyhow::Context;
use ferrowire_engine::FlowFile;

/// Reads the files; several are combined in order.
///
/// # Errors
/// If a file cannot be read or is not a flow file; names the file.
pub(crate) fn read(paths: &[PathBuf]) -> anyhow::Result<FlowFile> {
    let files: Vec<FlowFile> = paths.iter().map(|path| read_one(path)).collect::<Result<_, _>>()?;
    Ok(FlowFile::merged(files))
}

fn read_one(path: &Path) -> anyhow::Result<FlowFile> {
    let text = std::fs::read(path)
        .with_context(|| format!("cannot read the flow file `{}`", path.display()))?;
    FlowFile::parse(&text).with_context(|| format!("`{}` is not a flow file", path.display()))
}
