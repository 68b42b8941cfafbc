//! Context: values that nodes keep between messages, for one node, a flow, or all flows.

mod atomic;
mod named;
mod place;

pub use atomic::Atomic;
pub(crate) use named::NamedStore;
pub use named::StoreUsage;
pub use place::ContextPlace;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, RwLock};

use futures_util::future::{BoxFuture, ready};

use crate::{
    InvalidProperty, Key, Map, Message, MutexExt as _, NodeContext, NodeError, RwLockExt as _,
};
use crate::{PropertyPath, Value};

/// The scope of context values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One node.
    Node,
    /// All nodes on one tab, or in one subflow instance.
    Flow,
    /// All nodes.
    Global,
}

/// Stores the values of all contexts. A place is one context, as the text of a [`ContextPlace`].
pub trait ContextStore: Send + Sync + fmt::Debug {
    /// The value at `path`; `None` stands for `undefined`.
    fn get(&self, place: &str, path: &PropertyPath) -> Option<Value>;

    /// Sets the value at `path`, or removes it with `None`.
    ///
    /// # Errors
    /// As [`PropertyPath::set`], and if the store cannot keep the value.
    fn set(&self, place: &str, path: &PropertyPath, value: Option<Value>) -> Result<(), NodeError>;

    /// Ends when the changes of the value so far are as durable as the store makes them; `None` if they are.
    fn written(
        &self,
        place: &str,
        path: &PropertyPath,
    ) -> Option<BoxFuture<'static, Result<(), NodeError>>> {
        let _ = (place, path);
        None
    }

    /// Changes the value at `path` in one step, and returns the result of the change.
    fn change(
        &self,
        place: &str,
        path: &PropertyPath,
        change: Atomic,
    ) -> BoxFuture<'static, Result<Value, NodeError>>;

    /// The names of the values.
    fn keys(&self, place: &str) -> Vec<Key>;

    /// Removes the places for which `keep` returns false: those of deleted nodes and flows.
    fn retain(&self, keep: &dyn Fn(&str) -> bool);
}

/// A store that lasts as long as the runtime.
#[derive(Default)]
pub struct MemoryStore {
    places: RwLock<HashMap<String, Arc<Mutex<Map>>>>,
}

impl MemoryStore {
    fn place(&self, place: &str) -> Option<Arc<Mutex<Map>>> {
        self.places.read_locked().get(place).cloned()
    }

    fn with<T>(&self, place: &str, work: impl FnOnce(&mut Map) -> T) -> T {
        let map = self.place(place).unwrap_or_else(|| {
            let mut places = self.places.write_locked();
            Arc::clone(places.entry(place.to_owned()).or_default())
        });
        let mut map = map.locked();
        work(&mut map)
    }

    /// The places that contain values.
    pub fn places(&self) -> Vec<String> {
        self.places.read_locked().keys().cloned().collect()
    }

    /// Whether a value was ever set in a place.
    pub fn holds(&self, place: &str) -> bool {
        self.place(place).is_some()
    }

    /// All values of a place.
    pub fn values(&self, place: &str) -> Map {
        let map = self.place(place);
        let copy = map.map(|map| map.locked().clone());
        copy.unwrap_or_default()
    }

    /// The value of this name.
    pub fn value(&self, place: &str, name: &str) -> Option<Value> {
        self.place(place)?.locked().get(name).cloned()
    }

    /// Sets the value of this name, or removes it with `None`.
    pub fn put(&self, place: &str, name: &str, value: Option<Value>) {
        self.with(place, |map| match value {
            Some(value) => drop(map.insert(name, value)),
            None => drop(map.remove(name)),
        });
    }

    /// Replaces all values of a place.
    pub fn fill(&self, place: &str, values: Map) {
        self.with(place, |map| *map = values);
    }
}

impl ContextStore for MemoryStore {
    fn get(&self, place: &str, path: &PropertyPath) -> Option<Value> {
        let map = self.place(place)?;
        let map = map.locked();
        // A path that cannot be read is undefined, as in Node-RED.
        path.read_in(&map).ok().flatten()
    }

    fn set(&self, place: &str, path: &PropertyPath, value: Option<Value>) -> Result<(), NodeError> {
        self.with(place, |map| match value.and_then(Value::into_defined) {
            Some(value) => Ok(path.set_in(map, value)?),
            None => {
                path.remove_in(map);
                Ok(())
            }
        })
    }

    fn change(
        &self,
        place: &str,
        path: &PropertyPath,
        change: Atomic,
    ) -> BoxFuture<'static, Result<Value, NodeError>> {
        let changed = self.with(place, |map| change.apply(map, path));
        Box::pin(ready(changed.map(|(result, _)| result)))
    }

    fn keys(&self, place: &str) -> Vec<Key> {
        let Some(map) = self.place(place) else { return Vec::new() };
        map.locked().keys().cloned().collect()
    }

    fn retain(&self, keep: &dyn Fn(&str) -> bool) {
        let mut places = self.places.write_locked();
        places.retain(|place, _| keep(place));
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = self.places.read_locked();
        f.debug_struct("MemoryStore").field("places", &places.len()).finish()
    }
}

