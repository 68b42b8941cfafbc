//! `Setting`: the record from which a setting's flag, environment variable, key in the settings
//! file, validation, help and documentation are derived.

mod node_red;
mod number;
mod registry;
mod value;

use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::time::Duration;

use number::number;

pub use node_red::NodeRedNames;
pub use registry::{DeclaredSetting, RefusedSetting, SettingRegistry};
pub use value::{Secret, SettingType, SettingValue, SettingValues};

/// How the text of a setting is parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingKind {
    /// Any text.
    Text,
    /// A non-negative integer.
    Integer,
    /// A number of bytes: `65536`, or with a unit: `64 KiB`, `4 MiB`, `1 GiB`.
    Bytes,
    /// A duration in seconds, with up to nine decimals.
    Seconds,
    /// `true` or `false`.
    Boolean,
    /// A path; not empty.
    Path,
    /// One of [`SettingRecord::choices`].
    Choice,
    /// Comma-separated texts. A flag may be repeated; an array in the settings file.
    List,
    /// Paths separated as in `PATH`. A flag may be repeated; an array in the settings file.
    Paths,
    /// A text that is never shown and has no flag, since other users can see a process's arguments.
    Secret,
    /// A table of the settings file, without a flag or environment variable. Only the runtime's own
    /// settings may be tables.
    Table,
}

impl SettingKind {
    const ALL: [SettingKind; 11] = [
        SettingKind::Text,
        SettingKind::Integer,
        SettingKind::Bytes,
        SettingKind::Seconds,
        SettingKind::Boolean,
        SettingKind::Path,
        SettingKind::Choice,
        SettingKind::List,
        SettingKind::Paths,
        SettingKind::Secret,
        SettingKind::Table,
    ];

    /// The kind of that [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The kind's name in lists and in the declaration of a library.
    pub const fn name(self) -> &'static str {
        match self {
            SettingKind::Text => "text",
            SettingKind::Integer => "integer",
            SettingKind::Bytes => "bytes",
            SettingKind::Seconds => "seconds",
            SettingKind::Boolean => "boolean",
            SettingKind::Path => "path",
            SettingKind::Choice => "choice",
            SettingKind::List => "list",
            SettingKind::Paths => "paths",
            SettingKind::Secret => "secret",
            SettingKind::Table => "table",
        }
    }
}

/// What is known about a setting. Plain data, made with [`Setting`].
#[derive(Clone, Copy, Debug)]
pub struct SettingRecord {
    /// The name in kebab-case: the flag is `--name`, the environment variable `FERROWIRE_NAME`, the
    /// key of the settings file `name`.
    pub name: &'static str,
    /// How the value is parsed.
    pub kind: SettingKind,
    /// The placeholder for the value in help, such as `BYTES`. Empty for a boolean whose flag takes
    /// no value.
    pub value_name: &'static str,
    /// The default, in the syntax of the kind.
    pub default: Option<&'static str>,
    /// What applies without a value, in words, for settings without a default; may be empty.
    pub otherwise: &'static str,
    /// The minimum, in the syntax of the kind; empty if there is none.
    pub min: &'static str,
    /// The maximum.
    pub max: &'static str,
    /// The values of a [`SettingKind::Choice`].
    pub choices: &'static [&'static str],
    /// One line of help, without a full stop.
    pub help: &'static str,
    /// The heading in help and documentation.
    pub group: &'static str,
    /// Whether the value is never shown.
    pub is_secret: bool,
    /// Node-RED's names for it.
    pub node_red: NodeRedNames,
    /// The environment variable that a standard has for it, read where its own is not set; empty if there
    /// is none.
    pub standard_variable: &'static str,
    /// The crate that declares it.
    pub plugin: &'static str,
    /// The version of that crate.
    pub version: &'static str,
}

/// A setting of type `T`, declared with `settings!` and read with
/// [`NodeContext::setting`](crate::NodeContext::setting).
///
/// The constructors create optional settings (`Setting<Option<T>>`); [`default`](Self::default)
/// makes them a `Setting<T>`. `settings!` evaluates all methods at compile time: an invalid
/// default, bound or name is a compile error.
pub struct Setting<T> {
    record: SettingRecord,
    value: PhantomData<fn() -> T>,
}

impl<T> Setting<T> {
    const fn new(name: &'static str, kind: SettingKind, value_name: &'static str) -> Self {
        let record = SettingRecord {
            name,
            kind,
            value_name,
            default: None,
            otherwise: "",
            min: "",
            max: "",
            choices: &[],
            help: "",
            group: "",
            is_secret: false,
            node_red: NodeRedNames::NONE,
            standard_variable: "",
            plugin: "",
            version: "",
        };
        Setting { record, value: PhantomData }
    }

    /// The record.
    pub const fn record(&self) -> &SettingRecord {
        &self.record
    }

    /// Sets the line of help: the purpose of the setting, without a full stop. Required.
    pub const fn help(mut self, help: &'static str) -> Self {
        self.record.help = help;
        self
    }

