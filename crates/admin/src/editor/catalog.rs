//! `Catalog`: the texts that a crate provides, by language.

use std::collections::BTreeMap;

use ferrowire_core::{EditorPart, Map, Value};

use super::locales::{tags, with_other};

/// The texts of one namespace.
#[derive(Debug, Default)]
pub(crate) struct Catalog(BTreeMap<&'static str, Map>);

impl Catalog {
    /// The catalogs of `part`. The log tells of one that is not a JSON object.
    pub(crate) fn new(namespace: &str, part: &EditorPart) -> Self {
        let mut catalog = Catalog::default();
        for (language, text) in part.catalogs {
            match Value::from_json(text.as_bytes()) {
                Ok(Value::Object(map)) => drop(catalog.0.insert(language, Map::clone(&map))),
                _ => tracing::error!(
                    "invalid catalog `{language}` of `{namespace}`: expected a JSON object"
                ),
            }
        }
        catalog
    }

    /// The texts in `language` or its base language; an empty object if there are none. The editor
    /// asks for English as well and fills the gaps itself.
    pub(crate) fn texts(&self, language: &str) -> Value {
        let texts = tags(language).find_map(|tag| self.0.get(tag));
        with_other(Value::from(texts.cloned().unwrap_or_default()))
    }
}
