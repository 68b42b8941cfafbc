//! The host's log for lines of a library, which has its own copies of `tracing` and `log`.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock};

use ferrowire_core::MutexExt as _;

use tracing::callsite::{Callsite, Identifier};
use tracing::field::{FieldSet, Value};
use tracing::level_filters::LevelFilter;
use tracing::metadata::Kind;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, dispatcher};

use super::table::intern;
use ferrowire_abi::{contained, raw};

const TARGET: &str = "ferrowire::plugins";

/// The maximum number of pairs of level and target; further ones are logged with [`TARGET`].
const PLACES: usize = 4096;

/// A call site in a library's code, as this side's `tracing` needs it.
struct Place {
    level: Level,
    target: &'static str,
    metadata: OnceLock<Metadata<'static>>,
}

impl Callsite for Place {
    // The library queries it for every line.
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        self.metadata.get_or_init(|| describe(self.level, self.target, &ANY))
    }
}

/// The call site of fields, which is not compared.
static ANY: Place = Place { level: Level::ERROR, target: TARGET, metadata: OnceLock::new() };

fn describe(level: Level, target: &'static str, place: &'static Place) -> Metadata<'static> {
    let fields = FieldSet::new(&["message", "plugin"], Identifier(place));
    Metadata::new("plugin", target, level, None, None, None, fields, Kind::EVENT)
}

fn level(level: u32) -> Level {
    match level {
        0 => Level::TRACE,
        1 => Level::DEBUG,
        2 => Level::INFO,
        3 => Level::WARN,
        _ => Level::ERROR,
    }
}

/// The place for lines of that level and target. Lives for ever.
fn place(level: Level, target: &str) -> &'static Place {
    static PLACES_KNOWN: Mutex<Option<HashMap<(Level, &'static str), &'static Place>>> =
        Mutex::new(None);
    let mut known = PLACES_KNOWN.locked();
    let known = known.get_or_insert_default();
    let full = known.len() >= PLACES;
    if let Some(place) = known.get(&(level, target)) {
        return place;
    }
    let target = if full { "" } else { intern(target) };
    let target = if target.is_empty() { TARGET } else { target };
    known.entry((level, target)).or_insert_with(|| {
        let place: &'static Place =
            Box::leak(Box::new(Place { level, target, metadata: OnceLock::new() }));
        place.metadata.get_or_init(|| describe(level, target, place));
        place
    })
}

/// Without a target it is asked whether there is any target whose lines are wanted.
pub(super) unsafe extern "C" fn logs(number: u32, target: raw::Str) -> u32 {
    // SAFETY: lent for this call.
    let target = unsafe { target.get() };
    let wanted = || {
        let level = level(number);
        level <= LevelFilter::current()
            && (target.is_empty()
                || dispatcher::get_default(|log| log.enabled(place(level, target).metadata())))
    };
    contained(wanted).unwrap_or(false).into()
}

pub(super) unsafe extern "C" fn write(
    number: u32,
    plugin: raw::Str,
    target: raw::Str,
    text: raw::Str,
) {
    // SAFETY: lent for this call.
    let (plugin, target, text) = unsafe { (plugin.get(), target.get(), text.get()) };
    let _contained = contained(|| {
        let metadata = place(level(number), target).metadata();
        let fields = metadata.fields();
        let mut names = fields.iter();
        let (Some(message), Some(name)) = (names.next(), names.next()) else { return };
        let text = format_args!("{text}");
        let values = [(&message, Some(&text as &dyn Value)), (&name, Some(&plugin as &dyn Value))];
        dispatcher::get_default(|log| {
            if log.enabled(metadata) {
                log.event(&Event::new(metadata, &fields.value_set(&values)));
            }
        });
    });
}