    /// Sets the heading in help and documentation. The default is the name of the crate.
    pub const fn group(mut self, group: &'static str) -> Self {
        self.record.group = group;
        self
    }

    /// Sets the placeholder for the value in help, such as `MEBIBYTES`.
    pub const fn value_name(mut self, name: &'static str) -> Self {
        self.record.value_name = name;
        self
    }

    /// Sets the inclusive bounds of a number, in the syntax of its kind.
    pub const fn between(mut self, min: &'static str, max: &'static str) -> Self {
        self.record.min = min;
        self.record.max = max;
        self
    }

    /// Makes the setting a secret: its value is never shown.
    pub const fn hidden(mut self) -> Self {
        self.record.is_secret = true;
        self
    }

    /// Sets Node-RED's names for the setting, which are accepted as well; for the runtime's own
    /// settings.
    pub const fn node_red(mut self, names: NodeRedNames) -> Self {
        self.record.node_red = names;
        self
    }

    /// Reads this environment variable, too, as a standard has it; its own one overrides it.
    pub const fn standard_variable(mut self, name: &'static str) -> Self {
        self.record.standard_variable = name;
        self
    }

    /// Checks the record and records the crate that declares it. Evaluated at compile time.
    #[doc(hidden)]
    pub const fn declared_by(mut self, plugin: &'static str, version: &'static str) -> Self {
        self.record.plugin = plugin;
        self.record.version = version;
        if self.record.group.is_empty() {
            self.record.group = plugin;
        }
        self.record.check();
        self
    }

    /// The value `found` for the setting, or the default.
    pub(crate) fn read(&self, found: Option<SettingValue>) -> T
    where
        T: SettingType,
    {
        T::of(found.or_else(|| self.record.default_value()))
    }
}

impl<T> Setting<Option<T>> {
    /// Sets the default, in the syntax of the kind.
    pub const fn default(self, text: &'static str) -> Setting<T> {
        let record = SettingRecord { default: Some(text), ..self.record };
        Setting { record, value: PhantomData }
    }

    /// Describes what applies without a value, such as `one for each core`.
    pub const fn otherwise(mut self, words: &'static str) -> Self {
        self.record.otherwise = words;
        self
    }
}

impl Setting<Option<String>> {
    /// A text.
    pub const fn text(name: &'static str) -> Self {
        Self::new(name, SettingKind::Text, "TEXT")
    }

    /// One of several names.
    pub const fn choice(name: &'static str, choices: &'static [&'static str]) -> Self {
        let mut setting = Self::new(name, SettingKind::Choice, "NAME");
        setting.record.choices = choices;
        setting
    }
}

impl Setting<Option<usize>> {
    /// An integer, at least 0 unless [`between`](Self::between) is set.
    pub const fn integer(name: &'static str) -> Self {
        Self::new(name, SettingKind::Integer, "NUMBER")
    }

    /// A number of bytes, at least 1 unless [`between`](Self::between) is set.
    pub const fn bytes(name: &'static str) -> Self {
        Self::new(name, SettingKind::Bytes, "BYTES").between("1", "")
    }
}

impl Setting<Option<Duration>> {
    /// A duration in seconds, from a millisecond to a day unless [`between`](Self::between) is set.
    pub const fn seconds(name: &'static str) -> Self {
        Self::new(name, SettingKind::Seconds, "SECONDS").between("0.001", "86400")
    }
}

impl Setting<Option<bool>> {
    /// `true` or `false`.
    pub const fn boolean(name: &'static str) -> Self {
        Self::new(name, SettingKind::Boolean, "BOOLEAN")
    }
}

impl Setting<bool> {
    /// A boolean that is `false` by default and whose flag takes no value.
    pub const fn switch(name: &'static str) -> Self {
        let mut setting = Self::new(name, SettingKind::Boolean, "");
        setting.record.default = Some("false");
        setting
    }
}

impl Setting<Option<PathBuf>> {
    /// A path.
    pub const fn path(name: &'static str) -> Self {
        Self::new(name, SettingKind::Path, "PATH")
    }
}

impl Setting<Vec<String>> {
    /// A list of texts, empty by default.
    pub const fn list(name: &'static str) -> Self {
        Self::new(name, SettingKind::List, "TEXTS")
    }
}

impl Setting<Vec<PathBuf>> {
    /// A list of paths, empty by default.
    pub const fn paths(name: &'static str) -> Self {
        Self::new(name, SettingKind::Paths, "PATHS")
    }
}

impl Setting<Option<Secret>> {
    /// A secret.
    pub const fn secret(name: &'static str) -> Self {
        Self::new(name, SettingKind::Secret, "SECRET").hidden()
    }
}

impl Setting<()> {
    /// A table of the settings file; for the runtime's own settings.
    pub const fn table(name: &'static str) -> Self {
        Self::new(name, SettingKind::Table, "TABLE")
    }
}

impl<T> Clone for Setting<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Setting<T> {}

impl<T> fmt::Debug for Setting<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Setting").field(&self.record).finish()
    }
}