/// The stores of a runtime by name. The first is the default.
#[derive(Debug)]
pub struct ContextStores {
    stores: Vec<NamedStore>,
    /// Unknown names that were already reported.
    unknown: Mutex<HashSet<String>>,
}

impl Default for ContextStores {
    /// One store, `memory`, that lasts as long as the runtime.
    fn default() -> Self {
        ContextStores::new("memory", Arc::new(MemoryStore::default()))
    }
}

impl ContextStores {
    /// Creates the list with its default store.
    pub fn new(name: impl Into<String>, store: Arc<dyn ContextStore>) -> Self {
        ContextStores { stores: vec![NamedStore::new(name, store)], unknown: Mutex::default() }
    }

    /// Adds a store; a second one of the same name is ignored.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, store: Arc<dyn ContextStore>) -> Self {
        self.stores.push(NamedStore::new(name, store));
        self
    }

    /// The names, the default first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.stores.iter().map(NamedStore::name)
    }

    /// The store of exactly this name.
    pub fn store(&self, name: &str) -> Option<&dyn ContextStore> {
        self.stores.iter().find(|store| store.name() == name).map(NamedStore::store)
    }

    /// How often nodes have used each store.
    pub fn usage(&self) -> impl Iterator<Item = (&str, StoreUsage)> {
        self.stores.iter().map(|store| (store.name(), store.usage()))
    }

    /// Removes the places of deleted nodes and flows from every store; `exists` says which ids
    /// remain.
    pub fn retain(&self, exists: impl Fn(&str) -> bool) {
        let keep = |place: &str| match ContextPlace::parse(place) {
            ContextPlace::Global => true,
            ContextPlace::Flow(id) | ContextPlace::Node { id, .. } => exists(id),
        };
        for store in &self.stores {
            store.store().retain(&keep);
        }
    }

    /// The store `name`; the default for an empty name and `default`. An unknown name also returns
    /// the default, as in Node-RED, and calls `warn` on its first use.
    pub(crate) fn get(&self, name: &str, warn: impl FnOnce(&str)) -> &NamedStore {
        let found = self.stores.iter().find(|store| store.name() == name);
        if found.is_none() && !matches!(name, "" | "default") {
            let mut unknown = self.unknown.locked();
            if unknown.len() < MANY_NAMES && unknown.insert(name.to_owned()) {
                drop(unknown);
                let default = self.names().next().unwrap_or_default();
                warn(&format!("there is no context store `{name}`; using the default `{default}`"));
            }
        }
        // `new` adds at least one.
        found.unwrap_or(&self.stores[0])
    }
}

/// Limits the number of reported names, since messages may name stores.
const MANY_NAMES: usize = 100;

/// The values of one scope as a node sees them; see [`NodeContext::context`].
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    cx: &'a NodeContext,
    scope: Scope,
    store: &'a str,
}

impl<'a> Context<'a> {
    pub(crate) fn new(cx: &'a NodeContext, scope: Scope) -> Self {
        Context { cx, scope, store: "" }
    }

    /// The same scope in the store `name`; in the default store if there is none of that name.
    #[must_use]
    pub fn in_store(self, name: &'a str) -> Self {
        Context { store: name, ..self }
    }

    /// The value at `path`; `None` stands for `undefined`. In the flow scope, a leading `$parent.`
    /// means the flow around a subflow.
    ///
    /// # Errors
    /// If the node has no such scope.
    pub fn get(&self, path: &PropertyPath) -> Result<Option<Value>, NodeError> {
        self.cx.host().context_get(self.scope, self.store, path)
    }

    /// Sets the value at `path`, or removes it with `None`.
    ///
    /// # Errors
    /// As [`get`](Self::get), and if a value on the path is neither an object nor an array.
    pub fn set(&self, path: &PropertyPath, value: Option<Value>) -> Result<(), NodeError> {
        self.cx.host().context_set(self.scope, self.store, path, value)
    }

    /// Ends when the changes of the value so far are as durable as the store makes them; `None` if they are.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn written(
        &self,
        path: &PropertyPath,
    ) -> Result<Option<BoxFuture<'static, Result<(), NodeError>>>, NodeError> {
        self.cx.host().context_written(self.scope, self.store, path)
    }

    /// Changes the value at `path` in one step, also among the instances of a cluster, and returns the result
    /// of the change.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn change(
        &self,
        path: &PropertyPath,
        change: Atomic,
    ) -> Result<BoxFuture<'static, Result<Value, NodeError>>, NodeError> {
        self.cx.host().context_change(self.scope, self.store, path, change)
    }

    /// The names of the values.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn keys(&self) -> Result<Vec<Key>, NodeError> {
        self.cx.host().context_keys(self.scope, self.store)
    }
}

