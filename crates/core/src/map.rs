//! `Map`: an object's properties, in the order in which JavaScript would list them.
//!
//! Small objects (nearly all messages) are searched linearly; larger ones carry an index.

use std::collections::HashMap;
use std::fmt;

use smol_str::SmolStr;

use crate::Value;

/// The name of a property. Names of up to 23 bytes need no allocation.
pub type Key = SmolStr;

/// Boxed, so that the many small maps stay small.
#[derive(Clone)]
struct Index(HashMap<Key, usize>);

/// From this many properties on, an index is kept.
const INDEX_FROM: usize = 24;

/// The properties of an object: integer-like names first in ascending order, then the others
/// in the order of insertion (ECMAScript, OrdinaryOwnPropertyKeys).
#[derive(Clone, Default)]
pub struct Map {
    entries: Vec<(Key, Value)>,
    /// How many of the first entries have integer-like names.
    integers: usize,
    index: Option<Box<Index>>,
}

impl Map {
    /// An object without properties; allocates nothing.
    pub const fn new() -> Self {
        Map { entries: Vec::new(), integers: 0, index: None }
    }

    /// An object without properties, with room for `capacity` of them.
    pub fn with_capacity(capacity: usize) -> Self {
        Map { entries: Vec::with_capacity(capacity), integers: 0, index: None }
    }

    /// An object of a few properties whose names are distinct and not integer-like, which is not
    /// checked: for names that stand in the source.
    pub fn from_distinct<const N: usize>(properties: [(Key, Value); N]) -> Self {
        debug_assert!(N < INDEX_FROM);
        // Nodes on the way add a property or two: with room for these nothing is allocated again.
        let mut entries = Vec::with_capacity(N + 2);
        entries.extend(properties);
        Map { entries, integers: 0, index: None }
    }

    /// The number of properties.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no property.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn position(&self, key: &str) -> Option<usize> {
        match &self.index {
            Some(index) => index.0.get(key).copied(),
            None => self.entries.iter().position(|(k, _)| k.as_str() == key),
        }
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.position(key).map(|at| &self.entries[at].1)
    }

    /// The value of `key`, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        let at = self.position(key)?;
        Some(&mut self.entries[at].1)
    }

    /// Whether `key` is there.
    pub fn contains_key(&self, key: &str) -> bool {
        self.position(key).is_some()
    }

    /// Sets `key` and returns its earlier value; a key that was there keeps its place.
    pub fn insert(&mut self, key: impl Into<Key>, value: impl Into<Value>) -> Option<Value> {
        let (key, value) = (key.into(), value.into());
        if let Some(at) = self.position(&key) {
            return Some(std::mem::replace(&mut self.entries[at].1, value));
        }
        self.add(key, value);
        None
    }

    /// Adds a property that is not there yet, and says where.
    fn add(&mut self, key: Key, value: Value) -> usize {
        let at = match integer_key(&key) {
            Some(number) => self.insert_integer(number, key, value),
            None => {
                if let Some(index) = &mut self.index {
                    index.0.insert(key.clone(), self.entries.len());
                }
                self.entries.push((key, value));
                self.entries.len() - 1
            }
        };
        if self.index.is_none() && self.entries.len() >= INDEX_FROM {
            self.rebuild_index();
        }
        at
    }

    fn insert_integer(&mut self, number: u32, key: Key, value: Value) -> usize {
        let at = self.entries[..self.integers]
            .partition_point(|(k, _)| integer_key(k).is_some_and(|n| n < number));
        self.integers += 1;
        self.entries.insert(at, (key, value));
        if self.index.is_some() {
            self.rebuild_index();
        }
        at
    }

    /// The value of `key`, which is set to `default` first when it is missing.
    pub fn get_or_insert_with(&mut self, key: &str, default: impl FnOnce() -> Value) -> &mut Value {
        let at = self.position(key).unwrap_or_else(|| self.add(key.into(), default()));
        &mut self.entries[at].1
    }

    /// Removes `key` and returns its value; the order of the others stays.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.position(key)?;
        if at < self.integers {
            self.integers -= 1;
        }
        let (_, value) = self.entries.remove(at);
        if self.index.is_some() {
            self.rebuild_index();
        }
        Some(value)
    }

    fn rebuild_index(&mut self) {
        let positions = self.entries.iter().enumerate().map(|(at, (k, _))| (k.clone(), at));
        self.index =
            (self.entries.len() >= INDEX_FROM).then(|| Box::new(Index(positions.collect())));
    }

    /// The properties in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Key, &Value)> + ExactSizeIterator {
        self.entries.iter().map(|(k, v)| (k, v))
    }

    /// The values in order, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.entries.iter_mut().map(|(_, v)| v)
    }

    /// The names in order.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.entries.iter().map(|(k, _)| k)
    }
}

/// The value of `key` as an array index, when JavaScript would order it as one: decimal digits
/// without a leading zero, below 2^32 - 1.
fn integer_key(key: &str) -> Option<u32> {
    let first = *key.as_bytes().first()?;
    if !first.is_ascii_digit() || key.len() > 10 || (first == b'0' && key.len() > 1) {
        return None;
    }
    if !key.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    key.parse().ok().filter(|number| *number < u32::MAX)
}

impl PartialEq for Map {
    /// Objects are equal when they hold equal values under the same names, in any order.
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(k, v)| other.get(k) == Some(v))
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Into<Key>, V: Into<Value>> FromIterator<(K, V)> for Map {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(properties: I) -> Self {
        let mut map = Map::new();
        for (key, value) in properties {
            map.insert(key, value);
        }
        map
    }
}

impl IntoIterator for Map {
    type Item = (Key, Value);
    type IntoIter = std::vec::IntoIter<(Key, Value)>;
    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys(map: &Map) -> Vec<&str> {
        map.keys().map(Key::as_str).collect()
    }

    #[test]
    fn integer_keys_come_first_as_in_javascript() {
        let map: Map =
            [("b", 1.0), ("10", 2.0), ("a", 3.0), ("2", 4.0), ("01", 5.0)].into_iter().collect();
        assert_eq!(keys(&map), ["2", "10", "b", "a", "01"]);
    }

    #[test]
    fn a_replaced_key_keeps_its_place() {
        let mut map: Map = [("a", 1.0), ("b", 2.0)].into_iter().collect();
        assert_eq!(map.insert("a", 3.0), Some(Value::Number(1.0)));
        assert_eq!(keys(&map), ["a", "b"]);
    }

    proptest! {
        #[test]
        fn behaves_like_an_ordered_list_at_every_size(
            operations in proptest::collection::vec((0u8..3, 0u16..60), 0..200)
        ) {
            let mut map = Map::new();
            let mut model: Vec<(String, f64)> = Vec::new();
            for (step, (operation, number)) in operations.into_iter().enumerate() {
                let key = format!("k{number}");
                let value = step as f64;
                if operation == 0 {
                    map.remove(&key);
                    model.retain(|(k, _)| *k != key);
                } else {
                    map.insert(key.as_str(), value);
                    match model.iter_mut().find(|(k, _)| *k == key) {
                        Some(entry) => entry.1 = value,
                        None => model.push((key, value)),
                    }
                }
                prop_assert_eq!(map.len(), model.len());
            }
            for ((key, value), (model_key, model_value)) in map.iter().zip(&model) {
                prop_assert_eq!(key.as_str(), model_key.as_str());
                prop_assert_eq!(value, &Value::Number(*model_value));
                prop_assert_eq!(map.get(key), Some(value));
            }
        }
    }
}
