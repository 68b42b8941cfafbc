//! The node types of the engine itself: an instance of a subflow, and its status output.

use ferrowire_core::{
    FromConfig, Handled, Map, Message, Node, NodeConfig, NodeContext, NodeType, Status, Value,
};

use crate::subflow::STATUS_OUTPUT;

/// The type of all instances of subflows.
pub(crate) static INSTANCE: NodeType = NodeType::shared::<Instance>("subflow");

/// The type of status outputs. The instance is their only user.
pub(crate) static STATUS: NodeType = NodeType::shared::<StatusOutput>(STATUS_OUTPUT);

/// Passes messages on to the nodes that the subflow's input is wired to.
struct Instance;

impl FromConfig for Instance {
    fn from_config(_: &mut NodeConfig<'_>) -> Self {
        Instance
    }
}

impl Node for Instance {
    fn on_message_now(&self, msg: Message, _: &NodeContext) -> Handled {
        Handled::Send(0, msg)
    }
}

/// Shows each message as the status of the instance.
struct StatusOutput;

impl FromConfig for StatusOutput {
    fn from_config(_: &mut NodeConfig<'_>) -> Self {
        StatusOutput
    }
}

impl Node for StatusOutput {
    fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        let status = match (msg.payload(), msg.get("status").and_then(Value::as_object)) {
            (Some(payload), _) => of_payload(payload),
            (None, Some(status)) => of_object(status),
            (None, None) => return Handled::Done,
        };
        cx.status_of_users(status);
        Handled::Done
    }
}

/// The most characters that are shown of a payload that is neither a string nor a status.
const MAX_CHARACTERS: usize = 32;

fn of_payload(payload: &Value) -> Status {
    match payload {
        Value::String(text) => Status::new("", "", text.clone()),
        Value::Object(map)
            if map.is_empty() || ["text", "fill", "shape"].iter().any(|k| map.contains_key(k)) =>
        {
            of_object(map)
        }
        other => {
            let json = other.to_json();
            let mut text: String = json.chars().take(MAX_CHARACTERS).collect();
            if text.len() < json.len() {
                text.push_str("...");
            }
            Status::new("", "", text)
        }
    }
}

fn of_object(map: &Map) -> Status {
    let known = |key: &str, known: &[&'static str]| {
        let value = map.get(key).and_then(Value::as_str).unwrap_or_default();
        known.iter().find(|known| **known == value).copied().unwrap_or_default()
    };
    let text = match map.get("text") {
        Some(Value::String(text)) => text.as_str().to_owned(),
        Some(other) => other.to_json(),
        None => String::new(),
    };
    // The text of a core node is a key of the editor's catalog `node-red`.
    let text = if text.starts_with("common.") { format!("node-red:{text}") } else { text };
    let fill = known("fill", &["red", "green", "yellow", "blue", "grey", "gray"]);
    Status::new(fill, known("shape", &["ring", "dot"]), text)
}
