//! `/nodes` and `/plugins`: the palette as the editor loads it. Node types cannot be installed,
//! removed or disabled through the API.

use ferrowire_core::{Map, Value};
use hyper::StatusCode;

use crate::Reply;
use crate::call::Call;
use crate::editor::node_set::NodeSet;
use crate::editor::palette::Palette;

/// All node sets: a list, or their HTML.
pub(crate) fn list(call: &Call) -> Reply {
    let sets = &call.admin.palette().sets;
    if call.accepts_json() {
        return Reply::json(sets.iter().map(NodeSet::describe).collect::<Vec<_>>());
    }
    let language = call.language();
    Reply::html(sets.iter().map(|set| format!("\n{}", set.page(&language))).collect())
}

/// A module, a node set, or the texts of a namespace.
pub(crate) fn get(call: &Call) -> Reply {
    let (palette, path) = (call.admin.palette(), call.param(0).trim_end_matches('/'));
    let name = decoded(path);
    if let Some(set) = palette.set(&name) {
        return match call.accepts_json() {
            true => Reply::json(set.describe()),
            false => Reply::html(set.page(&call.language())),
        };
    }
    let namespace = name.strip_suffix("/messages");
    if let Some(texts) = namespace.and_then(|id| palette.texts(id, &call.queried_language())) {
        return Reply::json(texts);
    }
    match describe_module(palette, &name) {
        Some(module) => Reply::json(module),
        None => Reply::missing(missing(&name)),
    }
}

/// The decoded path: the slash in a scoped name may be encoded.
fn decoded(path: &str) -> String {
    percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned()
}

fn missing(name: &str) -> &'static str {
    let parts = name.trim_start_matches('@').split('/').count();
    if parts > usize::from(name.starts_with('@')) + 1 {
        "Node not found"
    } else {
        "Module not found"
    }
}

fn describe_module(palette: &Palette, name: &str) -> Option<Value> {
    let sets: Vec<_> = palette.module(name).collect();
    let version = &sets.first()?.version;
    let map: Map = [
        ("name", Value::from(name)),
        ("version", version.as_str().into()),
        ("local", false.into()),
        ("user", false.into()),
        ("nodes", sets.iter().map(|set| set.describe()).collect::<Vec<_>>().into()),
        ("plugins", Vec::<Value>::new().into()),
    ]
    .into_iter()
    .collect();
    Some(map.into())
}

/// The texts that crates provide, by namespace.
pub(crate) fn messages(call: &Call) -> Reply {
    let language = call.queried_language();
    let catalogs = call.admin.palette().catalogs().iter();
    Reply::json(
        catalogs.map(|(name, texts)| (name.as_str(), texts.texts(&language))).collect::<Map>(),
    )
}

/// Refuses to install a module.
pub(crate) fn install(call: &Call) -> Reply {
    match call.json().get("module").and_then(Value::as_str) {
        Some(_) => not_here(),
        None => Reply::error(StatusCode::BAD_REQUEST, "invalid_request", "Invalid request"),
    }
}

/// Refuses to disable a module or a node set. To enable one does nothing.
pub(crate) fn change(call: &Call) -> Reply {
    let wanted = call.json().get("enabled").and_then(Value::as_bool);
    let (palette, name) = (call.admin.palette(), decoded(call.param(0).trim_end_matches('/')));
    let found = palette.set(&name).map(|set| set.describe());
    let found = found.or_else(|| describe_module(palette, &name));
    match (wanted, found) {
        (None, _) => Reply::error(StatusCode::BAD_REQUEST, "invalid_request", "Invalid request"),
        // Node-RED answers 400 here, not 404.
        (_, None) => Reply::error(StatusCode::BAD_REQUEST, "not_found", missing(&name)),
        (Some(true), Some(found)) => Reply::json(found),
        (Some(false), Some(_)) => not_here(),
    }
}

/// Refuses to remove a module.
pub(crate) fn remove(call: &Call) -> Reply {
    let name = decoded(call.param(0).trim_end_matches('/'));
    match call.admin.palette().module(&name).next() {
        Some(_) => not_here(),
        None => Reply::missing(missing(&name)),
    }
}

fn not_here() -> Reply {
    let text = "node types cannot be changed here: assemble a runtime with other plugins";
    Reply::unexpected(text)
}

/// The list of editor plugins, which is empty.
pub(crate) fn plugins(call: &Call) -> Reply {
    if call.accepts_json() { Reply::json(Vec::<Value>::new()) } else { Reply::html(String::new()) }
}

/// The texts of editor plugins.
pub(crate) fn no_messages(_: &Call) -> Reply {
    Reply::json(Map::new())
}
