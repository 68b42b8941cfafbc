//! What a plugin does once, before its first node is built.

use std::sync::OnceLock;

use crate::NodeError;

/// A function that a crate wants to run once.
#[doc(hidden)]
#[derive(Debug)]
pub struct Setup {
    /// The crate.
    pub plugin: &'static str,
    /// The function.
    pub run: fn() -> Result<(), NodeError>,
}

inventory::collect!(Setup);

/// Runs a function of the calling crate once, before the first of its nodes is built: when the
/// runtime starts, or when the library is loaded. An error keeps the plugin from being used.
///
/// ```
/// # use ferrowire_core::NodeError;
/// fn check_the_device() -> Result<(), NodeError> {
///     Ok(())
/// }
///
/// ferrowire_core::on_load!(check_the_device);
/// ```
#[macro_export]
macro_rules! on_load {
    ($run:expr) => {
        $crate::__inventory::submit! {
            $crate::__Setup { plugin: env!("CARGO_PKG_NAME"), run: $run }
        }
    };
}

/// A plugin cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the plugin `{plugin}` cannot be used: {reason}")]
pub struct SetupFailed {
    /// The plugin.
    pub plugin: &'static str,
    /// Why not.
    pub reason: String,
}

/// Runs what the plugins that are linked in registered with [`on_load!`](crate::on_load). They
/// run once; later calls return the result of the first.
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
