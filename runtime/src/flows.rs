//! Reading flow files from disk.

use std::path::{Path, PathBuf};

use anyhow::Context;
use ferrowire_engine::FlowFile;

/// Reads the files; several become one, in their order.
///
/// # Errors
/// Names the file that cannot be read or is no flow file.
pub(crate) fn read(paths: &[PathBuf]) -> anyhow::Result<FlowFile> {
    let files: Vec<FlowFile> = paths.iter().map(|path| read_one(path)).collect::<Result<_, _>>()?;
    Ok(FlowFile::merged(files))
}

fn read_one(path: &Path) -> anyhow::Result<FlowFile> {
    let text = std::fs::read(path)
        .with_context(|| format!("cannot read the flow file `{}`", path.display()))?;
    FlowFile::parse(&text).with_context(|| format!("`{}` is no flow file", path.display()))
}
