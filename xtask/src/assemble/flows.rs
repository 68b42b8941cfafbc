//! Reads the node types that flow files use.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

/// Types that the engine itself handles.
const STRUCTURE: [&str; 4] = ["tab", "group", "subflow", "global-config"];

/// The used types, each with the ids of the nodes that require it: none if all of them are
/// disabled.
pub(crate) type Used = BTreeMap<String, Vec<String>>;

/// Reads flow files in Node-RED's format. Includes the types of disabled nodes, which can be
/// enabled in the editor.
pub(crate) fn read(paths: &[impl AsRef<Path>]) -> Result<Used> {
    let mut used = Used::new();
    for path in paths {
        let path = path.as_ref();
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the flow file `{shown}`"))?;
        let file: Value = serde_json::from_str(text.trim_start_matches('\u{feff}'))
            .with_context(|| format!("the flow file `{shown}` is not JSON"))?;
        collect(&file, &mut used).with_context(|| format!("in the flow file `{shown}`"))?;
    }
    Ok(used)
}

fn collect(file: &Value, used: &mut Used) -> Result<()> {
    let nodes = file.as_array().or_else(|| file["flows"].as_array());
    let nodes = nodes.context("expected an array of nodes; export the flows again")?;
    let disabled_tabs: Vec<&Value> = nodes
        .iter()
        .filter(|node| node["type"] == "tab" && node["disabled"] == true)
        .map(|tab| &tab["id"])
        .collect();
    for (node, place) in nodes.iter().zip(1..) {
        let text = |name: &str| node[name].as_str().unwrap_or_default();
        let node_type = text("type");
        ensure!(!node_type.is_empty(), "the node at index {place} has no `type`; add one");
        if !STRUCTURE.contains(&node_type) && !node_type.starts_with("subflow:") {
            let users = used.entry(node_type.to_owned()).or_default();
            if node["d"] != true && !disabled_tabs.contains(&&node["z"]) {
                users.push(text("id").to_owned());
            }
        }
    }
    Ok(())
}

/// The types as one line: each with the first node that uses it.
pub(crate) fn shown<'a>(types: impl IntoIterator<Item = (&'a String, &'a Vec<String>)>) -> String {
    let one = |(node_type, ids): (&String, &Vec<String>)| {
        let first = ids.first().map(String::as_str).unwrap_or_default();
        match ids.len() {
            0 | 1 => format!("`{node_type}` (node `{first}`)"),
            count => format!("`{node_type}` (node `{first}` and {} more)", count - 1),
        }
    };
    types.into_iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn types_are_collected_from_both_forms_of_a_file_and_structure_is_left_out() {
        let nodes = json!([
            {"id": "t", "type": "tab"},
            {"id": "1", "type": "debug"},
            {"id": "2", "type": "debug"},
            {"id": "5", "type": "websocket in", "d": true},
            {"id": "off", "type": "tab", "disabled": true},
            {"id": "6", "type": "websocket in", "z": "off"},
            {"id": "7", "type": "only disabled", "z": "off"},
            {"id": "3", "type": "subflow:x"},
            {"id": "4", "type": "websocket in"},
        ]);
        for file in [nodes.clone(), json!({"flows": nodes, "rev": "1"})] {
            let mut used = Used::new();
            collect(&file, &mut used).unwrap();
            assert_eq!(used.remove("only disabled"), Some(vec![]));
            assert_eq!(shown(&used), "`debug` (node `1` and 1 more), `websocket in` (node `4`)");
        }
    }

    #[test]
    fn what_is_no_flow_file_is_refused() {
        let problem = |file| collect(&file, &mut Used::new()).unwrap_err().to_string();
        assert!(problem(json!({"a": 1})).contains("expected an array of nodes"));
        assert!(problem(json!([{"id": "x"}])).contains("index 1 has no `type`"));
    }
}
