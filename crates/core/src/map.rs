//! `Map`: an object's properties in JavaScript's order.
//!
//! Small objects (nearly all messages) are searched linearly; larger ones keep an index of the
//! names that are not integers, searched by bisection.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use smol_str::SmolStr;

use crate::Value;

/// A property name. Names of up to 23 bytes need no allocation.
pub type Key = SmolStr;

/// Boxed to keep small maps small. Positions are counted after the integer names.
#[derive(Clone, Default)]
struct Index(HashMap<Key, usize>);

/// The number of properties from which an index is kept.
pub(crate) const INDEX_FROM: usize = 24;

/// The properties of an object: integer-like names first in ascending order, then the others
/// in the order of insertion (ECMAScript, OrdinaryOwnPropertyKeys).
#[derive(Clone, Default)]
pub struct Map {
    entries: Vec<(Key, Value)>,
    /// How many leading entries have integer-like names.
    integers: usize,
    index: Option<Box<Index>>,
}

impl Map {
    /// An object without properties; allocates nothing.
    pub const fn new() -> Self {
        Map { entries: Vec::new(), integers: 0, index: None }
    }

    /// An object without properties, with the given capacity.
    pub fn with_capacity(capacity: usize) -> Self {
        Map { entries: Vec::with_capacity(capacity), integers: 0, index: None }
    }

    /// An object from a few literal names, which must be distinct and not integer-like; this is not
    /// checked.
    pub fn from_distinct<const N: usize>(properties: [(Key, Value); N]) -> Self {
        debug_assert!(N < INDEX_FROM);
        // Nodes often add a property or two; this avoids a second allocation.
        let mut entries = Vec::with_capacity(N + 2);
        entries.extend(properties);
        Map { entries, integers: 0, index: None }
    }

    /// The number of properties.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the object is empty.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    #[inline]
    fn position(&self, key: &str) -> Option<usize> {
        match &self.index {
            Some(index) => self.indexed(index, key),
            None => self.entries.iter().position(|(k, _)| is_same(k.as_bytes(), key.as_bytes())),
        }
    }

    fn indexed(&self, index: &Index, key: &str) -> Option<usize> {
        match integer_key(key) {
            None => index.0.get(key).map(|at| self.integers + at),
            Some(number) => self.integer(number).ok(),
        }
    }

    /// The value of `key`; `None` if it is missing or `undefined`, as in a JavaScript look-up.
    #[inline]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.get_own(key)?.defined()
    }

    /// The value of `key`, which is `undefined` for a property without a value.
    #[inline]
    pub fn get_own(&self, key: &str) -> Option<&Value> {
        self.position(key).map(|at| &self.entries[at].1)
    }

    /// The value of `key`, mutable, even if it is `undefined`.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        let at = self.position(key)?;
        Some(&mut self.entries[at].1)
    }

    /// Whether `key` exists, even if it is `undefined`.
    pub fn contains_key(&self, key: &str) -> bool {
        self.position(key).is_some()
    }

    /// Sets `key` and returns the old value; an existing key keeps its position.
    pub fn insert(&mut self, key: impl Into<Key>, value: impl Into<Value>) -> Option<Value> {
        let (key, value) = (key.into(), value.into());
        if let Some(at) = self.position(&key) {
            return Some(std::mem::replace(&mut self.entries[at].1, value));
        }
        self.add(key, value);
        None
    }

    /// Adds a property that does not exist yet and returns its position.
    pub(crate) fn add(&mut self, key: Key, value: Value) -> usize {
        let at = match integer_key(&key) {
            Some(number) => {
                let at = self.integer(number).unwrap_or_else(|at| at);
                self.integers += 1;
                self.entries.insert(at, (key, value));
                at
            }
            None => {
                if let Some(index) = &mut self.index {
                    index.0.insert(key.clone(), self.entries.len() - self.integers);
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

    /// The position of the name `number`, or where to insert it.
    fn integer(&self, number: u32) -> Result<usize, usize> {
        let integers = self.entries.get(..self.integers).unwrap_or_default();
        integers.binary_search_by_key(&Some(number), |(key, _)| integer_key(key))
    }

    /// The value of `key`; inserts `default` first if it is missing.
    pub fn get_or_insert_with(&mut self, key: &str, default: impl FnOnce() -> Value) -> &mut Value {
        let at = self.position(key).unwrap_or_else(|| self.add(key.into(), default()));
        &mut self.entries[at].1
    }

    /// Removes `key` and returns its value; the others keep their order.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        let at = self.position(key)?;
        let (_, value) = self.entries.remove(at);
        if at < self.integers {
            self.integers -= 1;
        } else if self.index.is_some() {
            self.rebuild_index();
        }
        Some(value)
    }

    fn rebuild_index(&mut self) {
        let names = self.entries.iter().skip(self.integers).enumerate();
        let positions = names.map(|(at, (key, _))| (key.clone(), at));
        self.index =
            (self.entries.len() >= INDEX_FROM).then(|| Box::new(Index(positions.collect())));
    }

    /// An object of many properties; of duplicate names the last value wins. The cost per property
    /// is about the same for any order.
    pub(crate) fn from_many(properties: impl IntoIterator<Item = (Key, Value)>) -> Self {
        let mut integers = BTreeMap::new();
        let mut names: Vec<(Key, Value)> = Vec::new();
        let mut index = Index::default();
        for (key, value) in properties {
            if let Some(number) = integer_key(&key) {
                integers.insert(number, (key, value));
            } else if let Some(at) = index.0.get(&key) {
                names[*at].1 = value;
            } else {
                index.0.insert(key.clone(), names.len());
                names.push((key, value));
            }
        }
        let count = integers.len();
        let entries: Vec<_> = integers.into_values().chain(names).collect();
        let index = (entries.len() >= INDEX_FROM).then(|| Box::new(index));
        Map { entries, integers: count, index }
    }

    /// An object from parsed text, where names may be duplicates: the last value wins.
    pub(crate) fn from_parsed(entries: Vec<(Key, Value)>, names: Names) -> Self {
        if entries.len() >= INDEX_FROM {
            Map::from_many(entries)
        } else if names.is_plain {
            Map { entries, integers: 0, index: None }
        } else {
            entries.into_iter().collect()
        }
    }

    /// The properties in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Key, &Value)> + ExactSizeIterator {
        self.entries.iter().map(|(k, v)| (k, v))
    }

    /// The values in order, mutable.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Value> {
        self.entries.iter_mut().map(|(_, v)| v)
    }

    /// The names in order.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.entries.iter().map(|(k, _)| k)
    }
}

