//! Log lines on standard error, written by a dedicated thread.
//!
//! A write blocks while the reader of standard error does not read. Only the thread of the queue
//! waits for it.

pub(crate) mod filter;
mod queue;
mod repeats;

use std::backtrace::{Backtrace, BacktraceStatus};
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::panic::PanicHookInfo;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use anyhow::Context;
use ferrowire_core::{MutexExt as _, NodeError};
use tracing::{Dispatch, Level, Metadata, dispatcher, error, event_enabled, warn};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;

use crate::settings::{Settings, table};
use filter::Replace;
use queue::Queue;
use repeats::Form;

/// What waits when the program ends is given this long to be written.
const AT_EXIT: Duration = Duration::from_secs(1);

/// A panic waits this long until its line is written: the process may be about to abort.
const AT_PANIC: Duration = Duration::from_millis(100);

static QUEUE: OnceLock<Arc<Queue>> = OnceLock::new();

/// Begins to write log lines. Only the first call of a process counts.
///
/// # Errors
/// When there can be no further thread.
pub(crate) fn start(settings: &Settings) -> anyhow::Result<()> {
    let form = match settings.get(&table::LOG_FORMAT).as_str() {
        "json" => Form::Json,
        _ => Form::Text,
    };
    let filter = filter::parse(&settings.log);
    let filter = filter.unwrap_or_else(|_| EnvFilter::new("info"));
    let queue = Arc::new(Queue::new(form));
    let (dispatch, replace) = dispatch(form, filter, Lines(Arc::clone(&queue)));
    if dispatch.try_init().is_err() {
        // Not the first call, as in tests.
        return Ok(());
    }
    filter::begin(&settings.log, replace);
    let writing = Arc::clone(&queue);
    std::thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || writing.write_to(io::stderr(), |count| dropped_line(form, count)))
        .context("cannot start the thread that writes the log")?;
    QUEUE.get_or_init(|| queue);
    std::panic::set_hook(Box::new(panicked));
    Ok(())
}

/// What writes lines, and what replaces its filter.
fn dispatch<W>(form: Form, filter: EnvFilter, writer: W) -> (Dispatch, Replace)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(io::stderr().is_terminal())
        // Reporting on standard error that standard error is closed would panic.
        .log_internal_errors(false)
        .with_writer(writer);
    match form {
        Form::Json => {
            let builder = builder.json().flatten_event(true).with_filter_reloading();
            let handle = builder.reload_handle();
            (builder.into(), Box::new(move |filter| handle.reload(filter)))
        }
        Form::Text => {
            let builder = builder.with_target(false).with_filter_reloading();
            let handle = builder.reload_handle();
            (builder.into(), Box::new(move |filter| handle.reload(filter)))
        }
    }
}

/// Makes the line that says how many lines were dropped, whatever the filter of the log is.
fn dropped_line(form: Form, count: u64) -> Vec<u8> {
    let line = Buffer::default();
    let to = line.clone();
    let (aside, _) = dispatch(form, EnvFilter::new("warn"), move || to.clone());
    dispatcher::with_default(&aside, || {
        warn!("{count} log lines were dropped, because standard error was not read");
    });
    std::mem::take(&mut *line.0.locked())
}

/// Writes a line that is no part of the log, but comes after it.
pub(crate) fn print(text: fmt::Arguments<'_>) {
    match QUEUE.get() {
        Some(queue) => queue.add(format!("{text}\n").as_bytes()),
        None => {
            // Standard error may be closed.
            let _closed = writeln!(io::stderr(), "{text}");
        }
    }
}

/// Writes what waits when it is dropped, as far as it is read in time.
pub(crate) struct Rest;

impl Drop for Rest {
    fn drop(&mut self) {
        if let Some(queue) = QUEUE.get() {
            queue.finish(AT_EXIT);
        }
    }
}

fn panicked(panic: &PanicHookInfo<'_>) {
    let text = described(panic);
    if event_enabled!(Level::ERROR) {
        error!("{text}");
    } else if std::thread::current().name() == Some("main") {
        // The process ends, and says why whatever the filter is.
        print(format_args!("ferrowire: {text}"));
    }
    if let Some(queue) = QUEUE.get() {
        queue.flush(AT_PANIC);
    }
}

fn described(panic: &PanicHookInfo<'_>) -> String {
    let (reason, thread) = (NodeError::panic_text(panic.payload()), std::thread::current());
    let thread = thread.name().unwrap_or("without a name");
    let place = panic.location().map(|place| format!(" at {place}")).unwrap_or_default();
    let backtrace = Backtrace::capture();
    let backtrace = match backtrace.status() {
        BacktraceStatus::Captured => format!("\n{backtrace}"),
        _ => String::new(),
    };
    format!("a panic in the thread `{thread}`{place}: {reason}{backtrace}")
}

/// Takes the lines of the log, each by one write.
struct Lines(Arc<Queue>);

struct Line<'a> {
    queue: &'a Queue,
    /// It says that something went wrong, which may go wrong again for every message.
    may_repeat: bool,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Self::Writer {
        Line { queue: &self.0, may_repeat: false }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Self::Writer {
        Line { queue: &self.0, may_repeat: *meta.level() <= Level::WARN }
    }
}

impl Write for Line<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match self.may_repeat {
            true => self.queue.add_repeated(line),
            false => self.queue.add(line),
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Memory that a line is formatted into.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.locked().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_with_its_thread_and_place() {
        let told = Arc::new(Mutex::new(Vec::new()));
        let tell = Arc::clone(&told);
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| tell.lock().unwrap().push(described(panic))));
        let worker = std::thread::Builder::new().name("worker".to_owned());
        assert!(worker.spawn(|| panic!("on {}", "purpose")).unwrap().join().is_err());
        std::panic::set_hook(before);
        let told = told.lock().unwrap();
        let here = |text: &&String| text.starts_with("a panic in the thread `worker` at ");
        let text = told.iter().find(here).unwrap();
        assert!(text.contains("logging.rs:") && text.contains(": on purpose"), "{text}");
    }

    #[test]
    fn the_line_about_dropped_lines_looks_like_the_others() {
        let text = String::from_utf8(dropped_line(Form::Text, 3)).unwrap();
        assert!(text.contains(" 3 log lines were dropped, because"), "{text}");
        assert!(text.contains("WARN") && text.ends_with("not read\n"), "{text}");
        let json = dropped_line(Form::Json, 3);
        let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
        assert_eq!(json["level"], "WARN");
    }
}
