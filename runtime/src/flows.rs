//! The flow files: where they are, and how they are read.

use std::path::{Path, PathBuf};

use anyhow::Context;
use ferrowire_engine::FlowFile;

use crate::settings::{Settings, table};

/// The flow file of a user directory, unless a setting names another one.
const DEFAULT: &str = "flows.json";

/// The flow files that are run, and the user directory.
#[derive(Debug)]
pub(crate) struct Places {
    pub(crate) flow_files: Vec<PathBuf>,
    pub(crate) user_dir: PathBuf,
    /// Whether the user directory was chosen, rather than being the folder of files that were named.
    pub(crate) is_chosen: bool,
}

impl Places {
    /// The files that the command line names, or else the one of the settings, which need not exist.
    ///
    /// # Errors
    /// If a file that the command line names cannot be read.
    pub(crate) fn find(named: &[PathBuf], settings: &Settings) -> anyhow::Result<Self> {
        let user_dir = settings.get(&table::USER_DIR);
        let in_user_dir = |path: &PathBuf| located(path, user_dir.as_deref());
        let flow_files = match (named, settings.get(&table::FLOW_FILE)) {
            ([], None) => vec![user_dir.clone().unwrap_or_default().join(DEFAULT)],
            ([], Some(path)) => vec![in_user_dir(&path)],
            (named, _) => named.iter().map(in_user_dir).collect(),
        };
        if !named.is_empty() {
            for path in &flow_files {
                std::fs::metadata(path)
                    .with_context(|| format!("cannot read the flow file `{}`", path.display()))?;
            }
        }
        let folder = flow_files.first().and_then(|path| path.parent()).unwrap_or(Path::new(""));
        let is_chosen = named.is_empty() || user_dir.is_some();
        let user_dir = user_dir.unwrap_or_else(|| folder.to_owned());
        Ok(Places { flow_files, user_dir, is_chosen })
    }
}

/// As in Node-RED, a relative path that does not exist is in the user directory, unless it begins
/// with `./`.
fn located(path: &Path, user_dir: Option<&Path>) -> PathBuf {
    match user_dir {
        Some(folder) if path.is_relative() && !path.starts_with(".") && !path.exists() => {
            folder.join(path)
        }
        _ => path.to_owned(),
    }
}

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