/// A typed input of type `flow` or `global`: a path in a context; `#:(store)::path` names the
/// store.
#[derive(Clone, Debug, PartialEq)]
pub struct ContextKey {
    scope: Scope,
    store: String,
    path: PropertyPath,
}

impl ContextKey {
    /// Parses `key`, the key of a value in `scope`.
    ///
    /// # Errors
    /// If it is not a property expression.
    pub fn parse(scope: Scope, key: &str) -> Result<Self, InvalidProperty> {
        let named = key.strip_prefix("#:(").and_then(|rest| rest.split_once(")::"));
        let named = named.filter(|(store, _)| !store.is_empty() && !store.contains(' '));
        let (store, path) = named.unwrap_or(("", key));
        ContextKey::in_store(scope, store, path)
    }

    /// The key of the value at `path` in `store`; empty for the default store.
    ///
    /// # Errors
    /// If `path` is not a property expression.
    pub fn in_store(scope: Scope, store: &str, path: &str) -> Result<Self, InvalidProperty> {
        Ok(ContextKey { scope, store: store.to_owned(), path: PropertyPath::parse_key(path)? })
    }

    /// The scope of the value.
    pub fn scope(&self) -> Scope {
        self.scope
    }

    /// The value; `None` stands for `undefined`, and for a missing `[msg.…]` in the key.
    ///
    /// # Errors
    /// As [`Context::get`].
    pub fn get(&self, msg: &Message, cx: &NodeContext) -> Result<Option<Value>, NodeError> {
        let Some(path) = self.path.resolve(msg) else { return Ok(None) };
        cx.context(self.scope).in_store(&self.store).get(&path)
    }

    /// Sets the value, or removes it with `None`.
    ///
    /// # Errors
    /// As [`Context::set`], and if a `[msg.…]` in the key is missing.
    pub fn set(
        &self,
        msg: &Message,
        cx: &NodeContext,
        value: Option<Value>,
    ) -> Result<(), NodeError> {
        let path = self.path.resolve(msg);
        let path = path.ok_or("a property of the message that the key names is missing")?;
        cx.context(self.scope).in_store(&self.store).set(&path, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(key: &str) -> PropertyPath {
        PropertyPath::parse_key(key).unwrap()
    }

    #[test]
    fn places_of_nodes_and_flows_that_are_gone_are_forgotten() {
        let store = Arc::new(MemoryStore::default());
        for place in ["global", "flow", "node:flow", "gone", "gone:flow"] {
            store.set(place, &path("a"), Some(1.into())).unwrap();
        }
        let stores = ContextStores::new("memory", Arc::clone(&store) as _);
        stores.retain(|id| matches!(id, "flow" | "node"));
        let mut places = store.places();
        places.sort();
        assert_eq!(places, ["flow", "global", "node:flow"]);
    }

    #[test]
    fn a_store_keeps_places_apart_and_follows_paths() {
        let store = MemoryStore::default();
        store.set("flow", &path("a.b[1]"), Some(5.into())).unwrap();
        assert_eq!(store.get("flow", &path("a.b.length")), Some(2.into()));
        assert_eq!(store.get("global", &path("a")), None);
        assert_eq!(store.get("flow", &path("a.x.y.z")), None);
        assert!(store.set("flow", &path("a.b[1].c"), Some(1.into())).is_err());
        store.set("flow", &path("a"), None).unwrap();
        assert!(store.keys("flow").is_empty());
    }

    #[test]
    fn an_unknown_store_is_the_default_one_and_named_once() {
        let stores = ContextStores::default()
            .with("second", Arc::new(MemoryStore::default()) as Arc<dyn ContextStore>);
        let warnings = Mutex::new(Vec::new());
        let warn = |text: &str| warnings.lock().unwrap().push(text.to_owned());
        for name in ["third", "third", "", "default", "memory"] {
            stores.get(name, warn).store().set("global", &path("x"), Some(name.into())).unwrap();
        }
        assert_eq!(stores.get("", warn).store().get("global", &path("x")), Some("memory".into()));
        assert_eq!(stores.get("second", warn).store().get("global", &path("x")), None);
        let expected = "there is no context store `third`; using the default `memory`";
        assert_eq!(*warnings.lock().unwrap(), [expected]);
    }

    #[test]
    fn a_key_names_its_store() {
        let key = |text| ContextKey::parse(Scope::Flow, text).unwrap();
        assert_eq!(
            (key("#:(file)::a.b").store.as_str(), key("#:(file)::a.b").path),
            ("file", path("a.b"))
        );
        assert_eq!(key("msg.a").path.first(), "msg");
        assert!(ContextKey::parse(Scope::Global, "#:(file)::").is_err());
    }
}
