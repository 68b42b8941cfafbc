//! `Kept`: context values that the interpreter has as objects. Changes that the code makes to them change the
//! context, as in Node-RED, whose stores return the objects themselves.
//!
//! Other functions may have changed the same value meanwhile. Both changes are kept as far as they
//! concern different properties, or append to a list; else the later one counts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ferrowire::{Map, MutexExt as _, NodeContext, NodeError, Value};

use crate::place::Place;

/// The values by the numbers that the prelude gives them.
pub(crate) type AllKept = BTreeMap<u32, Kept>;

/// One of them.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    place: Place,
    /// What the object of the interpreter held at the end of the last run.
    pub(crate) was: Value,
    /// The value in the store, unless another function has changed it. `None` if that is not what the object holds.
    stored: Option<Value>,
}

/// Functions change context values in place one after the other.
static CHANGING: Mutex<()> = Mutex::new(());

impl Kept {
    /// `None` for values that cannot be changed in place.
    pub(crate) fn new(place: Place, value: &Value) -> Option<Self> {
        let may_change =
            matches!(value, Value::Array(_) | Value::Object(_) | Value::Buffer(_) | Value::Date(_));
        may_change.then(|| Kept { place, was: value.clone(), stored: Some(value.clone()) })
    }

    /// Whether the context has what the object held at the end of the last run.
    pub(crate) fn is_current(&self, cx: &NodeContext) -> bool {
        let current = self.place.get(cx).ok().flatten();
        current.is_some_and(|current| self.stored.as_ref().is_some_and(|it| is_same(it, &current)))
    }

    /// Writes `now`, the current content of the object, to the context, unless the value was removed
    /// from it.
    pub(crate) fn change(&mut self, cx: &NodeContext, now: Value) -> Result<(), NodeError> {
        let _turn = CHANGING.locked();
        let Some(current) = self.place.get(cx)? else { return Ok(()) };
        let is_known = self.stored.as_ref().is_some_and(|it| is_same(it, &current));
        let merged = if is_known { now.clone() } else { merged(&self.was, &now, current) };
        self.place.set(cx, Some(merged.clone()))?;
        self.stored = is_known.then_some(merged);
        self.was = now;
        Ok(())
    }
}

fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) if Arc::ptr_eq(one, other) => true,
        (Value::Object(one), Value::Object(other)) if Arc::ptr_eq(one, other) => true,
        (one, other) => one == other,
    }
}

/// `theirs` with the changes that make `mine` of `base`.
fn merged(base: &Value, mine: &Value, theirs: Value) -> Value {
    if is_same(base, mine) {
        return theirs;
    }
    match (base, mine, theirs) {
        (Value::Object(base), Value::Object(mine), Value::Object(theirs)) => {
            merged_objects(base, mine, Map::clone(&theirs)).into()
        }
        (Value::Array(base), Value::Array(mine), Value::Array(theirs))
            if mine.starts_with(base) =>
        {
            let added = mine.iter().skip(base.len());
            theirs.iter().chain(added).cloned().collect::<Vec<_>>().into()
        }
        _ => mine.clone(),
    }
}

fn merged_objects(base: &Map, mine: &Map, mut theirs: Map) -> Map {
    for name in base.keys().filter(|name| !mine.contains_key(name)) {
        theirs.remove(name);
    }
    for (name, value) in mine.iter() {
        let value = match (base.get_own(name), theirs.get_own(name)) {
            (Some(base), _) if is_same(base, value) => continue,
            (Some(base), Some(their)) => merged(base, value, their.clone()),
            _ => value.clone(),
        };
        theirs.insert(name.clone(), value);
    }
    theirs
}

#[cfg(test)]
mod tests {
    use ferrowire_testkit::json;

    use super::*;

    #[test]
    fn changes_of_two_functions_are_both_kept_where_that_is_possible() {
        for (base, mine, theirs, expected) in [
            (json!([1]), json!([1, 2]), json!([1, 3]), json!([1, 3, 2])),
            (json!([1]), json!([1, 2]), json!([]), json!([2])),
            (json!([1, 2]), json!([2]), json!([1, 2, 3]), json!([2])),
            (json!({"a": 1}), json!({"a": 1, "b": 2}), json!({"a": 5}), json!({"a": 5, "b": 2})),
            (
                json!({"a": 1, "b": 1}),
                json!({"b": 2}),
                json!({"a": 1, "b": 1, "c": 3}),
                json!({"b": 2, "c": 3}),
            ),
            (
                json!({"a": {"b": [1]}}),
                json!({"a": {"b": [1, 2]}}),
                json!({"a": {"b": [1, 3]}}),
                json!({"a": {"b": [1, 3, 2]}}),
            ),
            (json!({"a": 1}), json!({"a": 2}), json!({}), json!({"a": 2})),
            (json!({"a": 1}), json!({"a": 2}), json!("text"), json!({"a": 2})),
            (json!({"a": 1}), json!({"a": 1}), json!("text"), json!("text")),
        ] {
            let [base, mine, theirs] = [base, mine, theirs].map(Value::from);
            assert_eq!(merged(&base, &mine, theirs), expected.into(), "{base:?} {mine:?}");
        }
    }
}
