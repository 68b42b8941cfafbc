//! One-time set-up of a plugin, before its first node is built.

use std::sync::OnceLock;

use crate::NodeError;

/// A function that a crate runs once.
#[doc(hidden)]
#[derive(Debug)]
pub struct Setup {
    /// The crate.
    pub plugin: &'static str,
    /// The function.
    pub run: fn() -> Result<(), NodeError>,
}

inventory::collect!(Setup);

/// A plugin cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the plugin `{plugin}` cannot be used: {reason}")]
pub struct SetupFailed {
    /// The plugin.
    pub plugin: &'static str,
    /// Why not.
    pub reason: String,
}

/// Runs the functions that linked-in plugins registered with `on_load!`. They run once; later calls
/// return the result of the first.
///
/// # Errors
/// The first failure.
pub fn set_up() -> Result<(), SetupFailed> {
    static DONE: OnceLock<Result<(), SetupFailed>> = OnceLock::new();
    let run = || {
        for setup in inventory::iter::<Setup> {
            (setup.run)()
                .map_err(|error| SetupFailed { plugin: setup.plugin, reason: error.chain() })?;
        }
        Ok(())
    };
    DONE.get_or_init(run).clone()
}
