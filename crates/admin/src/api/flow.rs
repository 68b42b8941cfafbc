//! `/flow`: one tab with its nodes, or the nodes that are on no tab. Changes are deploys of type
//! `flows`.

use ferrowire_core::{Map, Value, generate_id};
use ferrowire_engine::DeployType;
use futures_util::future::BoxFuture;

use crate::api::flows::nodes_of;
use crate::call::Call;
use crate::save_and_run::{Wanted, deploy};
use crate::shared_flows::Replaces;
use crate::{Admin, Reply};

fn text<'a>(node: &'a Value, name: &str) -> &'a str {
    node.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn is_tab(node: &Value, id: &str) -> bool {
    text(node, "type") == "tab" && text(node, "id") == id
}

/// Whether this is a configuration node: those have no position.
fn is_config(node: &Value) -> bool {
    node.get("x").is_none() && node.get("y").is_none() && text(node, "type") != "group"
}

/// A tab with its nodes, or `global`.
pub(crate) fn get(call: &Call) -> Reply {
    let (id, nodes) = (call.param(0), nodes_of(&call.admin));
    if id == "global" {
        return Reply::json(global(&nodes));
    }
    let Some(tab) = nodes.iter().find(|node| is_tab(node, id)) else {
        return Reply::missing("Error");
    };
    let mut flow = Map::new();
    flow.insert("id", id);
    for name in ["label", "disabled", "info", "env"] {
        if let Some(value) = tab.get(name).filter(|value| name != "label" || value.is_truthy()) {
            flow.insert(name, value.clone());
        }
    }
    add_members(&mut flow, &nodes, id);
    Reply::json(flow)
}

/// Adds the nodes of a tab or a subflow.
fn add_members(flow: &mut Map, nodes: &[Value], id: &str) {
    let members = nodes.iter().filter(|node| text(node, "z") == id);
    let (configs, placed): (Vec<Value>, Vec<Value>) = members.cloned().partition(is_config);
    let (groups, placed): (Vec<Value>, Vec<Value>) =
        placed.into_iter().partition(|node| text(node, "type") == "group");
    flow.insert("nodes", groups.into_iter().chain(placed).collect::<Vec<_>>());
    if !configs.is_empty() {
        flow.insert("configs", configs);
    }
}

fn global(nodes: &[Value]) -> Map {
    let outside = |node: &&Value| text(node, "z").is_empty();
    let is_structure = |node: &&Value| matches!(text(node, "type"), "tab" | "subflow");
    let configs: Vec<Value> =
        nodes.iter().filter(outside).filter(|node| !is_structure(node)).cloned().collect();
    let subflow = |node: &Value| {
        let mut subflow = node.as_object().cloned().unwrap_or_default();
        add_members(&mut subflow, nodes, text(node, "id"));
        Value::from(subflow)
    };
    let subflows: Vec<Value> =
        nodes.iter().filter(|node| text(node, "type") == "subflow").map(subflow).collect();
    let mut flow = Map::new();
    flow.insert("id", "global");
    if !configs.is_empty() {
        flow.insert("configs", configs);
    }
    if !subflows.is_empty() {
        flow.insert("subflows", subflows);
    }
    flow
}

fn list(body: &Value, name: &str) -> Vec<Value> {
    body.get(name).and_then(Value::as_array).map(<[Value]>::to_vec).unwrap_or_default()
}

/// The tab and its nodes, whose `z` is set to its id.
fn tab_and_members(id: &str, body: &Value) -> Vec<Value> {
    let mut tab = Map::new();
    tab.insert("type", "tab");
    for name in ["label", "id", "info", "disabled", "env", "credentials"] {
        match body.get(name) {
            _ if name == "id" => drop(tab.insert("id", id)),
            Some(value) => drop(tab.insert(name, value.clone())),
            None => {}
        }
    }
    let mut all = vec![Value::from(tab)];
    for mut node in list(body, "nodes").into_iter().chain(list(body, "configs")) {
        if let Some(node) = node.as_object_mut() {
            node.insert("z", id);
        }
        all.push(node);
    }
    all
}

