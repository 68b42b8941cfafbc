//! `/locales`: texts by language.

use ferrowire_core::{Map, Value};

use crate::Reply;
use crate::call::Call;
use crate::editor::pack::Pack;

/// The language of help and texts that are missing in other languages.
pub(crate) const ENGLISH: &str = "en-US";

/// The texts of a namespace; an empty object when there are none.
pub(crate) fn get(call: &Call) -> Reply {
    let name = call.param(0).trim_end_matches('/');
    let name = name.strip_suffix(".json").unwrap_or(name);
    let language = call.queried_language();
    if let Some(texts) = call.admin.palette().texts(name, &language) {
        return Reply::json(texts);
    }
    let pack = call.admin.pack();
    let found = tags(&language).find_map(|tag| {
        let path = match name {
            "editor" | "jsonata" | "infotips" => format!("editor/locales/{tag}/{name}.json"),
            "node-red" => format!("nodes/locales/{tag}/messages.json"),
            _ => return None,
        };
        read(pack, &path)
    });
    Reply::json(found.unwrap_or_else(|| Map::new().into()))
}

/// The languages of the editor's own texts.
pub(crate) fn languages(pack: &Pack) -> Vec<Value> {
    let files = pack.below("editor/locales/").map(|(name, _)| name);
    files.filter_map(|name| name.strip_suffix("/editor.json")).map(Value::from).collect()
}

/// A language tag, and its base language if it names a region.
pub(super) fn tags(language: &str) -> impl Iterator<Item = &str> {
    let base = language.split_once('-').map(|(base, _)| base);
    std::iter::once(language).chain(base)
}

fn read(pack: &Pack, path: &str) -> Option<Value> {
    let text = pack.text(path)?;
    // Some of the editor's catalogs begin with a byte order mark.
    let text = text.trim_start_matches('\u{feff}');
    Value::from_json(text.as_bytes()).ok().map(with_other)
}

/// Renames plurals: the editor looks for them under another name than the catalogs use.
pub(super) fn with_other(value: Value) -> Value {
    let Value::Object(map) = value else { return value };
    let mut renamed = Map::with_capacity(map.len());
    for (key, value) in map.iter() {
        let other = key.strip_suffix("_plural").map(|stem| format!("{stem}_other"));
        match other.filter(|other| !map.contains_key(other)) {
            Some(other) => renamed.insert(other, with_other(value.clone())),
            None => renamed.insert(key.clone(), with_other(value.clone())),
        };
    }
    renamed.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plurals_get_the_name_that_the_editor_looks_for() {
        let catalog = r#"{"a":{"n":"one","n_plural":"many","m_plural":"x","m_other":"y"}}"#;
        let renamed = with_other(Value::from_json(catalog.as_bytes()).unwrap());
        let expected = r#"{"a":{"n":"one","n_other":"many","m_plural":"x","m_other":"y"}}"#;
        assert_eq!(renamed.to_json(), expected);
    }
}
