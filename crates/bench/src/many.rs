//! Flow files with many function nodes beside a small flow.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::flow::Flow;

/// Writes `flow` from `flows` with `count` function nodes on a tab of their own; the new folder.
pub(crate) fn functions(flow: Flow, flows: &Path, out: &Path, count: usize) -> Result<PathBuf> {
    let source = flows.join(flow.file());
    let text = fs::read_to_string(&source)
        .with_context(|| format!("could not read `{}`", source.display()))?;
    let mut nodes: Vec<Value> = serde_json::from_str(&text)
        .with_context(|| format!("`{}` is not a flow file", source.display()))?;
    nodes.push(json!({"id": "functions", "type": "tab", "label": "functions"}));
    nodes.extend((0..count).map(function));
    let folder = out.join(format!("functions-{count}"));
    let target = folder.join(flow.file());
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&target, serde_json::to_string(&nodes)?))
        .with_context(|| format!("could not write `{}`", target.display()))?;
    Ok(folder)
}

/// A function of a few lines, as they are in flows, which no other one equals.
fn function(number: usize) -> Value {
    let code = format!(
        "const limit = {number};\nconst value = Number(msg.payload);\nif (value > limit) {{\n    \
         msg.payload = {{ value, limit, at: new Date().toISOString() }};\n    return [msg, null];\n\
         }}\nnode.status({{ fill: 'green', shape: 'dot', text: `${{value}} of ${{limit}}` }});\n\
         return [null, msg];"
    );
    json!({
        "id": format!("function-{number}"), "type": "function", "z": "functions",
        "name": format!("limit {number}"), "func": code, "outputs": 2, "timeout": 0, "noerr": 0,
        "initialize": "", "finalize": "", "libs": [], "x": 200, "y": 40 * (number % 500),
        "wires": [[], []],
    })
}
