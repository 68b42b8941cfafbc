//! Which libraries the settings want loaded, and which of them the start may do without.

use std::path::PathBuf;

use ferrowire_loader::{Kind, Request};

/// A library or folder, and whether it is required if that is said of it alone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    path: PathBuf,
    required: Option<bool>,
}

/// What marks a path whose loading may or must not fail.
const REQUIRED: &str = "?required=";

impl Wanted {
    /// The request for it; `otherwise` is what counts for those that say nothing.
    pub(crate) fn request(self, kind: Kind, otherwise: bool) -> Request {
        Request { path: self.path, kind, required: self.required.unwrap_or(otherwise) }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (path, required) = match text.rsplit_once(REQUIRED) {
            None => (text, None),
            Some((path, "true")) => (path, Some(true)),
            Some((path, "false")) => (path, Some(false)),
            Some(_) => return Err(format!("`true` or `false` was expected after `{REQUIRED}`")),
        };
        match path {
            "" => Err("paths with `:` between them were expected".to_owned()),
            _ => Ok(Wanted { path: path.into(), required }),
        }
    }

    fn from_toml(value: &toml::Value) -> Result<Self, String> {
        let expected = || "a path was expected, or `{ path = \"…\", required = false }`".to_owned();
        match value {
            toml::Value::String(text) => Self::parse(text),
            toml::Value::Table(table) => {
                if let Some(other) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
                    return Err(format!("`{other}` is unknown; there are `path` and `required`"));
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

/// Paths with `:` between them, each perhaps with `?required=false` behind it.
pub(crate) fn in_text(text: &str) -> Result<Vec<Wanted>, String> {
    let parts: Vec<PathBuf> = std::env::split_paths(text).collect();
    parts.iter().map(|part| Wanted::parse(&part.to_string_lossy())).collect()
}

/// The same as a string, or a list of paths and of tables.
pub(crate) fn in_toml(value: &toml::Value) -> Result<Vec<Wanted>, String> {
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
    fn what_is_no_path_is_refused_with_what_is_wrong() {
        for (text, expected) in [
            ("a.so::b.so", "paths with `:` between them were expected"),
            ("a.so?required=maybe", "`true` or `false` was expected after `?required=`"),
        ] {
            assert_eq!(in_text(text).unwrap_err(), expected);
        }
        for (text, expected) in [
            ("plugin = 5", "a path was expected"),
            ("plugin = [{ required = false }]", "a path was expected"),
            ("plugin = [{ path = 'a', required = 'no' }]", "a path was expected"),
            ("plugin = [{ path = 'a', need = true }]", "`need` is unknown"),
        ] {
            let refused = toml(text).unwrap_err();
            assert!(refused.starts_with(expected), "{refused}");
        }
    }
}
