//! `ferrowire settings`: all settings with their values, and where each value comes from.

use std::io::Write;
use std::path::Path;

use ferrowire_core::{SettingRecord, SettingRegistry};
use serde_json::json;

use super::markdown;
use super::sources::{Found, Sources};

/// The form of the list.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form {
    Table,
    Json,
    /// The documentation, without values.
    Markdown,
}

/// Prints all settings.
///
/// # Errors
/// When standard output is closed.
pub(crate) fn print(
    registry: &SettingRegistry,
    sources: &Sources<'_>,
    form: Form,
) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let rows = || registry.iter().map(|record| Row::of(record, sources));
    match form {
        Form::Markdown => write!(out, "{}", markdown::document(registry))?,
        Form::Json => {
            let all: Vec<serde_json::Value> = rows().map(|row| row.json()).collect();
            writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
        }
        Form::Table => {
            let header = ["setting", "value", "from", "default"].map(str::to_owned);
            let lines = std::iter::once(header).chain(rows().map(|row| row.columns()));
            write!(out, "{}", aligned(&lines.collect::<Vec<_>>()))?;
        }
    }
    Ok(())
}

struct Row<'a> {
    record: &'a SettingRecord,
    found: Option<Found>,
    /// The settings file, if the value comes from it.
    file: Option<&'a Path>,
}

impl<'a> Row<'a> {
    fn of(record: &'a SettingRecord, sources: &Sources<'a>) -> Self {
        let found = sources.find(record);
        let file = found.as_ref().and_then(|found| found.file(sources));
        Row { record, found, file }
    }

    fn from(&self) -> &'static str {
        self.found.as_ref().map_or("default", |found| found.origin.name())
    }

    /// What may be shown of the value.
    fn value(&self) -> Option<String> {
        match &self.found {
            Some(_) if self.record.is_secret => None,
            Some(found) => Some(found.text()),
            None => self.record.default.map(str::to_owned),
        }
    }

    fn columns(&self) -> [String; 4] {
        let hidden = if self.found.is_some() { "(set)" } else { "-" };
        let default = match self.record.default {
            Some(default) => default.to_owned(),
            None if self.record.otherwise.is_empty() => "-".to_owned(),
            None => format!("({})", self.record.otherwise),
        };
        let value = self.value().unwrap_or_else(|| hidden.to_owned());
        [self.record.name.to_owned(), value, self.from().to_owned(), default]
    }

    fn json(&self) -> serde_json::Value {
        let record = self.record;
        json!({
            "name": record.name,
            "value": self.value(),
            "from": self.from(),
            "file": self.file,
            "default": record.default,
            "secret": record.is_secret,
            "kind": record.kind.name(),
            "bounds": record.bounds(),
            "choices": record.choices,
            "variable": record.has_variable().then(|| record.variable()),
            "standard_variable": record.standard_variable,
            "node_red": {
                "key": record.node_red.key,
                "flag": record.node_red.flag,
                "short": record.node_red.short,
                "variable": record.node_red.variable,
            },
            "group": record.group,
            "help": record.help,
            "plugin": record.plugin,
            "version": record.version,
        })
    }
}

/// Lines whose columns begin below each other.
fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let width =
        |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}
