//! What a library writes through its own copies of `tracing` and `log`, and what its panics say,
//! goes to the host's log.

use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::Cell;
use std::fmt::Write as _;
use std::panic::PanicHookInfo;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};

use super::runtime;
use crate::raw;
use ferrowire_core::NodeError;

/// The host's log.
#[derive(Clone, Copy)]
struct HostLog {
    plugin: &'static str,
    host: &'static raw::HostTable,
    finest: LevelFilter,
}

/// Sends log lines and panics of this library to the host. A logger that the
/// library has set up itself, in a constructor, is kept.
pub(super) fn start(plugin: &'static str, host: &'static raw::HostTable) {
    let levels = [Level::TRACE, Level::DEBUG, Level::INFO, Level::WARN, Level::ERROR];
    let wanted = |level: &&Level| {
        // SAFETY: the string is lent for the call.
        unsafe { (host.logs)(number(**level), raw::Str::new("")) != 0 }
    };
    let finest =
        levels.iter().find(wanted).map_or(LevelFilter::OFF, |level| LevelFilter::from(*level));
    let to = HostLog { plugin, host, finest };
    let _has_its_own = tracing::subscriber::set_global_default(to);
    if log::set_boxed_logger(Box::new(to)).is_ok() {
        log::set_max_level(match finest.into_level() {
            None => log::LevelFilter::Off,
            Some(Level::TRACE) => log::LevelFilter::Trace,
            Some(Level::DEBUG) => log::LevelFilter::Debug,
            Some(Level::INFO) => log::LevelFilter::Info,
            Some(Level::WARN) => log::LevelFilter::Warn,
            Some(Level::ERROR) => log::LevelFilter::Error,
        });
    }
    std::panic::set_hook(Box::new(move |panic| to.panicked(panic)));
}

/// As the ABI counts them.
const fn number(level: Level) -> u32 {
    match level {
        Level::TRACE => 0,
        Level::DEBUG => 1,
        Level::INFO => 2,
        Level::WARN => 3,
        Level::ERROR => 4,
    }
}

const fn number_of_log(level: log::Level) -> u32 {
    match level {
        log::Level::Trace => 0,
        log::Level::Debug => 1,
        log::Level::Info => 2,
        log::Level::Warn => 3,
        log::Level::Error => 4,
    }
}

impl HostLog {
    fn wants(&self, level: u32, target: &str) -> bool {
        // SAFETY: the string is lent for the call.
        unsafe { (self.host.logs)(level, raw::Str::new(target)) != 0 }
    }

    fn write(&self, level: u32, target: &str, text: &str) {
        let (plugin, target, text) =
            (raw::Str::new(self.plugin), raw::Str::new(target), raw::Str::new(text));
        // SAFETY: the strings are lent for the call.
        unsafe { (self.host.write_log)(level, plugin, target, text) };
    }

    /// For a panic that becomes a node's error, only its place is logged.
    fn panicked(&self, panic: &PanicHookInfo<'_>) {
        let (reason, thread) = (NodeError::panic_text(panic.payload()), std::thread::current());
        let thread = thread.name().unwrap_or("without a name");
        let mut text = format!("a panic in the thread `{thread}`");
        if let Some(place) = panic.location() {
            let _infallible = write!(text, " at {place}");
        }
        let _infallible = write!(text, ": {reason}");
        let backtrace = Backtrace::capture();
        if backtrace.status() == BacktraceStatus::Captured {
            let _infallible = write!(text, "\n{backtrace}");
        }
        let level = if is_caught() { Level::DEBUG } else { Level::ERROR };
        self.write(number(level), "ferrowire::plugins", &text);
    }
}

thread_local!(static CAUGHT: Cell<bool> = const { Cell::new(false) });

/// Whether a panic here becomes a node's error. On threads of the host all code of this library
/// runs where panics are caught; on its own threads only what runs in [`caught`] does.
fn is_caught() -> bool {
    CAUGHT.get() || (runtime::is_entered() && !runtime::is_own_thread())
}

/// Runs code whose panics are caught.
pub(super) fn caught<T>(work: impl FnOnce() -> T) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            CAUGHT.set(self.0);
        }
    }
    let _restore = Restore(CAUGHT.replace(true));
    work()
}

impl Subscriber for HostLog {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        // The host's log knows nothing of spans in libraries.
        if metadata.is_event() { Interest::sometimes() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && self.wants(number(*metadata.level()), metadata.target())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.finest)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        let metadata = event.metadata();
        let text = line.message + &line.fields;
        self.write(number(*metadata.level()), metadata.target(), text.trim_start());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The message of an event, then its fields.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    /// Printed by the host: the standard library's printing of floats takes 18 kB in each library.
    fn record_f64(&mut self, field: &Field, value: f64) {
        // SAFETY: the text is handed over.
        let text = unsafe { (super::host_table().number_text)(value).take() };
        self.record_debug(field, &format_args!("{}", text.unwrap_or_default()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _infallible = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

impl log::Log for HostLog {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        self.wants(number_of_log(metadata.level()), metadata.target())
    }

    fn log(&self, record: &log::Record<'_>) {
        if log::Log::enabled(self, record.metadata()) {
            self.write(number_of_log(record.level()), record.target(), &record.args().to_string());
        }
    }

    fn flush(&self) {}
}
