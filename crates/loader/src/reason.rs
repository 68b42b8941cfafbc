//! `Refused`: why a library is not loaded, and what to do.

use std::path::PathBuf;
use std::time::Duration;

use crate::host::Refusal;
use ferrowire_core::metric::DuplicateMetric;
use ferrowire_core::{DuplicateType, RefusedSetting};

/// A library or folder that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("plugin `{}`: {reason}", file.display())]
pub struct Refused {
    /// The file or folder.
    pub file: PathBuf,
    /// Why, and what to do.
    pub reason: Reason,
    /// Whether it was asked for as required.
    pub required: bool,
}

/// Why a library cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// It cannot be read.
    #[error("it cannot be read ({error}); check the path and its permissions")]
    Unreadable {
        /// What the system says.
        error: std::io::Error,
    },
    /// A file was expected.
    #[error("it is a directory; load all that is in it with `--plugins`")]
    IsDirectory,
    /// A folder was expected.
    #[error("it is no directory; load a single library with `--plugin`")]
    NoDirectory,
    /// Every user of the machine may change it.
    #[error("every user may write to {}, and so put code into this process; take that away with `chmod o-w`", what.display())]
    Writable {
        /// The file, or the folder that holds it.
        what: PathBuf,
    },
    /// It is something else.
    #[error(
        "it is not a shared library ({found}); give the file that `cargo build` made of a crate with `crate-type = [\"lib\", \"cdylib\"]`"
    )]
    NotALibrary {
        /// What it is.
        found: String,
    },
    /// A part is missing.
    #[error("it is damaged or not complete ({error}); copy or build it again")]
    Damaged {
        /// What does not fit.
        error: String,
    },
    /// It is for another kind of machine.
    #[error("it was built for {theirs}, this runtime is for {ours}; build it for this machine")]
    Architecture {
        /// Its kind.
        theirs: String,
        /// This one.
        ours: String,
    },
    /// It has nothing to do with Ferrowire.
    #[error(
        "it is a library and no Ferrowire plugin: {missing} is missing; its crate must depend on `ferrowire` and register a node type"
    )]
    NotAPlugin {
        /// What is missing.
        missing: &'static str,
    },
    /// The two versions do not fit together, or its preparations failed.
    #[error(transparent)]
    Refusal(#[from] Refusal),
    /// Another plugin has one of its node types.
    #[error(transparent)]
    Duplicate(#[from] DuplicateType),
    /// Another plugin has one of its metrics.
    #[error(transparent)]
    DuplicateMetric(#[from] DuplicateMetric),
    /// Another plugin, or the runtime, has one of its settings.
    #[error(transparent)]
    Setting(#[from] RefusedSetting),
    /// It declares a setting that could not be used.
    #[error("the declaration of its setting `{setting}` is invalid: {problem}; build it again")]
    InvalidSetting {
        /// The setting.
        setting: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// The system's loader refuses it.
    #[error(
        "the system cannot load it ({error}); build it on this machine, or install what it needs"
    )]
    System {
        /// What the loader says.
        error: String,
    },
    /// It does not come back.
    #[error("it was not ready after {limit:?}; its `on_load` hangs")]
    Hangs {
        /// How long it had.
        limit: Duration,
    },
    /// What it offers is not what it declares.
    #[error("it declares the node types {declared:?} and has {offered:?}; build it again")]
    Contradiction {
        /// In its file.
        declared: Vec<String>,
        /// When it runs.
        offered: Vec<String>,
    },
}