/// Adds a tab.
pub(crate) fn add(call: Call) -> BoxFuture<'static, Reply> {
    Box::pin(async move {
        let (id, body) = (generate_id(), call.json());
        let new_id = id.clone();
        let change = move |admin: &Admin| added(admin, &new_id, &body);
        reply_with_id(&id, deploy(&call.admin, DeployType::Flows, change).await)
    })
}

fn added(admin: &Admin, id: &str, body: &Value) -> Result<Wanted, Reply> {
    if body.get("nodes").is_none() {
        return Err(Reply::unexpected("missing nodes property"));
    }
    let mut nodes = nodes_of(admin);
    let new = tab_and_members(id, body);
    for node in new.iter().skip(1) {
        if nodes.iter().any(|known| text(known, "id") == text(node, "id")) {
            return Err(Reply::unexpected("duplicate id"));
        }
        let node_type = text(node, "type");
        if matches!(node_type, "tab" | "subflow") {
            return Err(Reply::unexpected(&format!("invalid node type: {node_type}")));
        }
    }
    nodes.extend(new);
    Ok(Wanted { nodes, secrets: None, replaces: Replaces::Own })
}

/// Replaces a tab, or the nodes that are on no tab.
pub(crate) fn update(call: Call) -> BoxFuture<'static, Reply> {
    Box::pin(async move {
        let (id, body) = (call.param(0).to_owned(), call.json());
        let changed_id = id.clone();
        let change = move |admin: &Admin| updated(admin, &changed_id, &body);
        reply_with_id(&id, deploy(&call.admin, DeployType::Flows, change).await)
    })
}

fn updated(admin: &Admin, id: &str, body: &Value) -> Result<Wanted, Reply> {
    let mut nodes = nodes_of(admin);
    if id == "global" {
        let tabs: Vec<String> = nodes
            .iter()
            .filter(|node| text(node, "type") == "tab")
            .map(|tab| text(tab, "id").to_owned())
            .collect();
        nodes.retain(|node| {
            text(node, "type") == "tab" || tabs.iter().any(|tab| tab == text(node, "z"))
        });
        nodes.extend(list(body, "configs"));
        nodes.extend(list(body, "subflows").into_iter().flat_map(flattened));
        return Ok(Wanted { nodes, secrets: None, replaces: Replaces::Own });
    }
    if !nodes.iter().any(|node| is_tab(node, id)) {
        return Err(Reply::missing("Error"));
    }
    nodes.retain(|node| text(node, "z") != id && text(node, "id") != id);
    nodes.extend(tab_and_members(id, body));
    Ok(Wanted { nodes, secrets: None, replaces: Replaces::Own })
}

/// The nodes of a subflow, followed by the subflow without them.
fn flattened(mut subflow: Value) -> Vec<Value> {
    let mut all = list(&subflow, "nodes");
    all.extend(list(&subflow, "configs"));
    if let Some(map) = subflow.as_object_mut() {
        map.remove("nodes");
        map.remove("configs");
    }
    all.push(subflow);
    all
}

/// Removes a tab.
pub(crate) fn remove(call: Call) -> BoxFuture<'static, Reply> {
    Box::pin(async move {
        let id = call.param(0).to_owned();
        let change = move |admin: &Admin| removed(admin, &id);
        match deploy(&call.admin, DeployType::Flows, change).await {
            Ok(_) => Reply::no_content(),
            Err(refusal) => refusal,
        }
    })
}

fn removed(admin: &Admin, id: &str) -> Result<Wanted, Reply> {
    let mut nodes = nodes_of(admin);
    if id == "global" {
        return Err(Reply::unexpected("not allowed to remove global"));
    }
    if !nodes.iter().any(|node| is_tab(node, id)) {
        return Err(Reply::missing("Error"));
    }
    nodes.retain(|node| text(node, "z") != id && text(node, "id") != id);
    Ok(Wanted { nodes, secrets: None, replaces: Replaces::Own })
}

fn reply_with_id(id: &str, deployed: Result<std::sync::Arc<str>, Reply>) -> Reply {
    match deployed {
        Ok(_) => Reply::json([("id", id)].into_iter().collect::<Map>()),
        Err(refusal) => refusal,
    }
}