/// An invalid value of a setting. The text says what was expected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}")]
pub struct InvalidSetting {
    expected: String,
}

impl SettingRecord {
    /// The environment variable of the setting.
    pub fn variable(&self) -> String {
        format!("FERROWIRE_{}", self.name.to_uppercase().replace('-', "_"))
    }

    /// Whether the setting has a flag.
    pub fn has_flag(&self) -> bool {
        !matches!(self.kind, SettingKind::Secret | SettingKind::Table)
    }

    /// Whether the setting has an environment variable.
    pub fn has_variable(&self) -> bool {
        self.kind != SettingKind::Table
    }

    /// Parses a value of the setting.
    ///
    /// # Errors
    /// If it does not match the setting's kind or bounds.
    pub fn parse(&self, text: &str) -> Result<SettingValue, InvalidSetting> {
        let value = match self.kind {
            SettingKind::Text => Some(SettingValue::Text(text.to_owned())),
            SettingKind::Path | SettingKind::Secret => {
                (!text.is_empty()).then(|| SettingValue::Text(text.to_owned()))
            }
            SettingKind::Choice => {
                self.choices.contains(&text).then(|| SettingValue::Text(text.to_owned()))
            }
            SettingKind::Integer | SettingKind::Bytes | SettingKind::Seconds => {
                number(self.kind, text)
                    .filter(|number| self.admits(*number))
                    .map(SettingValue::Number)
            }
            SettingKind::Boolean => {
                text.parse().ok().map(|is_true: bool| SettingValue::Number(is_true.into()))
            }
            SettingKind::List => {
                let texts = text.split(',').map(str::trim).filter(|text| !text.is_empty());
                Some(SettingValue::List(texts.map(str::to_owned).collect()))
            }
            SettingKind::Paths => value::paths(text).map(SettingValue::List),
            SettingKind::Table => None,
        };
        value.ok_or_else(|| InvalidSetting { expected: self.expected() })
    }

    fn default_value(&self) -> Option<SettingValue> {
        self.parse(self.default?).ok()
    }

    /// The bounds of a number in words, such as `from 1 to 1024`; empty if there are none.
    pub fn bounds(&self) -> String {
        match (self.min, self.max) {
            ("", "") => String::new(),
            (min, "") => format!("at least {min}"),
            ("", max) => format!("at most {max}"),
            (min, max) => format!("from {min} to {max}"),
        }
    }

    fn expected(&self) -> String {
        let noun = match self.kind {
            SettingKind::Text => "text",
            SettingKind::Integer => "a whole number",
            SettingKind::Bytes => "a number of bytes such as `65536` or `4 MiB`",
            SettingKind::Seconds => "a number of seconds",
            SettingKind::Boolean => "`true` or `false`",
            SettingKind::Path => "a path",
            SettingKind::Choice => return format!("one of `{}`", self.choices.join("`, `")),
            SettingKind::List => "texts separated by commas",
            SettingKind::Paths if cfg!(windows) => "paths separated by `;`",
            SettingKind::Paths => "paths separated by `:`",
            SettingKind::Secret => "a secret that is not empty",
            SettingKind::Table => "a table of the settings file",
        };
        format!("{noun} {}", self.bounds()).trim_end().to_owned()
    }

    const fn admits(&self, value: u64) -> bool {
        let min = if self.min.is_empty() { Some(0) } else { number(self.kind, self.min) };
        let max = if self.max.is_empty() { Some(u64::MAX) } else { number(self.kind, self.max) };
        match (min, max) {
            (Some(min), Some(max)) => min <= value && value <= max,
            _ => false,
        }
    }

    /// Rejects an invalid record. Evaluated at compile time.
    const fn check(&self) {
        #[expect(clippy::panic, reason = "fails the build of the crate that declares the setting")]
        if let Some(problem) = self.problem() {
            panic!("{}", problem);
        }
    }

    /// Why the record cannot be used; `None` for a valid one.
    pub const fn problem(&self) -> Option<&'static str> {
        if !number::is_kebab_case(self.name) {
            return Some("a setting needs a name in kebab-case");
        }
        if self.help.is_empty() {
            return Some("a setting needs a line of help");
        }
        let Some(default) = self.default else { return None };
        let is_valid = match self.kind {
            SettingKind::Integer | SettingKind::Bytes | SettingKind::Seconds => {
                match number(self.kind, default) {
                    Some(value) => self.admits(value),
                    None => false,
                }
            }
            SettingKind::Boolean => number::is_one_of(default, &["false", "true"]),
            SettingKind::Choice => number::is_one_of(default, self.choices),
            SettingKind::Path | SettingKind::Paths => !default.is_empty(),
            SettingKind::Text | SettingKind::List => true,
            SettingKind::Secret | SettingKind::Table => false,
        };
        if is_valid { None } else { Some("the default is not a valid value of the setting") }
    }
}
