//! The node `xml`: converts between XML and objects, which have the shape of Node-RED's.

mod build;
mod error;
mod object;
mod options;
mod scanner;

use ferrowire::bus::run_aside;
use ferrowire::expression::javascript;
use ferrowire::{
    Editor, FromConfig, Handled, Map, Message, Node, NodeConfig, NodeContext, NodeError, NodeType,
    PropertyPath, Value,
};

use options::Options;

/// Text that is longer is read on a thread that may take its time, in bytes.
const LONG_TEXT: usize = 64 << 10;

/// Node-RED's `xml`.
#[derive(Debug)]
pub struct Xml {
    property: Option<PropertyPath>,
    /// The property that gets the attributes; empty for that of the message's options.
    attributes: String,
    /// The property that gets the text.
    text: String,
}

impl FromConfig for Xml {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        Xml {
            property: config.property_path("property", "payload"),
            attributes: config.text("attr"),
            text: config.text("chr"),
        }
    }
}

impl Xml {
    fn read(&self, msg: &mut Message, text: &str) -> Result<Value, NodeError> {
        let given = msg.get("options").and_then(Value::as_object).cloned();
        let has_options = given.is_some();
        let mut given = given.unwrap_or_default();
        self.set_names(&mut given);
        let options = Options::new(&given);
        let read = || object::read(text, &options);
        let value = if text.len() > LONG_TEXT { run_aside(read) } else { read() }?;
        // As in Node-RED, the names that were used stay in the options.
        if has_options {
            msg.set("options", given);
        }
        Ok(value)
    }

    fn set_names(&self, options: &mut Map) {
        options.insert("async", true);
        for (name, configured, default) in
            [("attrkey", &self.attributes, "$"), ("charkey", &self.text, "_")]
        {
            if !configured.is_empty() {
                options.insert(name, configured.as_str());
            } else if !options.get(name).is_some_and(Value::is_truthy) {
                options.insert(name, default);
            }
        }
    }

    fn write(msg: &mut Message, value: &Value) -> Result<Value, NodeError> {
        let given = msg.get("options").and_then(Value::as_object).cloned();
        let has_options = given.is_some();
        let mut given = given.unwrap_or_default();
        let options = Options::new(&given);
        let write = || build::write(value, &options, has_options);
        let text = if build::is_large(value) { run_aside(write) } else { write() }?;
        if has_options {
            given.insert("async", false);
            msg.set("options", given);
        }
        Ok(text.into())
    }

    fn convert(&self, msg: &mut Message, cx: &NodeContext) -> Result<Option<()>, NodeError> {
        let Some(property) = &self.property else { return Ok(None) };
        let Some(value) = property.read(msg)? else { return Ok(Some(())) };
        let converted = match &value {
            Value::String(text) => self.read(msg, text)?,
            value if javascript::type_of(Some(value)) == "object" => Xml::write(msg, value)?,
            _ => {
                cx.warn("This node only handles xml strings or js objects.");
                return Ok(None);
            }
        };
        property.set(msg, converted)?;
        Ok(Some(()))
    }
}

impl Node for Xml {
    fn on_message_now(&self, mut msg: Message, cx: &NodeContext) -> Handled {
        match self.convert(&mut msg, cx) {
            Ok(Some(())) => Handled::Send(0, msg),
            Ok(None) => Handled::Done,
            Err(error) => Handled::Failed(error),
        }
    }
}

ferrowire::register!(
    NodeType::shared::<Xml>("xml")
        .summary("converts between XML and objects")
        .category("parser")
        .editor(Editor::NodeRed("parsers/70-XML"))
);
