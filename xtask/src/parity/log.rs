//! Translates the runtime's log to Node-RED's console format for the suite.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;

/// Arguments that make the log translatable.
pub(super) const ARGUMENTS: [&str; 4] =
    ["--log-format", "json", "--log", "info,ferrowire::node=trace"];

/// A line of a node; other lines have no `id`.
#[derive(Debug, Deserialize)]
struct Line {
    timestamp: String,
    level: String,
    message: String,
    id: String,
    #[serde(rename = "type")]
    node_type: String,
    name: String,
}

/// Writes translated lines to the file at `path`.
pub(super) fn translator(path: &Path) -> Result<impl FnMut(&str) + Send + use<>> {
    let mut file =
        File::create(path).with_context(|| format!("could not create `{}`", path.display()))?;
    Ok(move |line: &str| {
        if let Some(line) = translate(line) {
            // Cases that expect the line fail without it.
            let _unwritten = file.write_all(line.as_bytes());
        }
    })
}

/// `23 Nov 14:39:46 - [info] [function:name] text` of a line about a node.
fn translate(line: &str) -> Option<String> {
    let Line { timestamp, level, message, id, node_type, name } =
        serde_json::from_str(line).ok()?;
    let day = timestamp.get(8..10)?;
    let time = timestamp.get(11..19)?;
    let level = level.to_lowercase();
    let who = if name.is_empty() { id } else { name };
    // The suite requires a date but ignores its value.
    Some(format!("{day} Jan {time} - [{level}] [{node_type}:{who}] {message}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_nodes_look_like_node_reds_and_others_are_left_out() {
        let line = r#"{"timestamp":"2026-11-23T14:39:46.574080Z","level":"INFO","message":"hi\nyou","id":"f","type":"function","name":"","target":"ferrowire::node"}"#;
        let expected = "23 Jan 14:39:46 - [info] [function:f] hi\nyou\n";
        assert_eq!(translate(line).as_deref(), Some(expected));
        let other = r#"{"timestamp":"2026-11-23T14:39:46.5Z","level":"INFO","message":"stopped"}"#;
        assert_eq!(translate(other), None);
    }
}
