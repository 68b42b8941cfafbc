//! `/context`: the contents of context stores.

use ferrowire_core::{ContextPlace, ContextStore, ContextStores, Map, PropertyPath, Value};

use crate::call::Call;
use crate::{MAX_LENGTH, Reply, encode};

/// The context and the key that a request names.
struct Asked {
    /// The scope in the stores; `None` for a node that does not run.
    place: Option<String>,
    of_node: bool,
    key: String,
}

fn asked(call: &Call) -> Option<Asked> {
    let rest = call.param(1).trim_start_matches('/');
    let scope = call.param(0).to_ascii_lowercase();
    if scope == "global" {
        return Some(Asked { place: Some(scope), of_node: false, key: rest.to_owned() });
    }
    let (id, key) = rest.split_once('/').unwrap_or((rest, ""));
    let key = key.to_owned();
    match scope.as_str() {
        _ if id.is_empty() => None,
        "flow" => Some(Asked { place: Some(id.to_owned()), of_node: false, key }),
        "node" => {
            let nodes = call.admin.engine().nodes();
            let node = nodes.iter().find(|node| node.id == id);
            let place = node.map(|node| match node.node_type.starts_with("subflow:") {
                // The values of an instance are its flow context.
                true => ContextPlace::Flow(id),
                false => ContextPlace::Node { id, flow: &node.flow },
            });
            let place = place.map(|place| place.text().into_owned());
            Some(Asked { place, of_node: true, key })
        }
        _ => None,
    }
}

fn nothing(call: &Call) -> Reply {
    Reply::nothing_here(&call.parts.method, call.parts.uri.path())
}

/// The names of the stores that the request asks for; `None` if there is no such store.
fn asked_stores(call: &Call, stores: &ContextStores) -> Option<Vec<String>> {
    let names: Vec<String> = stores.names().map(str::to_owned).collect();
    match call.query("store").filter(|store| !store.is_empty()) {
        None => Some(names),
        Some(store) => names.contains(&store).then(|| vec![store]),
    }
}

/// Values with their formats, or only their names.
pub(crate) fn get(call: &Call) -> Reply {
    let Some(Asked { place, of_node, key }) = asked(call) else { return nothing(call) };
    let stores = call.admin.engine().contexts();
    let Some(names) = asked_stores(call, stores) else { return Reply::missing("Error") };
    let keys_only = call.query("keysOnly").is_some();
    let place = place.as_deref().unwrap_or_default();
    if !key.is_empty() {
        return one(stores, &names, place, &key, keys_only);
    }
    let has_values =
        |name: &String| stores.store(name).is_some_and(|store| !store.keys(place).is_empty());
    if of_node && !keys_only && !names.iter().any(has_values) {
        return Reply::json(Map::new());
    }
    Reply::json(contents(stores, &names, place, keys_only))
}

/// All values of a scope, or their names, by store.
fn contents(stores: &ContextStores, names: &[String], place: &str, keys_only: bool) -> Map {
    let contents = names.iter().filter_map(|name| {
        let store = stores.store(name)?;
        let content = if keys_only { keys_of_place(store, place) } else { values(store, place) };
        Some((name.as_str(), content))
    });
    contents.collect()
}

/// One value, from the default store if the request names none.
fn one(stores: &ContextStores, names: &[String], place: &str, key: &str, keys_only: bool) -> Reply {
    let path = match PropertyPath::parse_key(key) {
        Ok(path) => path,
        Err(error) => return Reply::unexpected(&error.to_string()),
    };
    let Some(name) = names.first() else { return Reply::missing("Error") };
    let value = stores.store(name).and_then(|store| store.get(place, &path));
    if keys_only {
        return Reply::json(
            [(name.as_str(), keys_of(value.as_ref()))].into_iter().collect::<Map>(),
        );
    }
    let mut encoded = encoded(value.as_ref());
    if stores.names().next() != Some(name) {
        encoded.insert("store", name.as_str());
    }
    Reply::json(encoded)
}

fn encoded(value: Option<&Value>) -> Map {
    let encoded = encode(value, MAX_LENGTH);
    [("msg", encoded.msg), ("format", encoded.format.into())].into_iter().collect()
}

fn values(store: &dyn ContextStore, place: &str) -> Value {
    let value = |key: ferrowire_core::Key| {
        // A name need not be a path. In brackets and quotes every name is one.
        let path = PropertyPath::parse_key(&format!("[{}]", Value::from(key.as_str()).to_json()));
        let path = PropertyPath::parse_key(&key).or(path).ok()?;
        Some((key, encoded(store.get(place, &path).as_ref())))
    };
    store.keys(place).into_iter().filter_map(value).collect::<Map>().into()
}

