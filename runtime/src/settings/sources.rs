//! Where the values of settings come from: flags before `-D` before environment variables before the
//! settings file.

use std::fmt;
use std::path::{Path, PathBuf};

use ferrowire_core::{SettingKind, SettingRecord, SettingValue};

use super::defines::Defines;

/// Where settings come from.
pub(crate) struct Sources<'a> {
    /// The value of a setting's flag. Several are joined as in the environment.
    pub(crate) flag: &'a dyn Fn(&SettingRecord) -> Option<String>,
    /// The values of `-D`.
    pub(crate) defines: &'a Defines,
    /// The value of an environment variable.
    pub(crate) env: &'a dyn Fn(&str) -> Option<String>,
    /// The settings file and its content.
    pub(crate) file: Option<&'a (PathBuf, toml::Table)>,
}

impl fmt::Debug for Sources<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("file", &self.file).finish_non_exhaustive()
    }
}

/// The source that a value was found in. One that comes before another one overrides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Origin {
    Flag,
    Define,
    Variable,
    File,
}

impl Origin {
    /// As `ferrowire settings` shows it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Origin::Flag => "flag",
            Origin::Define => "define",
            Origin::Variable => "env",
            Origin::File => "file",
        }
    }
}

/// The value of a setting as it was found in a source.
pub(crate) struct Found {
    pub(crate) origin: Origin,
    /// The place as messages name it, such as `` `--listen` ``.
    pub(crate) place: String,
    pub(crate) raw: Raw,
}

/// A value that is not parsed yet.
pub(crate) enum Raw {
    Text(String),
    Toml(toml::Value),
}

impl Sources<'_> {
    /// The value of a setting in the first source that has one.
    pub(crate) fn find(&self, record: &SettingRecord) -> Option<Found> {
        let name = record.name;
        if record.has_flag()
            && let Some(text) = (self.flag)(record)
        {
            let (origin, place) = (Origin::Flag, format!("`--{name}`"));
            return Some(Found { origin, place, raw: Raw::Text(text) });
        }
        let in_file = self.file.and_then(|(_, table)| table.get(name));
        if let Some((name, value)) = self.defines.find(record, in_file) {
            let (origin, place) = (Origin::Define, format!("`-D {name}`"));
            return Some(Found { origin, place, raw: Raw::Toml(value) });
        }
        if let Some((variable, text)) = self.variable(record) {
            let (origin, place) = (Origin::Variable, format!("`{variable}`"));
            return Some(Found { origin, place, raw: Raw::Text(text) });
        }
        let (path, _) = self.file?;
        let place = format!("`{name}` in `{}`", path.display());
        Some(Found { origin: Origin::File, place, raw: Raw::Toml(in_file?.clone()) })
    }

    /// The environment variable of a setting, or else that of a standard or Node-RED's, and its value.
    fn variable(&self, record: &SettingRecord) -> Option<(String, String)> {
        if !record.has_variable() {
            return None;
        }
        let variable = record.variable();
        if let Some(text) = (self.env)(&variable) {
            return Some((variable, text));
        }
        let standard = record.standard_variable;
        if let Some(text) = self.foreign_variable(standard) {
            return Some((standard.to_owned(), text));
        }
        let variable = record.node_red.variable;
        let text = self.foreign_variable(variable)?;
        let text = match record.kind {
            SettingKind::Boolean => is_on(&text).to_string(),
            _ => text,
        };
        Some((variable.to_owned(), text))
    }

    /// A variable of Node-RED's or of a standard, which is not set if it is empty.
    pub(crate) fn foreign_variable(&self, name: &str) -> Option<String> {
        (!name.is_empty()).then(|| (self.env)(name))?.filter(|text| !text.is_empty())
    }
}

/// Whether a variable of Node-RED's switches something on.
pub(crate) fn is_on(text: &str) -> bool {
    !text.eq_ignore_ascii_case("false")
}

impl Found {
    /// The file that it was found in, if it is the settings file.
    pub(crate) fn file<'a>(&self, sources: &Sources<'a>) -> Option<&'a Path> {
        let (path, _) = sources.file.filter(|_| self.origin == Origin::File)?;
        Some(path)
    }

    /// The value.
    ///
    /// # Errors
    /// When the setting does not take it.
    pub(crate) fn parse(&self, record: &SettingRecord) -> Result<SettingValue, String> {
        let is_list = matches!(record.kind, SettingKind::List | SettingKind::Paths);
        match &self.raw {
            Raw::Toml(toml::Value::Array(list)) if is_list => {
                let texts = list.iter().map(|item| item.as_str().map(str::to_owned));
                let texts: Option<Vec<String>> = texts.collect();
                texts.map(SettingValue::List).ok_or_else(|| "expected a list of texts".to_owned())
            }
            _ => record.parse(self.text().trim()).map_err(|error| error.to_string()),
        }
    }

    /// The value as it was written.
    pub(crate) fn text(&self) -> String {
        match &self.raw {
            Raw::Text(text) | Raw::Toml(toml::Value::String(text)) => text.clone(),
            Raw::Toml(other) => other.to_string(),
        }
    }

    /// What a mistake in the value is reported as. The value of a secret is not part of it.
    pub(crate) fn mistake(&self, record: &SettingRecord, reason: &str) -> String {
        match record.is_secret {
            true => format!("{}: {reason}", self.place),
            false => format!("{} is `{}`: {reason}", self.place, self.text()),
        }
    }
}
