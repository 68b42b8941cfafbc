//! The flows of the servers, and the expected answer of each to a message.

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use serde::Serialize;

use crate::documents;

/// A flow: the bare servers implement some of them in code; Ferrowire and Node-RED read
/// `flows/*.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Flow {
    /// Every message goes back to its sender
    Echo,
    /// Every message goes to everybody
    Fanout,
    /// Every message goes to the room that is in the path
    Rooms,
    /// Whole messages as JSON; a change node sets one property
    Json,
    /// A function node makes upper case
    Function,
    /// A change node sets a property that is not sent
    Change,
    /// A switch node lets everything through by its second output
    Switch,
    /// A template node appends a word
    Template,
    /// One json node parses, another one prints
    JsonNodes,
    /// Ten change nodes in a row
    TenChanges,
    /// Every message goes back compressed, each by itself
    Compressed,
    /// The same with context takeover
    CompressedTakeover,
    /// A csv node parses rows, another one prints them
    Csv,
    /// An xml node parses a document, another one prints it
    Xml,
    /// An html node selects one element of a page
    Html,
    /// A file node appends a line
    File,
    /// An exec node runs `true`
    Exec,
    /// Bytes go back to their sender, over TCP
    Tcp,
    /// A message of one topic is published to another one
    Mqtt,
    /// A function node in Node.js returns the message
    Hosted,
}

/// The fixed parts of a JSON message, around an id and padding. Names are in alphabetical order, so
/// that servers that sort them give the same answer.
const JSON: [&str; 3] = [
    r#"{"_msgid":""#,
    r#"","payload":{"name":""#,
    r#"","ok":true,"readings":[20.5,21.25,-3],"sensor":4711},"topic":"plant/boiler/7""#,
];

impl Flow {
    /// Flows that measure the cost of one kind of node.
    pub(crate) const NODES: [Self; 7] = [
        Self::Echo,
        Self::Function,
        Self::Change,
        Self::Switch,
        Self::Template,
        Self::JsonNodes,
        Self::TenChanges,
    ];

    /// Flows with the nodes that read and write formats, files, programs and sockets; how many connections
    /// and messages in flight each is measured with, and the bytes in a message.
    pub(crate) const PALETTE: [(Self, usize, usize, usize); 7] = [
        // Node-RED takes milliseconds for each, and answers all that wait at once.
        (Self::Csv, 50, 1, 10 << 10),
        (Self::Xml, 50, 1, 10 << 10),
        (Self::Html, 50, 1, 100 << 10),
        (Self::File, 50, 16, 100),
        // Each runs a process, and their order is lost.
        (Self::Exec, 8, 1, 32),
        // With more in flight, a read has several.
        (Self::Tcp, 50, 1, 32),
        (Self::Tcp, 50, 16, 32),
    ];

    /// Its name, used for its file and path.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Echo => "echo",
            Self::Fanout => "fanout",
            Self::Rooms => "rooms",
            Self::Json => "json",
            Self::Function => "function",
            Self::Change => "change",
            Self::Switch => "switch",
            Self::Template => "template",
            Self::JsonNodes => "json-nodes",
            Self::TenChanges => "ten-changes",
            Self::Compressed => "compressed",
            Self::CompressedTakeover => "compressed-takeover",
            Self::Csv => "csv",
            Self::Xml => "xml",
            Self::Html => "html",
            Self::File => "file",
            Self::Exec => "exec",
            Self::Tcp => "tcp",
            Self::Mqtt => "mqtt",
            Self::Hosted => "hosted",
        }
    }

    /// The path of the flow's endpoint.
    pub(crate) fn path(self) -> String {
        format!("/{}", self.name())
    }

    /// The name of the flow's file.
    pub(crate) fn file(self) -> String {
        format!("{}.json", self.name())
    }

    /// The node type between `websocket in` and `websocket out`, if there is one.
    pub(crate) fn node_type(self) -> Option<&'static str> {
        match self {
            Self::Echo | Self::Compressed | Self::CompressedTakeover => None,
            Self::Rooms => Some("websocket control"),
            Self::Fanout | Self::Json | Self::Change | Self::TenChanges => Some("change"),
            Self::Function | Self::Hosted => Some("function"),
            Self::Switch => Some("switch"),
            Self::Template => Some("template"),
            Self::JsonNodes => Some("json"),
            Self::Csv => Some("csv"),
            Self::Xml => Some("xml"),
            Self::Html => Some("html"),
            Self::File => Some("file"),
            Self::Exec => Some("exec"),
            Self::Tcp => Some("tcp in"),
            Self::Mqtt => Some("mqtt in"),
        }
    }

    /// Whether its messages are bytes on a TCP connection, without a handshake and frames.
    pub(crate) fn is_plain(self) -> bool {
        self == Self::Tcp
    }

    /// A unique message of `size` bytes for this `tag` and `number`, and the expected answer.
    pub(crate) fn exchange(
        self,
        tag: usize,
        number: usize,
        size: usize,
    ) -> Result<(String, String)> {
        let sent = match self {
            Self::Json | Self::JsonNodes => json(tag, number, size)?,
            Self::Compressed | Self::CompressedTakeover => readings(tag, number, size)?,
            Self::Csv => documents::csv(tag, number, size)?,
            Self::Xml => documents::xml(tag, number, size)?,
            Self::Html => documents::html(tag, number, size)?,
            _ => text(tag, number, size)?,
        };
        let answered = match self {
            Self::Function => sent.to_ascii_uppercase(),
            Self::Template => format!("{sent} seen"),
            Self::Html => documents::selected(tag, number),
            Self::Json => sent.trim_end_matches('}').to_owned() + r#","verdict":"ok"}"#,
            _ => sent.clone(),
        };
        Ok((sent, answered))
    }
}

