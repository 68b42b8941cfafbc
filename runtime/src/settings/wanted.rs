//! The settings `plugins` and `plugin`: which libraries are loaded, and which of them are required.

use std::path::PathBuf;

use ferrowire_core::{SettingRecord, SettingValues};
use ferrowire_loader::{Kind, Request};

use super::sources::{Raw, Sources};
use super::table;

/// The libraries that `plugins` and `plugin` name, and the mistakes in the two settings. Read before
/// all other settings, since a library may declare some of them.
pub(crate) fn requests(sources: &Sources<'_>) -> (Vec<Request>, Vec<String>) {
    let required = is_required(sources);
    let (mut requests, mut mistakes) = (Vec::new(), Vec::new());
    for (setting, kind) in [(&table::PLUGINS, Kind::Folder), (&table::PLUGIN, Kind::File)] {
        match wanted(sources, setting.record()) {
            Ok(all) => {
                requests.extend(all.into_iter().map(|wanted| wanted.request(kind, required)));
            }
            Err(mistake) => mistakes.push(mistake),
        }
    }
    (requests, mistakes)
}

/// The value of `plugins-required`; its default if it is invalid, which the check of all settings
/// reports.
fn is_required(sources: &Sources<'_>) -> bool {
    let setting = &table::PLUGINS_REQUIRED;
    let mut values = SettingValues::default();
    let found = sources.find(setting.record());
    if let Some(Ok(value)) = found.map(|found| found.parse(setting.record())) {
        values.set(setting.record(), value);
    }
    values.get(setting)
}

fn wanted(sources: &Sources<'_>, record: &SettingRecord) -> Result<Vec<Wanted>, String> {
    let Some(found) = sources.find(record) else { return Ok(Vec::new()) };
    let wanted = match &found.raw {
        Raw::Text(text) => in_text(text.trim()),
        Raw::Toml(value) => in_toml(value),
    };
    wanted.map_err(|reason| found.mistake(record, &reason))
}

/// A library or a directory of libraries. `required` is what its own entry says.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    path: PathBuf,
    required: Option<bool>,
}

/// What follows a path to say whether it is required.
const REQUIRED: &str = "?required=";

impl Wanted {
    /// The request to the loader; `otherwise` holds for an entry that does not say.
    fn request(self, kind: Kind, otherwise: bool) -> Request {
        Request { path: self.path, kind, required: self.required.unwrap_or(otherwise) }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (path, required) = match text.rsplit_once(REQUIRED) {
            None => (text, None),
            Some((path, "true")) => (path, Some(true)),
            Some((path, "false")) => (path, Some(false)),
            Some(_) => return Err(format!("expected `true` or `false` after `{REQUIRED}`")),
        };
        match path {
            "" => Err("expected paths separated by `:`".to_owned()),
            _ => Ok(Wanted { path: path.into(), required }),
        }
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        let expected = || "expected a path, or `{ path = \"…\", required = false }`".to_owned();
        match value {
            toml::Value::String(text) => Self::parse(text),
            toml::Value::Table(table) => {
                if let Some(other) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
                    return Err(format!("unknown key `{other}`; expected `path` or `required`"));
                }
                let path = table.get("path").and_then(toml::Value::as_str).ok_or_else(expected)?;
                let required = match table.get("required") {
                    None => None,
                    Some(required) => Some(required.as_bool().ok_or_else(expected)?),
                };
                Ok(Wanted { required, ..Self::parse(path)? })
            }
            _ => Err(expected()),
        }
    }
}

const KEYS: [&str; 2] = ["path", "required"];

/// Paths separated by `:`, each optionally followed by `?required=true` or `?required=false`.
fn in_text(text: &str) -> Result<Vec<Wanted>, String> {
    let parts: Vec<PathBuf> = std::env::split_paths(text).collect();
    parts.iter().map(|part| Wanted::parse(&part.to_string_lossy())).collect()
}

/// The same text, or an array of paths and tables.
fn in_toml(value: &toml::Value) -> Result<Vec<Wanted>, String> {
    match value {
        toml::Value::String(text) => in_text(text),
        toml::Value::Array(list) => list.iter().map(Wanted::from_toml).collect(),
        other => Wanted::from_toml(other).map(|one| vec![one]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toml(text: &str) -> Result<Vec<Wanted>, String> {
        let table: toml::Table = text.parse().unwrap();
        in_toml(&table["plugin"])
    }

    fn wanted(path: &str, required: Option<bool>) -> Wanted {
        Wanted { path: path.into(), required }
    }

    #[test]
    fn each_path_may_say_whether_it_is_required() {
        let text = in_text("a.so:/b c/d.so?required=false:e.so?required=true").unwrap();
        assert_eq!(
            text,
            [wanted("a.so", None), wanted("/b c/d.so", Some(false)), wanted("e.so", Some(true))]
        );
        let list =
            toml("plugin = ['a.so', { path = 'b:c.so', required = false }, { path = 'd.so' }]");
        assert_eq!(
            list.unwrap(),
            [wanted("a.so", None), wanted("b:c.so", Some(false)), wanted("d.so", None)]
        );
        let one = toml("plugin = { path = 'a.so', required = true }");
        assert_eq!(one.unwrap(), [wanted("a.so", Some(true))]);
    }

    #[test]
    fn an_entry_that_is_not_a_path_is_refused_with_the_reason() {
        for (text, expected) in [
            ("a.so::b.so", "expected paths separated by `:`"),
            ("a.so?required=maybe", "expected `true` or `false` after `?required=`"),
        ] {
            assert_eq!(in_text(text).unwrap_err(), expected);
        }
        for (text, expected) in [
            ("plugin = 5", "expected a path"),
            ("plugin = [{ required = false }]", "expected a path"),
            ("plugin = [{ path = 'a', required = 'no' }]", "expected a path"),
            ("plugin = [{ path = 'a', need = true }]", "unknown key `need`"),
        ] {
            let refused = toml(text).unwrap_err();
            assert!(refused.starts_with(expected), "{refused}");
        }
    }
}
