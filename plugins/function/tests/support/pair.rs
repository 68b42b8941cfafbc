//! Two functions that share the contexts of a tab.

use ferrowire_testkit::{Flow, json};

/// Two functions of one tab, each followed by a probe.
pub(crate) async fn functions(codes: [&str; 2]) -> Flow {
    Flow::start(json!([
        {"id": "tab", "type": "tab", "label": ""},
        {"id": "a", "type": "function", "z": "tab", "func": codes[0], "wires": [["a out"]]},
        {"id": "a out", "type": "probe", "z": "tab", "wires": []},
        {"id": "b", "type": "function", "z": "tab", "func": codes[1], "wires": [["b out"]]},
        {"id": "b out", "type": "probe", "z": "tab", "wires": []},
    ]))
    .await
}
