//! `Mapping`: a mapping that is read.

use std::collections::HashSet;

use ferrowire::expression::javascript;
use ferrowire::{Key, Map, Value};

/// The maximum number of values that a mapping merges at once, and of all keys that are merged, as in
/// Node-RED's library.
const MOST_SOURCES: usize = 100;
const MOST_MERGED: usize = 10_000;

#[derive(Default)]
pub(super) struct Mapping {
    pub(super) map: Map,
    /// The key whose value comes next.
    key: Option<MappingKey>,
    /// The keys that were merged, which an own key replaces.
    merged: HashSet<Key>,
}

enum MappingKey {
    Own(Key),
    Merge,
}

impl Mapping {
    /// Adds a key or a value. `is_merge`: a key merges its value. `merged` counts the keys of the
    /// whole document.
    ///
    /// # Errors
    /// If the key is there already or is none, or the value cannot be merged.
    pub(super) fn add(
        &mut self,
        value: Value,
        is_merge: bool,
        merged: &mut usize,
    ) -> Result<(), String> {
        match self.key.take() {
            None if is_merge => self.key = Some(MappingKey::Merge),
            None => self.key = Some(MappingKey::Own(key(&value)?)),
            Some(MappingKey::Merge) => self.merge_all(&value, merged)?,
            Some(MappingKey::Own(key)) => {
                if !self.merged.remove(&key) && self.map.contains_key(&key) {
                    return Err("duplicated mapping key".to_owned());
                }
                self.map.insert(key, value);
            }
        }
        Ok(())
    }

    fn merge_all(&mut self, value: &Value, merged: &mut usize) -> Result<(), String> {
        match value {
            Value::Array(items) if items.len() > MOST_SOURCES => {
                Err("abnormal merge sequence size".to_owned())
            }
            Value::Array(items) => items.iter().try_for_each(|item| self.merge(item, merged)),
            value => self.merge(value, merged),
        }
    }

    fn merge(&mut self, source: &Value, merged: &mut usize) -> Result<(), String> {
        let Value::Object(source) = source else {
            let text = "cannot merge mappings; the provided source object is unacceptable";
            return Err(text.to_owned());
        };
        *merged += 1 + source.len();
        if *merged > MOST_MERGED {
            return Err(format!("merge keys exceeded maxTotalMergeKeys ({MOST_MERGED})"));
        }
        for (key, value) in source.iter() {
            if !self.map.contains_key(key) {
                self.map.insert(key.clone(), value.clone());
                self.merged.insert(key.clone());
            }
        }
        Ok(())
    }
}

/// The name of a property that a value becomes.
fn key(value: &Value) -> Result<Key, String> {
    if let Value::Array(items) = value
        && items.iter().any(|item| matches!(item, Value::Array(_)))
    {
        return Err("nested arrays are not supported inside keys".to_owned());
    }
    Ok(javascript::text(Some(value)).into())
}
