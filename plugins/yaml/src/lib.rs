//! The node `yaml`: converts between YAML and values, as Node-RED's library does.

mod dump;
mod load;
mod scalar;
mod timestamp;

use ferrowire::bus::run_aside;
use ferrowire::expression::javascript;
use ferrowire::{
    Editor, FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeError, NodeType,
    PropertyPath, Value,
};

/// Text that is longer is read on a thread that may take its time, in bytes.
const LONG_TEXT: usize = 16 << 10;

/// Node-RED's `yaml`.
#[derive(Debug)]
pub struct Yaml {
    property: Option<PropertyPath>,
}

impl FromConfig for Yaml {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        Yaml { property: config.property_path("property", "payload") }
    }
}

/// What becomes of a property.
enum Converted {
    To(Value),
    /// The text has no document.
    Nothing,
    /// The message is dropped, with a warning.
    Ignored(&'static str),
}

fn convert(value: &Value) -> Result<Converted, NodeError> {
    match value {
        Value::String(text) => {
            let load = || load::load(text);
            let loaded = if text.len() > LONG_TEXT { run_aside(load) } else { load() }?;
            Ok(loaded.map_or(Converted::Nothing, Converted::To))
        }
        Value::Buffer(_) => Ok(Converted::Ignored("Ignored non-object payload")),
        value if javascript::type_of(Some(value)) == "object" => {
            let dump = || dump::dump(value);
            let dumped = if dump::is_large(value) { run_aside(dump) } else { dump() }?;
            Ok(Converted::To(dumped.into()))
        }
        _ => Ok(Converted::Ignored("Ignored unsupported payload type")),
    }
}

impl Yaml {
    /// Returns whether the message is sent.
    fn handle(&self, msg: &mut Message, cx: &NodeContext) -> Result<bool, NodeError> {
        let Some(property) = &self.property else { return Ok(false) };
        let Some(value) = property.read(msg)? else { return Ok(true) };
        match convert(&value)? {
            Converted::To(value) => property.set(msg, value)?,
            Converted::Nothing => drop(property.remove(msg)),
            Converted::Ignored(warning) => {
                cx.warn(warning);
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Node for Yaml {
    fn on_message_now(&self, mut msg: Message, cx: &NodeContext) -> Handled {
        match self.handle(&mut msg, cx) {
            Ok(true) => Handled::Send(0, msg),
            Ok(false) => Handled::Done,
            Err(error) => Handled::Failed(error),
        }
    }
}

ferrowire::register!(
    NodeType::shared::<Yaml>("yaml")
        .summary("converts between YAML and values")
        .category("parser")
        .editor(Editor::NodeRed("parsers/70-YAML"))
);
