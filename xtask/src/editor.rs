//! `cargo xtask editor`: installs the Node-RED editor, which the next build embeds.

use anyhow::Result;

use crate::{cargo, npm};

/// The crate that embeds it, with the versions in its lock file.
const FOLDER: &str = "crates/admin";

/// Installs the editor, unless the version in the lock file is already installed.
pub(crate) fn fetch() -> Result<()> {
    npm::install(FOLDER)
}

/// Like [`fetch`], where the editor is optional: without it the program is headless.
pub(crate) fn fetch_if_possible() {
    if let Err(problem) = fetch() {
        println!("continuing without the editor: {problem:#}");
    }
}

/// Whether the next build embeds it.
pub(crate) fn is_there() -> bool {
    cargo::root().join(FOLDER).join("node_modules/@node-red").is_dir()
}