/// Text with the connection and number, and unique contents after that as well.
fn text(tag: usize, number: usize, size: usize) -> Result<String> {
    let mut text = format!("{tag:08x}{number:08x}");
    fill(&mut text, tag, number, size.checked_sub(16).with_context(|| too_short(size, 16))?);
    Ok(text)
}

fn json(tag: usize, number: usize, size: usize) -> Result<String> {
    let [start, middle, end] = JSON;
    let least = start.len() + 16 + middle.len() + end.len() + 1;
    let name = size.checked_sub(least).with_context(|| too_short(size, least))?;
    let mut text = format!("{start}{tag:08x}{number:08x}{middle}");
    fill(&mut text, tag, number, name);
    Ok(text + end + "}")
}

/// JSON as devices send it, which is worth compressing.
fn readings(tag: usize, number: usize, size: usize) -> Result<String> {
    let mut text = format!(r#"{{"id":"{tag:08x}{number:08x}","readings":["#);
    let end = r#""}"#;
    let mut state = (tag * 7_919 + number * 104_729) as u64;
    loop {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let (sensor, value) = (state >> 59, (state >> 33) % 10_000);
        let reading = format!(
            r#"{{"sensor":"boiler-{sensor}","value":{}.{:02},"unit":"C","ok":true}},"#,
            value / 100,
            value % 100
        );
        if text.len() + reading.len() + 16 > size {
            break;
        }
        text.push_str(&reading);
    }
    text.push_str(r#"0],"end":""#);
    let rest = size.checked_sub(text.len() + end.len()).with_context(|| too_short(size, 64))?;
    text.push_str(&"x".repeat(rest));
    Ok(text + end)
}

pub(crate) fn too_short(size: usize, least: usize) -> String {
    format!("messages of `{size}` bytes are too short to be unique; use {least} or more")
}

fn fill(text: &mut String, tag: usize, number: usize, length: usize) {
    let mut state = (tag as u64) << 32 | number as u64 | 1 << 63;
    for _ in 0..length {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push(char::from(b'a' + (state >> 33) as u8 % 26));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_the_length_that_was_asked_for() {
        for flow in Flow::NODES {
            assert_eq!(flow.exchange(7, 9, 200).unwrap().0.len(), 200, "{flow:?}");
            assert!(flow.exchange(7, 9, 15).is_err());
        }
    }

    #[test]
    fn readings_are_json_of_the_length_that_was_asked_for() {
        for (number, size) in [(1, 64), (2, 200), (3, 1_024)] {
            let (sent, answered) = Flow::Compressed.exchange(7, number, size).unwrap();
            assert_eq!((sent.len(), &sent), (size, &answered));
            serde_json::from_str::<serde_json::Value>(&sent).unwrap();
        }
    }

    #[test]
    fn documents_have_the_length_that_was_asked_for_and_are_unique() {
        for flow in [Flow::Csv, Flow::Xml, Flow::Html] {
            for size in [200, 1_024, 10 << 10] {
                let (sent, _) = flow.exchange(7, 9, size).unwrap();
                assert_eq!(sent.len(), size, "{flow:?}");
                assert_ne!(sent, flow.exchange(7, 8, size).unwrap().0);
            }
            assert!(flow.exchange(7, 9, 20).is_err());
        }
    }

    #[test]
    fn a_json_answer_is_the_message_and_one_property_more() {
        let (sent, answered) = Flow::Json.exchange(1, 2, 200).unwrap();
        let mut value: serde_json::Value = serde_json::from_str(&sent).unwrap();
        value["verdict"] = "ok".into();
        assert_eq!(value.to_string(), answered);
    }

    #[test]
    fn every_flow_has_its_file_with_its_path_and_node() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
        for flow in Flow::value_variants() {
            let text = std::fs::read_to_string(folder.join(flow.file())).unwrap();
            let nodes: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
            assert!(nodes.iter().any(|node| node["path"] == flow.path()), "{flow:?}");
            if let Some(node_type) = flow.node_type() {
                assert!(nodes.iter().any(|node| node["type"] == node_type), "{flow:?}");
            }
        }
    }
}
