//! `/credentials`: the credentials of a node, without passwords.

use ferrowire_core::{Map, Value};

use crate::Reply;
use crate::call::Call;
use crate::user_dir::{Declarations, Declared};

/// The texts, and for passwords only whether they are set. The editor also asks for nodes that
/// were never deployed; they have no credentials.
pub(crate) fn get(call: &Call) -> Reply {
    let (wanted, id) = (call.param(0), call.param(1));
    let Some(fields) = call.admin.secrets().of(id).cloned() else {
        return Reply::json(Map::new());
    };
    if wanted == "global-config" {
        return Reply::json(variables(&fields));
    }
    let declarations = Declarations::of(&call.admin);
    let mut known = declarations.registry.iter().filter(|it| !is_container(it.name));
    let known = known.find(|node_type| dashed(node_type.name) == wanted);
    match known.and_then(|node_type| declarations.of_type(node_type)) {
        Some(declared) => Reply::json(shown(&declared, &fields)),
        // Without a declaration, every credential may be a password.
        None => Reply::json(flags(&fields)),
    }
}

fn is_container(node_type: &str) -> bool {
    matches!(node_type, "tab" | "group") || node_type.starts_with("subflow")
}

/// A type as in paths, where Node-RED replaces white space by dashes.
fn dashed(node_type: &str) -> String {
    node_type.split_whitespace().collect::<Vec<_>>().join("-")
}

fn shown(declared: &[Declared], fields: &Map) -> Map {
    let visible = |Declared { name, is_password }: &Declared| match is_password {
        false => (name.clone(), fields.get(name).cloned().unwrap_or_else(|| "".into())),
        true => (format!("has_{name}"), is_set(fields, name).into()),
    };
    declared.iter().map(visible).collect()
}

fn flags(fields: &Map) -> Map {
    fields.keys().map(|name| (format!("has_{name}"), Value::from(is_set(fields, name)))).collect()
}

fn is_set(fields: &Map, name: &str) -> bool {
    fields.get(name).is_some_and(Value::is_truthy)
}

fn variables(fields: &Map) -> Map {
    let stored = fields.get("map").and_then(Value::as_object).cloned().unwrap_or_default();
    let names = stored.keys().filter(|name| !name.starts_with("has_"));
    let hidden: Map = names
        .flat_map(|name| {
            [(name.to_string(), Value::from("__PWRD__")), (format!("has_{name}"), true.into())]
        })
        .collect();
    [("map", hidden)].into_iter().collect()
}
