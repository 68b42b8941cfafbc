//! The flows: each echoes, also empty texts, and compresses if the other side wants it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

/// The path of the listener.
pub(super) const PATH: &str = "/echo";

/// An echo at a listener.
pub(super) fn server() -> Value {
    echo(&json!({"id": "endpoint", "type": "websocket-listener", "path": PATH}), "server")
}

/// An echo over a connection to `url`.
pub(super) fn client(url: &str) -> Value {
    echo(&json!({"id": "endpoint", "type": "websocket-client", "path": url, "hb": "0"}), "client")
}

/// No endpoint yet.
pub(super) fn nothing() -> Value {
    json!([{"id": "tab", "type": "tab", "label": "nothing yet"}])
}

/// `role` is the property by which the nodes refer to the endpoint.
fn echo(endpoint: &Value, role: &str) -> Value {
    let mut endpoint = endpoint.clone();
    endpoint["wholemsg"] = "false".into();
    endpoint["compression"] = "deflate".into();
    endpoint["compressionServerTakeover"] = true.into();
    endpoint["compressionClientTakeover"] = true.into();
    let node = |id: &str, kind: &str, wires: Value| {
        let mut node = json!({
            "id": id, "type": kind, "z": "tab", "server": "", "client": "", "wires": wires,
        });
        node[role] = "endpoint".into();
        node
    };
    let mut out = node("out", "websocket out", json!([]));
    out["sendEmpty"] = true.into();
    json!([
        {"id": "tab", "type": "tab", "label": "echo"},
        endpoint,
        node("in", "websocket in", json!([["out"]])),
        out,
    ])
}

/// Writes a flow file in `folder`.
pub(super) fn write(folder: &Path, flow: &Value) -> Result<PathBuf> {
    let path = folder.join("flows.json");
    fs::write(&path, flow.to_string())
        .with_context(|| format!("could not write `{}`", path.display()))?;
    Ok(path)
}
