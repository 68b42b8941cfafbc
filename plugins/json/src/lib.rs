//! The node `json`: converts between JSON text and values.

mod print;

use ferrowire_core::{
    Editor, FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeError, NodeType,
    PropertyPath, Value,
};

/// Node-RED's `json`.
#[derive(Debug)]
pub struct Json {
    property: Option<PropertyPath>,
    /// Text becomes a value.
    parses: bool,
    /// A value becomes text.
    prints: bool,
    pretty: bool,
}

impl FromConfig for Json {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let (parses, prints) = match config.text("action").as_str() {
            "" => (true, true),
            "obj" => (true, false),
            "str" => (false, true),
            other => {
                config.problem("action", format!("`{other}` is none of ``, `obj` and `str`"));
                (true, true)
            }
        };
        let property = config.property_path("property", "payload");
        Json { property, parses, prints, pretty: config.boolean("pretty", false) }
    }
}

impl Json {
    /// What becomes of the property; `None` when it stays.
    fn convert(&self, value: &Value) -> Result<Option<Value>, NodeError> {
        let text = match value {
            Value::String(text) => text.as_bytes(),
            Value::Buffer(bytes) => bytes,
            value if self.prints && self.pretty => return Ok(Some(print::pretty(value).into())),
            value if self.prints => return Ok(Some(value.to_json().into())),
            _ => return Ok(None),
        };
        if !self.parses {
            return Ok(None);
        }
        let parsed = Value::from_json(text);
        parsed.map(Some).map_err(|error| NodeError::caused_by("the property is no JSON", error))
    }
}

impl Node for Json {
    fn on_message_now(&self, mut msg: Message, _: &NodeContext) -> Handled {
        let Some(property) = &self.property else { return Handled::Done };
        if msg.get("schema").is_some_and(Value::is_truthy) {
            let text = "`msg.schema` is set, and JSON schemas are not supported yet; remove it \
                        before this node, or check the message in a function";
            return Handled::Failed(NodeError::new(text));
        }
        let converted = match property.get(&msg) {
            None => Ok(None),
            Some(value) => self.convert(value),
        };
        let set = converted.and_then(|value| match value {
            None => Ok(()),
            Some(value) => {
                property.set(&mut msg, value).map_err(|error| NodeError::new(error.to_string()))
            }
        });
        set.map_or_else(Handled::Failed, |()| Handled::Send(0, msg))
    }
}

ferrowire_core::register!(
    NodeType::shared::<Json>("json")
        .summary("converts between JSON text and values")
        .category("parser")
        .editor(Editor::NodeRed("parsers/70-JSON"))
);