/// What is known about the names of an object while it is parsed.
pub(crate) struct Names {
    /// A bit for each hash bucket: it avoids the search for a name that is certainly new.
    seen: u64,
    /// Whether no name is an integer and none is a duplicate.
    is_plain: bool,
}

impl Default for Names {
    fn default() -> Self {
        Names { seen: 0, is_plain: true }
    }
}

impl Names {
    /// Adds the next name, which comes after `entries`.
    pub(crate) fn add(&mut self, name: &str, entries: &[(Key, Value)]) {
        // Only used for small objects, where a search costs little.
        if !self.is_plain || entries.len() >= INDEX_FROM {
            return;
        }
        let bytes = name.as_bytes();
        let first = bytes.first().copied().unwrap_or_default();
        let last = bytes.last().copied().unwrap_or_default();
        let alike = u64::from(first) * 5 + u64::from(last) + bytes.len() as u64 * 11;
        let bit = 1 << (alike % 64);
        let is_new = self.seen & bit == 0 || !entries.iter().any(|(key, _)| key == name);
        self.is_plain = is_new && !first.is_ascii_digit();
        self.seen |= bit;
    }
}

/// Names mostly differ in length or at the start, so these are compared first.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.first() == b.first() && a == b
}

/// `key` as an array index if JavaScript orders it as one: decimal digits without a leading zero,
/// below 2^32 - 1.
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

    #[test]
    fn names_that_are_integers_cost_no_more_in_any_order() {
        let count = 50_000;
        let text = |numbers: &mut dyn Iterator<Item = u32>| {
            let list: Vec<_> = numbers.map(|number| format!("\"{number}\":1")).collect();
            format!("{{{}}}", list.join(","))
        };
        let up = Value::from_json_text(&text(&mut (0..count))).unwrap();
        let down = Value::from_json_text(&text(&mut (0..count).rev())).unwrap();
        assert!(up == down && up.get("49999") == Some(&1.into()) && up.get("50000").is_none());
        let mut map = Map::new();
        for number in 0..count {
            map.insert(number.to_string(), number);
        }
        assert_eq!(map.get("12345"), Some(&12_345.into()));
    }

    proptest! {
        #[test]
        fn many_at_once_are_as_one_after_the_other(
            names in proptest::collection::vec("[a-f]{1,2}|[0-9]{1,2}", 0..80)
        ) {
            let entries: Vec<(Key, Value)> =
                names.iter().zip(0..).map(|(name, n)| (Key::new(name), Value::from(n))).collect();
            let mut one_by_one = Map::new();
            for (key, value) in entries.clone() {
                one_by_one.insert(key, value);
            }
            let mut at_once = Map::from_many(entries);
            prop_assert_eq!(at_once.keys().collect::<Vec<_>>(), one_by_one.keys().collect::<Vec<_>>());
            for name in &names {
                prop_assert_eq!(at_once.get(name), one_by_one.get(name));
                prop_assert_eq!(at_once.remove(name), one_by_one.remove(name));
            }
            prop_assert!(at_once.is_empty() && one_by_one.is_empty());
        }

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
