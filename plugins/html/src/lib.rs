//! The node `html`: takes elements out of HTML by CSS selectors.

mod document;
mod output;
mod selector;

use ferrowire::bus::run_aside;
use ferrowire::expression::javascript;
use ferrowire::{
    Editor, FromConfig, Handled, Map, Message, Node, NodeConfig, NodeContext, NodeError, NodeType,
    PropertyPath, Value,
};

use document::Document;
use output::Output;
use selector::Selectors;

/// Text that is longer is read on a thread that may take its time, in bytes.
const LONG_TEXT: usize = 16 << 10;

/// Node-RED's `html`.
#[derive(Debug)]
pub struct Html {
    property: Option<PropertyPath>,
    target: Option<PropertyPath>,
    /// Empty: `msg.select`.
    selector: String,
    /// `None`: elements have no value.
    output: Option<Output>,
    /// Each element becomes a message.
    is_multi: bool,
}

impl FromConfig for Html {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let property = config.text_or("property", "payload");
        Html {
            property: config.property_path("property", "payload"),
            target: config.property_path("outproperty", &property),
            selector: config.text("tag"),
            output: Output::named(&config.text_or("ret", "html"), &config.text_or("chr", "_")),
            is_multi: config.text("as") == "multi",
        }
    }
}

impl Html {
    /// The values of the elements that the selector selects.
    fn values(&self, source: &str, selector: &str) -> Result<Vec<Value>, NodeError> {
        let document = Document::parse(source)?;
        let elements = Selectors::parse(selector)?.select(&document)?;
        match &self.output {
            Some(output) => output.values(&document, &elements),
            None => Ok(vec![Value::Undefined; elements.len()]),
        }
    }

    fn selected(&self, msg: &Message, value: &Value) -> Result<Vec<Value>, NodeError> {
        let given = msg.get("select").and_then(Value::as_str).unwrap_or_default();
        let selector = if self.selector.is_empty() { given } else { &self.selector };
        let decoded;
        let source = match value {
            Value::String(text) => text.as_str(),
            Value::Buffer(bytes) => {
                decoded = String::from_utf8_lossy(bytes);
                &decoded
            }
            Value::Null => return Err(NodeError::new("cheerio.load() expects a string")),
            // As in Node-RED, which takes an object for a node of a document.
            Value::Array(_) | Value::Object(_) | Value::Date(_) => return Ok(Vec::new()),
            value => {
                let (kind, text) = (value.type_name(), javascript::text(Some(value)));
                let text = format!("Cannot create property 'prev' on {kind} '{text}'");
                return Err(NodeError::new(text));
            }
        };
        let values = || self.values(source, selector);
        if source.len() > LONG_TEXT { run_aside(values) } else { values() }
    }

    fn handle(&self, mut msg: Message) -> Result<Handled, NodeError> {
        let (Some(property), Some(target)) = (&self.property, &self.target) else {
            return Ok(Handled::Done);
        };
        let Some(value) = property.read(&msg)? else { return Ok(Handled::Send(0, msg)) };
        let values = self.selected(&msg, &value)?;
        if self.is_multi {
            return Ok(Handled::SendAll(messages(&msg, target, values)?));
        }
        let values: Vec<Value> = values.into_iter().filter(|value| !value.is_undefined()).collect();
        target.set(&mut msg, values.into())?;
        Ok(Handled::Send(0, msg))
    }
}

/// A message for each value that is not empty.
fn messages(
    msg: &Message,
    target: &PropertyPath,
    values: Vec<Value>,
) -> Result<Vec<(usize, Message)>, NodeError> {
    let count = values.len();
    let values = values.into_iter().enumerate().filter(|(_, value)| value.is_truthy());
    let message = |(index, value): (usize, Value)| {
        let mut sent = msg.clone();
        target.set(&mut sent, value)?;
        sent.set("parts", parts(msg, index, count));
        Ok((0, sent))
    };
    values.map(message).collect()
}

fn parts(msg: &Message, index: usize, count: usize) -> Map {
    let id = msg.id().map(|id| ("id", Value::from(id)));
    let place = [
        ("index", Value::from(index)),
        ("count", Value::from(count)),
        ("type", "string".into()),
        ("ch", "".into()),
    ];
    id.into_iter().chain(place).collect()
}

impl Node for Html {
    fn on_message_now(&self, msg: Message, _: &NodeContext) -> Handled {
        self.handle(msg).unwrap_or_else(Handled::Failed)
    }
}

ferrowire::register!(
    NodeType::shared::<Html>("html")
        .summary("takes elements out of HTML by CSS selectors")
        .category("parser")
        .editor(Editor::NodeRed("parsers/70-HTML"))
);
