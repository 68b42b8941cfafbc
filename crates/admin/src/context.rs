//! `/context`: what flows keep between messages. No node here keeps anything yet, so the one
//! store there is holds nothing; the answers are those of an empty store.

use ferrowire_core::{Map, Value};
use serde_json::json;

use crate::Reply;
use crate::call::Call;

const STORE: &str = "memory";

/// Whose context, and which property of it.
struct Asked<'a> {
    of_node: bool,
    key: &'a str,
}

fn asked(call: &Call) -> Option<Asked<'_>> {
    let rest = call.param(1).trim_start_matches('/');
    let scope = call.param(0);
    match scope.to_ascii_lowercase().as_str() {
        "global" => Some(Asked { of_node: false, key: rest }),
        "flow" | "node" => {
            let (id, key) = rest.split_once('/').unwrap_or((rest, ""));
            let of_node = scope.eq_ignore_ascii_case("node");
            (!id.is_empty()).then_some(Asked { of_node, key })
        }
        _ => None,
    }
}

fn nothing(call: &Call) -> Reply {
    Reply::nothing_here(&call.parts.method, call.parts.uri.path())
}

fn is_unknown_store(call: &Call) -> bool {
    call.query("store").is_some_and(|store| store != STORE)
}

/// The values, or only their names.
pub(crate) fn get(call: &Call) -> Reply {
    let Some(Asked { of_node, key }) = asked(call) else { return nothing(call) };
    if is_unknown_store(call) {
        return Reply::missing("Error");
    }
    let keys_only = call.query("keysOnly").is_some();
    match (key, keys_only) {
        ("", false) if of_node => Reply::json(Map::new()),
        (_, true) => Reply::json(Value::from(json!({STORE: {"keys": []}}))),
        ("", false) => Reply::json(Value::from(json!({STORE: {}}))),
        _ => Reply::json(Value::from(json!({"msg": "(undefined)", "format": "undefined"}))),
    }
}

/// Deletes a value.
pub(crate) fn remove(call: &Call) -> Reply {
    match asked(call) {
        Some(Asked { key, .. }) if !key.is_empty() => match is_unknown_store(call) {
            true => Reply::missing("Error"),
            false => Reply::no_content(),
        },
        _ => nothing(call),
    }
}
