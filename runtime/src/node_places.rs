//! Where the nodes of a flow file are, for people: the path or URL that a node serves or connects to,
//! and the label of its tab.

use std::collections::HashMap;

use ferrowire_core::{Map, NodeInfo, Value};
use ferrowire_engine::Engine;

/// The URL of a client without what may be a password or a token.
fn client_url(url: &str) -> String {
    let url = url.split('?').next().unwrap_or_default();
    let Some((scheme, rest)) = url.split_once("//") else { return url.to_owned() };
    let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    match path {
        Some(path) => format!("{scheme}//{host}/{path}"),
        None => format!("{scheme}//{host}"),
    }
}

/// Paths and labels by the ids of nodes and tabs.
#[derive(Debug, Default)]
pub(crate) struct NodePlaces {
    /// Of endpoints and of the nodes that use them.
    paths: HashMap<String, String>,
    tabs: HashMap<String, String>,
}

impl NodePlaces {
    /// Of the flows that run now. `root` is the path before those of all nodes.
    pub(crate) fn of(engine: &Engine, root: &str) -> Self {
        let file = engine.flows();
        let mut places = NodePlaces::default();
        for node in file.nodes() {
            let id = text(node, "id").to_owned();
            match text(node, "type") {
                "tab" => drop(places.tabs.insert(id, text(node, "label").to_owned())),
                "websocket-listener" => drop(places.paths.insert(id, listener_path(node, root))),
                "websocket-client" => drop(places.paths.insert(id, client_url(text(node, "path")))),
                "http in" => drop(places.paths.insert(id, below(root, text(node, "url")))),
                _ => {}
            }
        }
        for node in file.nodes() {
            if matches!(text(node, "type"), "websocket in" | "websocket out") {
                let endpoint = [text(node, "server"), text(node, "client")];
                let path = endpoint.iter().find_map(|id| places.paths.get(*id).cloned());
                let id = text(node, "id").to_owned();
                places.paths.extend(path.map(|path| (id, path)));
            }
        }
        places
    }

    /// The path or URL of a node; empty if it has none. A node in a subflow has that of its definition.
    pub(crate) fn path(&self, node: &NodeInfo) -> &str {
        let found = self.paths.get(&node.id).or_else(|| self.paths.get(&node.alias));
        found.map(String::as_str).unwrap_or_default()
    }

    /// The label of the tab that contains a node; empty for a global configuration node.
    pub(crate) fn tab(&self, node: &NodeInfo) -> &str {
        let tab = node.path.split('/').find(|id| !id.is_empty()).unwrap_or(&node.flow);
        self.tabs.get(tab).map(String::as_str).unwrap_or_default()
    }
}

/// The path of a listener.
pub(crate) fn listener_path(node: &Map, root: &str) -> String {
    below(root, text(node, "path"))
}

fn below(root: &str, path: &str) -> String {
    format!("{root}/{}", path.trim_start_matches('/'))
}

/// A property that is a text, or nothing.
pub(crate) fn text<'a>(node: &'a Map, name: &str) -> &'a str {
    node.get(name).and_then(Value::as_str).unwrap_or_default()
}
