//! The nodes that the engine itself provides: an instance of a subflow, and its status output.

use ferrowire_core::{
    FromConfig, Handled, Map, Message, Node, NodeConfig, NodeContext, NodeType, Status, Value,
};

use crate::subflow::STATUS_OUTPUT;

/// The type of all instances.
pub(crate) static INSTANCE: NodeType = NodeType::shared::<Instance>("subflow");

/// The type of the status outputs; the instance is their user.
pub(crate) static STATUS: NodeType = NodeType::shared::<StatusOutput>(STATUS_OUTPUT);

/// Passes messages on to the nodes behind the subflow's input.
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

/// Shows what it is sent below the instance.
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

/// The longest text that is shown of anything else than a status.
const LONGEST: usize = 32;

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
            let mut text: String = json.chars().take(LONGEST).collect();
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
    // What comes from a node of Node-RED's own is a key of the editor's main catalogue.
    let text = if text.starts_with("common.") { format!("node-red:{text}") } else { text };
    let fill = known("fill", &["red", "green", "yellow", "blue", "grey", "gray"]);
    Status::new(fill, known("shape", &["ring", "dot"]), text)
}
