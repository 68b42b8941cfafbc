//! Logging to standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::settings::{Settings, table};

/// Starts logging. Later calls in the same process have no effect.
pub(crate) fn start(settings: &Settings) {
    let filter = EnvFilter::try_new(&settings.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        // Reporting on a closed standard error that it is closed would panic.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    // Fails without effect after the first call, as in tests.
    let _already_started = match settings.get(&table::LOG_FORMAT).as_str() {
        "json" => builder.json().flatten_event(true).try_init(),
        _ => builder.with_target(false).try_init(),
    };
}
