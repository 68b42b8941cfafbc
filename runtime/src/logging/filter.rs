//! The filter of the log, which can be replaced while the program runs.

use std::sync::{Mutex, OnceLock};

use ferrowire_core::MutexExt as _;
use tracing::info;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::{EnvFilter, reload};

/// Puts another filter in the place of the current one.
pub(super) type Replace = Box<dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync>;

struct Filter {
    replace: Replace,
    text: Mutex<String>,
}

static FILTER: OnceLock<Filter> = OnceLock::new();

/// Notes the filter that the log begins with.
pub(super) fn begin(text: &str, replace: Replace) {
    FILTER.get_or_init(|| Filter { replace, text: Mutex::new(text.to_owned()) });
}

/// The current filter, such as `info` or `ferrowire=debug`.
pub(crate) fn current() -> String {
    FILTER.get().map(|filter| filter.text.locked().clone()).unwrap_or_default()
}

/// The filter `text`. The client of NATS logs what is logged here in other words, unless the filter names it.
pub(super) fn parse(text: &str) -> Result<EnvFilter, ParseError> {
    match text.contains("async_nats") {
        true => EnvFilter::try_new(text),
        false => EnvFilter::try_new(format!("async_nats=off,{text}")),
    }
}

/// Replaces the filter, and logs that if it is another one.
///
/// # Errors
/// If `text` is no filter; the filter stays what it is.
pub(crate) fn change(text: &str) -> Result<(), String> {
    let Some(filter) = FILTER.get() else { return Ok(()) };
    let mut current = filter.text.locked();
    if *current == text {
        return Ok(());
    }
    let next = parse(text).map_err(|error| {
        format!("expected a filter such as `info` or `ferrowire=debug`: {error}")
    })?;
    (filter.replace)(next).map_err(|error| error.to_string())?;
    text.clone_into(&mut current);
    drop(current);
    info!("the log is filtered by `{text}`");
    Ok(())
}
