//! The node `split`: a message becomes a sequence of messages.

mod pieces;
mod stream;

use std::sync::{Arc, Mutex};

use ferrowire::sequence::send_and_complete;
use ferrowire::{
    FromConfig, Handled, Map, Message, MutexExt as _, Node, NodeConfig, NodeContext, NodeError,
    PropertyPath, Sending, Value, generate_id,
};

use pieces::{Pieces, Separator};
use stream::Stream;

/// Node-RED's `split`.
#[derive(Debug)]
pub struct Split {
    settings: Arc<Settings>,
    stream: Mutex<Stream>,
}

#[derive(Debug)]
struct Settings {
    property: Option<PropertyPath>,
    property_name: String,
    separator: Separator,
    /// An unknown type of separator, with which only arrays and objects can be split.
    unknown: Option<String>,
    /// How many elements of an array go into a message.
    elements: usize,
    /// The property that the name of an object's property is written to.
    name: Option<PropertyPath>,
    /// The messages form a stream: each continues the one before.
    is_stream: bool,
}

impl FromConfig for Split {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let property_name = config.text_or("property", "payload");
        let name = config.text("addname");
        let separator = separator(config);
        let settings = Settings {
            property: config.property_path("property", "payload"),
            property_name,
            unknown: separator.as_ref().err().cloned(),
            separator: separator.unwrap_or(Separator::Length(1)),
            elements: config.number_in("arraySplt", 1.0..=1e9).unwrap_or(1.0) as usize,
            name: (!name.is_empty()).then(|| config.property_path("addname", "")).flatten(),
            is_stream: config.boolean("stream", false),
        };
        Split { settings: Arc::new(settings), stream: Mutex::default() }
    }
}

/// # Errors
/// The type, if it is unknown.
fn separator(config: &mut NodeConfig<'_>) -> Result<Separator, String> {
    Ok(match config.text_or("spltType", "str").as_str() {
        "str" => Separator::Text(crate::unescape(&config.text_or("splt", "\\n"))),
        "bin" => {
            let text = config.text("splt");
            let bytes = crate::bytes(config, "splt", &text);
            if bytes.is_empty() && text.trim() == "[]" {
                config.problem("splt", "the separator is empty, expected at least one byte");
            }
            Separator::Bytes(bytes)
        }
        "len" => Separator::Length(config.number_in("splt", 1.0..=1e9).map_or(1, |n| n as usize)),
        other => return Err(other.to_owned()),
    })
}

impl Settings {
    /// The pieces of a value outside of a stream; `None` for a value that Node-RED ignores.
    fn pieces(&self, value: &Value) -> Result<Option<Pieces>, NodeError> {
        Ok(Some(match value {
            Value::Array(items) => pieces::array(items, self.elements),
            Value::Object(map) => pieces::object(map),
            // An object without properties.
            Value::Date(_) => pieces::object(&Map::new()),
            Value::String(text) => pieces::text(text, &self.separator)?,
            Value::Buffer(bytes) => pieces::buffer(bytes, &self.separator)?,
            Value::Null => return Err(NodeError::new("null cannot be split")),
            Value::Undefined | Value::Bool(_) | Value::Number(_) | Value::BigInt(_) => {
                return Ok(None);
            }
        }))
    }

    fn parts(&self, msg: &mut Message, pieces: &Pieces) -> Map {
        let mut parts = Map::with_capacity(6);
        if let Some(outer) = msg.remove("parts") {
            parts.insert("parts", outer);
        }
        parts.insert("id", generate_id());
        if self.property_name != "payload" {
            parts.insert("property", self.property_name.as_str());
        }
        for (name, value) in &pieces.parts {
            parts.insert(*name, value.clone());
        }
        if pieces.has_count {
            parts.insert("count", pieces.values.len());
        }
        parts
    }

    fn piece(
        &self,
        msg: &Message,
        parts: &Map,
        at: usize,
        pieces: &mut Pieces,
    ) -> Result<Message, NodeError> {
        let mut msg = msg.clone();
        let mut parts = parts.clone();
        if let Some(property) = &self.property {
            property.set(&mut msg, std::mem::take(&mut pieces.values[at]))?;
        }
        if let Some(key) = pieces.keys.get(at) {
            parts.insert("key", key.clone());
            if let Some(name) = &self.name {
                // As in Node-RED, the message is passed on if the property cannot be set.
                let _left_out = name.set(&mut msg, key.as_str().into());
            }
        }
        parts.insert("index", pieces.first_index + at);
        msg.set("parts", parts);
        Ok(msg)
    }

    async fn send(
        &self,
        mut msg: Message,
        mut pieces: Pieces,
        cx: &NodeContext,
    ) -> Result<(), NodeError> {
        let parts = self.parts(&mut msg, &pieces);
        msg.remove("_msgid");
        for at in 0..pieces.values.len() {
            cx.send(0, self.piece(&msg, &parts, at, &mut pieces)?).await;
        }
        Ok(())
    }
}

impl Split {
    fn handle(&self, msg: Message, value: &Value, cx: &NodeContext) -> Result<Handled, NodeError> {
        let (settings, cx) = (Arc::clone(&self.settings), cx.clone());
        if let Some(kind) = &settings.unknown
            && matches!(value, Value::String(_) | Value::Buffer(_))
        {
            let text = format!("invalid separator type `{kind}`, expected `str`, `bin` or `len`");
            return Err(NodeError::new(text));
        }
        if !settings.is_stream || !matches!(value, Value::String(_) | Value::Buffer(_)) {
            let Some(pieces) = settings.pieces(value)? else { return Ok(Handled::Done) };
            let send = async move { settings.send(msg, pieces, &cx).await };
            return Ok(Handled::Later(Box::pin(send)));
        }
        let mut stream = self.stream.locked();
        let pieces = match value {
            Value::String(text) => stream.text(text, &settings.separator)?,
            Value::Buffer(bytes) => stream.bytes(bytes, &settings.separator)?,
            _ => return Ok(Handled::Done),
        };
        let is_watched = cx.completion_watched();
        let mut complete = Vec::new();
        if !pieces.values.is_empty() {
            complete = std::mem::take(&mut stream.kept);
        }
        if is_watched {
            let keeps = stream.kept.len() < MOST_KEPT && stream.keeps(value, &settings.separator);
            let list = if keeps { &mut stream.kept } else { &mut complete };
            list.push(msg.clone());
        }
        Ok(Handled::Kept(Sending::later(Box::pin(async move {
            let kept = msg.clone();
            match settings.send(msg, pieces, &cx).await {
                Ok(()) => send_and_complete(&cx, Vec::new(), complete).await,
                Err(error) => cx.fail_with(error, kept).await,
            }
        }))))
    }
}

/// How many messages of a stream wait to be reported as complete. A message beyond that is
/// complete at once.
const MOST_KEPT: usize = 65_536;

impl Node for Split {
    fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        let Some(property) = &self.settings.property else { return Handled::Done };
        match property.read(&msg) {
            Ok(Some(value)) => self.handle(msg, &value, cx).unwrap_or_else(Handled::Failed),
            Ok(None) => Handled::Done,
            Err(error) => Handled::Failed(error.into()),
        }
    }
}
