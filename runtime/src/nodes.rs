//! `ferrowire nodes`: lists the node types.

use std::io::Write;
use std::process::ExitCode;

use ferrowire_core::{NodeType, Registry, Source};

/// Prints all node types, as a table or as JSON.
///
/// # Errors
/// If standard output is closed.
pub(crate) fn list(registry: &Registry, json: bool) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    if json {
        let all: Vec<serde_json::Value> = registry.iter().map(describe).collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let width = |column: fn(&NodeType) -> usize| registry.iter().map(column).max().unwrap_or(0);
    let types = width(|node_type| node_type.name.len());
    let plugins = width(|node_type| node_type.plugin.len() + node_type.version.len() + 1);
    for node_type in registry.iter() {
        let plugin = format!("{} {}", node_type.plugin, node_type.version);
        let (name, source) = (node_type.name, source(node_type).0);
        writeln!(out, "{name:types$}  {plugin:plugins$}  {source:6}  {}", node_type.summary)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn describe(node_type: &NodeType) -> serde_json::Value {
    serde_json::json!({
        "type": node_type.name,
        "plugin": node_type.plugin,
        "version": node_type.version,
        "category": node_type.category,
        "summary": node_type.summary,
        "source": source(node_type).0,
        "file": source(node_type).1,
    })
}

/// Where the code of a type is, and the file or folder of one that is not linked.
fn source(node_type: &NodeType) -> (&'static str, Option<&'static str>) {
    match node_type.source {
        Source::Linked => ("linked", None),
        Source::Loaded(file) => ("loaded", Some(file)),
        Source::Hosted(folder) => ("hosted", Some(folder)),
    }
}
