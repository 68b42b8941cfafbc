//! The users of a configuration node across the border: an array of objects.

use std::sync::Arc;

use ferrowire_core::{Map, NodeInfo, Text, User, Users, Value};

use crate::{message, raw};

/// Hands the list over.
pub fn into_raw(users: &Users) -> *mut raw::Message {
    let users: Vec<Value> = users.iter().map(describe).collect();
    message::value_into_raw(users.into())
}

fn describe(user: &User) -> Value {
    let NodeInfo { id, node_type, name, flow, alias, path } = &*user.info;
    let texts = [
        ("id", id),
        ("type", node_type),
        ("name", name),
        ("flow", flow),
        ("alias", alias),
        ("path", path),
    ];
    let mut map = Map::from_iter(texts.map(|(key, text)| (key, Value::from(text.as_str()))));
    let references: Vec<Value> =
        user.references.iter().map(|name| Value::from(name.clone())).collect();
    map.insert("references", references);
    map.insert("properties", Value::Object(Arc::clone(&user.properties)));
    map.into()
}

/// Takes a list over.
///
/// # Safety
/// `users` must be as the other side handed it over.
pub unsafe fn from_raw(users: *mut raw::Message) -> Users {
    // SAFETY: as above.
    match unsafe { message::value_from_raw(users) } {
        Some(Value::Array(users)) => users.iter().map(user).collect(),
        _ => Users::default(),
    }
}

fn user(value: &Value) -> User {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let references = value.get("references").and_then(Value::as_array).unwrap_or_default();
    User {
        info: Arc::new(NodeInfo {
            id: text("id"),
            node_type: text("type"),
            name: text("name"),
            flow: text("flow"),
            alias: text("alias"),
            path: text("path"),
        }),
        references: references.iter().filter_map(Value::as_str).map(Text::from).collect(),
        properties: match value.get("properties") {
            Some(Value::Object(properties)) => Arc::clone(properties),
            _ => Arc::default(),
        },
    }
}
