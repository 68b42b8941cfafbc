//! `cargo xtask run`: runs the examples.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::Value;

use crate::cargo::{self, Metadata};
use crate::editor;

/// The flows of a first start; the chat comes first.
const EXAMPLES: [&str; 2] = ["examples/chat/flows.json", "examples/echo/flows.json"];

/// What to run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Flow files, relative to the root of the repository. By default a copy of the examples, which
    /// the editor may change
    flows: Vec<PathBuf>,
    /// The address to listen on
    #[arg(long, default_value = "127.0.0.1:1880")]
    listen: SocketAddr,
}

/// Builds the runtime, starts it and waits until it ends.
pub(crate) fn run(options: &Options) -> Result<()> {
    editor::fetch_if_possible();
    let metadata = Metadata::read()?;
    let program = metadata.build_program("release")?;
    let flows = match options.flows.as_slice() {
        [] => vec![playground(&metadata.target()?.join("playground"))?],
        flows => flows.to_vec(),
    };
    for path in &flows {
        for path in endpoints(&read(path)?) {
            println!("ws://{}{path}", options.listen);
        }
    }
    let mut command = Command::new(program);
    command.arg("run").args(&flows).arg("--listen").arg(options.listen.to_string());
    cargo::succeed(command.current_dir(cargo::root()))
}

/// The flow file in `folder`: the examples, or whatever was deployed since.
pub(crate) fn playground(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("flows.json");
    if !path.exists() {
        let mut nodes = Vec::new();
        for example in EXAMPLES {
            nodes.extend(read(Path::new(example))?.as_array().cloned().unwrap_or_default());
        }
        fs::create_dir_all(folder)?;
        fs::write(&path, serde_json::to_string_pretty(&nodes)?)?;
    }
    Ok(path)
}

fn read(path: &Path) -> Result<Value> {
    let text = fs::read_to_string(cargo::root().join(path))
        .with_context(|| format!("could not read `{}`", path.display()))?;
    serde_json::from_str(&text).with_context(|| format!("`{}` is not JSON", path.display()))
}

/// The paths of a flow's WebSocket listeners.
fn endpoints(flow: &Value) -> Vec<String> {
    let nodes = flow.as_array().into_iter().flatten();
    nodes
        .filter(|node| node["type"] == "websocket-listener")
        .filter_map(|node| node["path"].as_str())
        .map(|path| format!("/{}", path.trim_start_matches('/')))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_listeners_with_one_slash_in_front() {
        let flow = serde_json::json!([
            {"type": "websocket-listener", "path": "/echo"},
            {"type": "websocket-listener", "path": "chat"},
            {"type": "websocket-client", "path": "ws://elsewhere/"},
        ]);
        assert_eq!(endpoints(&flow), ["/echo", "/chat"]);
    }
}