fn keys_of_place(store: &dyn ContextStore, place: &str) -> Value {
    let key = |key: ferrowire_core::Key| -> Value {
        [("key", key.as_str())].into_iter().collect::<Map>().into()
    };
    let keys: Vec<Value> = store.keys(place).into_iter().map(key).collect();
    [("keys", keys)].into_iter().collect::<Map>().into()
}

/// The members of `value`, which the editor offers when a path is completed.
fn keys_of(value: Option<&Value>) -> Value {
    let mut content = Map::new();
    match value {
        Some(Value::Array(items)) => {
            content.insert("format", format!("array[{}]", items.len()));
        }
        Some(Value::Object(map)) => {
            let keys: Vec<Value> = map.iter().map(|(key, value)| member(key, value)).collect();
            content.insert("keys", keys);
            content.insert("format", "object");
        }
        _ => {
            content.insert("keys", Vec::<Value>::new());
        }
    }
    content.into()
}

fn member(key: &str, value: &Value) -> Value {
    let mut member = Map::new();
    member.insert("key", key);
    match value {
        Value::Array(items) => {
            member.insert("format", format!("array[{}]", items.len()));
            member.insert("length", items.len() as f64);
        }
        Value::Object(_) => {
            member.insert("format", "object");
        }
        _ => {}
    }
    member.into()
}

/// Deletes a value.
pub(crate) fn remove(call: &Call) -> Reply {
    let Some(Asked { place, key, .. }) = asked(call).filter(|asked| !asked.key.is_empty()) else {
        return nothing(call);
    };
    let stores = call.admin.engine().contexts();
    let Some(names) = asked_stores(call, stores) else { return Reply::missing("Error") };
    let path = match PropertyPath::parse_key(&key) {
        Ok(path) => path,
        Err(error) => return Reply::unexpected(&error.to_string()),
    };
    let store = names.first().and_then(|name| stores.store(name));
    let (Some(store), Some(place)) = (store, place) else { return Reply::no_content() };
    match store.set(&place, &path, None) {
        Ok(()) => Reply::no_content(),
        Err(error) => Reply::unexpected(&error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ferrowire_core::MemoryStore;
    use serde_json::{Value as Json, json};

    use super::*;

    /// A default store and a second one, with values in the scope `p`.
    fn stores() -> (ContextStores, Vec<String>) {
        let (first, second) = (MemoryStore::default(), MemoryStore::default());
        let values = r#"{"k":{"a":[1,2,3],"b":{},"c":null},"n":42,"a b":true}"#;
        first.fill("p", serde_json::from_str(values).unwrap());
        second.fill("p", serde_json::from_str(r#"{"t":"text"}"#).unwrap());
        let stores = ContextStores::new("memory", Arc::new(first)).with("file", Arc::new(second));
        let names = stores.names().map(str::to_owned).collect();
        (stores, names)
    }

    fn parsed(text: &[u8]) -> Json {
        serde_json::from_slice(text).unwrap()
    }

    #[test]
    fn a_place_is_shown_with_formats_or_by_name() {
        let (stores, names) = stores();
        let shown = |keys_only| {
            parsed(Value::from(contents(&stores, &names, "p", keys_only)).to_json().as_bytes())
        };
        assert_eq!(
            shown(false),
            json!({
                "memory": {
                    "k": {"msg": r#"{"a":[1,2,3],"b":{},"c":null}"#, "format": "Object"},
                    "n": {"msg": "42", "format": "number"},
                    "a b": {"msg": "true", "format": "boolean"},
                },
                "file": {"t": {"msg": "text", "format": "string[4]"}},
            })
        );
        assert_eq!(
            shown(true),
            json!({
                "memory": {"keys": [{"key": "k"}, {"key": "n"}, {"key": "a b"}]},
                "file": {"keys": [{"key": "t"}]},
            })
        );
    }

    #[test]
    fn one_value_is_found_by_its_path() {
        let (stores, names) = stores();
        let (memory, file) = names.split_at(1);
        let members = json!([
            {"key": "a", "format": "array[3]", "length": 3},
            {"key": "b", "format": "object"},
            {"key": "c"},
        ]);
        for (names, key, keys_only, expected) in [
            (memory, "k.a[2]", false, json!({"msg": "3", "format": "number"})),
            (memory, "none", false, json!({"msg": "(undefined)", "format": "undefined"})),
            (file, "t", false, json!({"msg": "text", "format": "string[4]", "store": "file"})),
            (memory, "k", true, json!({"memory": {"keys": members, "format": "object"}})),
            (memory, "k.a", true, json!({"memory": {"format": "array[3]"}})),
            (memory, "n", true, json!({"memory": {"keys": []}})),
        ] {
            assert_eq!(parsed(&one(&stores, names, "p", key, keys_only).body), expected, "{key}");
        }
        assert_eq!(one(&stores, memory, "p", "k[", false).status, hyper::StatusCode::BAD_REQUEST);
    }
}
