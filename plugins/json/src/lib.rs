//! The node `json`: converts between JSON text and values, and checks them against a schema.

mod print;
mod schema;

use ferrowire::{
    Editor, FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeError, NodeType,
    PropertyPath, Unprintable, Value,
};

use schema::{Cache, Schema};

/// Node-RED's `json`.
#[derive(Debug)]
pub struct Json {
    property: Option<PropertyPath>,
    /// Text is parsed.
    parses: bool,
    /// Values are printed.
    prints: bool,
    pretty: bool,
    schema: Cache,
}

/// Why a message fails.
enum Failure {
    Error(NodeError),
    Misfit(Box<Misfit>),
}

impl From<Unprintable> for Failure {
    fn from(error: Unprintable) -> Self {
        Failure::Error(error.into())
    }
}

/// A value that does not match its schema.
struct Misfit {
    error: NodeError,
    /// The value for `msg.schemaError`.
    list: Value,
    /// The parsed value, which is assigned to the property.
    parsed: Option<Value>,
}

impl FromConfig for Json {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let (parses, prints) = match config.text("action").as_str() {
            "" => (true, true),
            "obj" => (true, false),
            "str" => (false, true),
            other => {
                config.problem("action", format!("expected ``, `obj` or `str`, found `{other}`"));
                (true, true)
            }
        };
        let property = config.property_path("property", "payload");
        let pretty = config.boolean("pretty", false);
        Json { property, parses, prints, pretty, schema: Cache::default() }
    }
}

impl Json {
    /// The new value of the property, checked against the schema; `None` if unchanged.
    fn convert(&self, value: &Value, schema: Option<&Schema>) -> Result<Option<Value>, Failure> {
        let converts = self.parses || schema.is_some();
        let (text, parsed) = match value {
            Value::String(text) if converts => (text.as_bytes(), Value::from_json_text(text)),
            Value::Buffer(bytes) if converts => (bytes.as_ref(), Value::from_json(bytes)),
            Value::String(_) | Value::Buffer(_) => return Ok(None),
            value => {
                check(value, schema, false)?;
                return Ok(match (self.prints, self.pretty) {
                    (false, _) => None,
                    (true, true) => Some(print::pretty(value)?.into()),
                    (true, false) => value.stringify()?.map(Value::from),
                });
            }
        };
        let parsed = parsed.map_err(|error| Failure::Error(invalid(text, &error)))?;
        check(&parsed, schema, self.parses)?;
        Ok(self.parses.then_some(parsed))
    }

    fn handle(&self, property: &PropertyPath, msg: &mut Message) -> Result<(), Failure> {
        let schema = match msg.get("schema").filter(|schema| schema.is_truthy()) {
            Some(source) => Some(self.schema.compiled(source).map_err(|reason| {
                let text = "JSON Schema error: failed to compile schema";
                Failure::Error(NodeError::new(text).with("cause", reason))
            })?),
            None => None,
        };
        let Some(value) = property.get(msg) else {
            let read = property.read(msg).map_err(NodeError::from);
            return read.map(drop).map_err(Failure::Error);
        };
        let converted = self.convert(value, schema.as_deref())?;
        if let Some(value) = converted {
            let error = |error: ferrowire::CannotSet| NodeError::new(error.to_string());
            property.set(msg, value).map_err(|e| Failure::Error(error(e)))?;
        }
        if schema.is_some() {
            msg.remove("schema");
        }
        Ok(())
    }
}

/// `is_new`: the value is assigned to the message even if it does not match.
fn check(value: &Value, schema: Option<&Schema>, is_new: bool) -> Result<(), Failure> {
    let Some(schema) = schema else { return Ok(()) };
    schema.check(value).map_err(|mistakes| {
        let lines: Vec<_> = mistakes.iter().map(schema::Mistake::line).collect();
        let error = NodeError::new(format!("JSON Schema error: {}", lines.join(", ")));
        let list: Vec<_> = mistakes.iter().map(schema::Mistake::entry).collect();
        let parsed = is_new.then(|| value.clone());
        Failure::Misfit(Box::new(Misfit { error, list: list.into(), parsed }))
    })
}

/// An error that starts like that of `JSON.parse`, on which flows may depend.
fn invalid(text: &[u8], error: &serde_json::Error) -> NodeError {
    let place = format!("line {}, column {}", error.line(), error.column());
    if error.is_eof() {
        return NodeError::new(format!("Unexpected end of JSON input at {place}"));
    }
    let line = text.split(|b| *b == b'\n').nth(error.line().saturating_sub(1)).unwrap_or_default();
    let rest = line.get(error.column().saturating_sub(1)..).unwrap_or_default();
    let found = String::from_utf8_lossy(rest.get(..4).unwrap_or(rest)).chars().next();
    let found = found.map(|c| format!("Unexpected token '{c}'"));
    let found = found.unwrap_or_else(|| "Unexpected token".to_owned());
    // The reason ends with the position in serde_json's format.
    let reason = error.to_string();
    let reason = reason.split(" at line ").next().unwrap_or_default();
    NodeError::new(format!("{found} at {place} is not valid JSON: {reason}"))
}

impl Node for Json {
    fn on_message_now(&self, mut msg: Message, cx: &NodeContext) -> Handled {
        let Some(property) = &self.property else { return Handled::Done };
        match self.handle(property, &mut msg) {
            Ok(()) => Handled::Send(0, msg),
            Err(Failure::Error(error)) => Handled::Failed(error),
            Err(Failure::Misfit(misfit)) => {
                let Misfit { error, list, parsed } = *misfit;
                if let Some(parsed) = parsed
                    && let Err(error) = property.set(&mut msg, parsed)
                {
                    return Handled::Failed(error.into());
                }
                msg.set("schemaError", list);
                Handled::Kept(cx.fail_with(error, msg))
            }
        }
    }
}

ferrowire::register!(
    NodeType::shared::<Json>("json")
        .summary("converts between JSON text and values")
        .category("parser")
        .editor(Editor::NodeRed("parsers/70-JSON"))
);
