//! The node `split`: a message becomes a sequence of messages.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use ferrowire_core::{
    FromConfig, Handled, Map, Message, Node, NodeConfig, NodeContext, NodeError, PropertyPath,
    Value, generate_id,
};

use crate::pieces::{self, Pieces, Separator};

/// Node-RED's `split`.
#[derive(Debug)]
pub struct Split {
    inner: Arc<Settings>,
    /// What a stream has left over.
    rest: Mutex<Rest>,
}

#[derive(Debug)]
struct Settings {
    property: Option<PropertyPath>,
    property_name: String,
    separator: Separator,
    /// How many elements of an array go into a message.
    elements: usize,
    /// Where the name of an object's property goes.
    name: Option<PropertyPath>,
    /// Messages continue each other.
    is_stream: bool,
}

#[derive(Debug, Default)]
struct Rest {
    text: String,
    bytes: Vec<u8>,
    index: usize,
}

/// How much a stream may have left over.
const MOST_LEFT: usize = 64 << 20;

impl FromConfig for Split {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let property_name = config.text_or("property", "payload");
        let name = config.text("addname");
        let settings = Settings {
            property: config.property_path("property", "payload"),
            property_name,
            separator: separator(config),
            elements: config.number_in("arraySplt", 1.0..=1e9).unwrap_or(1.0) as usize,
            name: (!name.is_empty()).then(|| config.property_path("addname", "")).flatten(),
            is_stream: config.boolean("stream", false),
        };
        Split { inner: Arc::new(settings), rest: Mutex::default() }
    }
}

fn separator(config: &mut NodeConfig<'_>) -> Separator {
    match config.text_or("spltType", "str").as_str() {
        "str" => Separator::Text(crate::unescape(&config.text_or("splt", "\\n"))),
        "bin" => {
            let text = config.text("splt");
            let bytes = crate::bytes(config, "splt", &text);
            if bytes.is_empty() && text.trim() == "[]" {
                config.problem("splt", "the separator is empty");
            }
            Separator::Bytes(bytes)
        }
        "len" => Separator::Length(config.number_in("splt", 1.0..=1e9).map_or(1, |n| n as usize)),
        other => {
            config.problem("spltType", format!("`{other}` is none of `str`, `bin` and `len`"));
            Separator::Length(1)
        }
    }
}

impl Split {
    fn pieces(&self, value: &Value) -> Result<Option<Pieces>, NodeError> {
        let settings = &self.inner;
        let pieces = match value {
            Value::Array(items) => pieces::array(items, settings.elements),
            Value::Object(map) => pieces::object(map),
            Value::String(text) if !settings.is_stream => pieces::text(text, &settings.separator)?,
            Value::Buffer(bytes) if !settings.is_stream => {
                pieces::buffer(bytes, &settings.separator)?
            }
            Value::String(_) | Value::Buffer(_) => self.stream(value)?,
            Value::Null | Value::Bool(_) | Value::Number(_) => return Ok(None),
        };
        Ok(Some(pieces))
    }

    /// What is complete leaves, what is not stays for the next message.
    fn stream(&self, value: &Value) -> Result<Pieces, NodeError> {
        let separator = &self.inner.separator;
        let mut rest = self.rest.lock().unwrap_or_else(PoisonError::into_inner);
        let mut pieces = match value {
            Value::String(text) => {
                rest.text.push_str(text);
                pieces::text(&std::mem::take(&mut rest.text).into(), separator)?
            }
            Value::Buffer(bytes) => {
                rest.bytes.extend_from_slice(bytes);
                pieces::buffer_with_end(&Bytes::from(std::mem::take(&mut rest.bytes)), separator)?
            }
            _ => return Err(NodeError::new("neither a string nor a buffer")),
        };
        match pieces.values.last() {
            // A piece of the full length is complete.
            Some(last) if separator.is_full(last) => {}
            Some(Value::String(text)) => {
                rest.text = text.as_str().to_owned();
                pieces.values.pop();
            }
            Some(Value::Buffer(bytes)) => {
                rest.bytes = bytes.to_vec();
                pieces.values.pop();
            }
            _ => {}
        }
        if rest.text.len() > MOST_LEFT || rest.bytes.len() > MOST_LEFT {
            *rest = Rest::default();
            let text = format!("no separator in more than {MOST_LEFT} bytes, they were dropped");
            return Err(NodeError::new(text));
        }
        pieces.first_index = rest.index;
        pieces.has_count = false;
        rest.index += pieces.values.len();
        Ok(pieces)
    }
}

impl Settings {
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
        let failed = |error: ferrowire_core::CannotSet| NodeError::new(error.to_string());
        let mut msg = msg.clone();
        let mut parts = parts.clone();
        if let Some(property) = &self.property {
            property.set(&mut msg, std::mem::take(&mut pieces.values[at])).map_err(failed)?;
        }
        if let Some(key) = pieces.keys.get(at) {
            parts.insert("key", key.clone());
            if let Some(name) = &self.name {
                name.set(&mut msg, key.as_str().into()).map_err(failed)?;
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

impl Node for Split {
    fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        let Some(property) = &self.inner.property else { return Handled::Done };
        let value = match property.read(&msg) {
            Ok(Some(value)) => value,
            Ok(None) => return Handled::Done,
            Err(error) => return Handled::Failed(NodeError::new(error.to_string())),
        };
        match self.pieces(&value) {
            Err(error) => Handled::Failed(error),
            Ok(None) => Handled::Done,
            Ok(Some(pieces)) => {
                let (settings, cx) = (Arc::clone(&self.inner), cx.clone());
                Handled::Later(Box::pin(async move { settings.send(msg, pieces, &cx).await }))
            }
        }
    }
}
