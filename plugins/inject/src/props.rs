//! The properties of injected messages.

use std::sync::Arc;

use ferrowire::expression::TypedValue;
use ferrowire::{Map, Message, NodeConfig, NodeContext, NodeError, PropertyPath, Value};

/// The properties to set, in order, and the errors of invalid ones.
#[derive(Clone, Debug)]
pub(crate) struct Props {
    props: Arc<Vec<Prop>>,
    mistakes: Vec<String>,
}

#[derive(Debug)]
struct Prop {
    name: String,
    path: PropertyPath,
    value: TypedValue,
}

impl Props {
    /// The list `props`, or for old nodes `payload` with `payloadType`, and `topic`. Problems are
    /// reported to `config`.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let list = match config.raw("props") {
            Some(Value::Array(list)) => list.to_vec(),
            None => ["payload", "topic"].map(|p| Map::from_iter([("p", p)]).into()).to_vec(),
            Some(_) => {
                config.problem("props", "expected a list of properties");
                Vec::new()
            }
        };
        let mut props = Vec::new();
        for (at, item) in list.iter().enumerate() {
            match Prop::parse(&completed(item, config.properties())) {
                Ok(prop) => props.extend(prop),
                Err(mistake) => config.problem(&format!("props[{at}]"), mistake),
            }
        }
        Props { props: Arc::new(props), mistakes: Vec::new() }
    }

    /// The list in a message. Its errors fail the message.
    pub(crate) fn from_message(list: &[Value]) -> Self {
        let (mut props, mut mistakes) = (Vec::new(), Vec::new());
        for item in list {
            match Prop::parse(item) {
                Ok(prop) => props.extend(prop),
                Err(mistake) => mistakes.push(mistake),
            }
        }
        Props { props: Arc::new(props), mistakes }
    }

    /// Sets the properties of `msg`.
    ///
    /// As in Node-RED, all properties are tried and the failures are reported together; a property
    /// that cannot be set is skipped with a warning.
    pub(crate) fn fill(&self, msg: &mut Message, cx: &NodeContext) -> Result<(), NodeError> {
        let mut mistakes = self.mistakes.clone();
        for prop in self.props.iter() {
            match prop.value.evaluate(msg, cx) {
                Err(error) => mistakes.push(format!("property `{}`: {error}", prop.name)),
                Ok(None) => drop(prop.path.remove(msg)),
                Ok(Some(value)) => {
                    if let Err(error) = prop.path.set(msg, value) {
                        cx.warn(format_args!("property `{}` is left out: {error}", prop.name));
                    }
                }
            }
        }
        if mistakes.is_empty() { Ok(()) } else { Err(NodeError::new(mistakes.join("; "))) }
    }
}

/// Adds to `payload` and `topic` what the editor stores outside of the list.
fn completed(item: &Value, node: &Map) -> Value {
    let mut item = item.clone();
    let Some(prop) = item.as_object_mut() else { return item };
    let name = prop.get("p").and_then(Value::as_str).unwrap_or_default();
    let text = prop.get("vt").is_none_or(|kind| kind.as_str() == Some("str"));
    let value = match name {
        _ if prop.contains_key("v") => return item,
        "payload" => {
            if let Some(kind) = node.get("payloadType") {
                prop.insert("vt", kind.clone());
            }
            node.get("payload")
        }
        "topic" if text => node.get("topic"),
        _ => None,
    };
    if let Some(value) = value.filter(|value| !matches!(value, Value::Null)) {
        prop.insert("v", value.clone());
    }
    item
}

impl Prop {
    /// `None` for an empty entry: one without a name, or an empty expression.
    fn parse(item: &Value) -> Result<Option<Self>, String> {
        let Some(item) = item.as_object() else {
            return Err("expected an object with `p`, `v` and `vt`".to_owned());
        };
        let name = match item.get("p") {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(name)) if name.is_empty() => return Ok(None),
            Some(Value::String(name)) => name.as_str().to_owned(),
            Some(other) => return Err(format!("invalid name `{}`", other.to_json())),
        };
        let kind = match item.get("vt") {
            None | Some(Value::Null) => "str",
            Some(Value::String(kind)) if kind.is_empty() => "str",
            Some(Value::String(kind)) => kind,
            Some(other) => {
                return Err(format!("property `{name}`: invalid type `{}`", other.to_json()));
            }
        };
        let empty = Value::from("");
        let value = item.get("v").unwrap_or(&empty);
        if kind == "jsonata" && !value.is_truthy() {
            return Ok(None);
        }
        let path = PropertyPath::parse(&name).map_err(|error| error.to_string())?;
        match TypedValue::parse(value, kind) {
            Ok(value) => Ok(Some(Prop { name, path, value })),
            Err(error) => Err(format!("property `{name}`: {error}")),
        }
    }
}
