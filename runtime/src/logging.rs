//! Log lines on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::settings::{Settings, table};

/// Begins to write log lines. Only the first call of a process counts.
pub(crate) fn start(settings: &Settings) {
    let filter = EnvFilter::try_new(&settings.log).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        // Reporting on standard error that standard error is closed would panic.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    // After the first call, as in tests, this fails and changes nothing.
    let _already_started = match settings.get(&table::LOG_FORMAT).as_str() {
        "json" => builder.json().flatten_event(true).try_init(),
        _ => builder.with_target(false).try_init(),
    };
}
