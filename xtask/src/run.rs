//! `cargo xtask run`: the runtime with the examples.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result};
use clap::Args;
use serde_json::Value;

use crate::cargo::{self, Metadata};

/// What to run.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Files of flows, from the root of the repository
    #[arg(default_values = ["examples/echo/flows.json", "examples/chat/flows.json"])]
    flows: Vec<PathBuf>,
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:1880")]
    listen: SocketAddr,
}

/// Builds the runtime, starts it and waits for its end.
pub(crate) fn run(options: &Options) -> Result<()> {
    let metadata = Metadata::read()?;
    let package =
        metadata.package_of_program("ferrowire").context("no package builds `ferrowire`")?;
    cargo::succeed(&mut cargo::cargo(&["build", "--release", "--package", package]))?;
    for path in &options.flows {
        let text = fs::read_to_string(cargo::root().join(path))
            .with_context(|| format!("could not read `{}`", path.display()))?;
        let flow = serde_json::from_str(&text)
            .with_context(|| format!("`{}` is not JSON", path.display()))?;
        for path in endpoints(&flow) {
            println!("ws://{}{path}", options.listen);
        }
    }
    let mut command = Command::new(metadata.target()?.join("release/ferrowire"));
    command.arg("run").args(&options.flows).arg("--listen").arg(options.listen.to_string());
    cargo::succeed(command.current_dir(cargo::root()))
}

/// The paths at which a flow accepts WebSockets.
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
