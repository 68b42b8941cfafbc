//! The node `template`: renders a template with the properties of messages.

mod source;

use ferrowire::{
    ContextKey, Editor, FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeError,
    NodeType, PropertyPath, Scope, Value,
};

use source::Source;

/// Node-RED's `template`.
#[derive(Debug)]
pub struct Template {
    source: Source,
    format: Format,
    /// `None` after a problem with it.
    place: Option<Place>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Format {
    Text,
    Json,
    Yaml,
}

/// The destination of the result.
#[derive(Debug)]
enum Place {
    Message(PropertyPath),
    Context(ContextKey),
}

impl FromConfig for Template {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let source = Source::from_config(config);
        let format = match config.text_or("output", "str").as_str() {
            "str" => Format::Text,
            "json" => Format::Json,
            "yaml" => Format::Yaml,
            other => {
                let text = format!("expected `str`, `json` or `yaml`, found `{other}`");
                config.problem("output", text);
                Format::Text
            }
        };
        Template { source, format, place: place(config) }
    }
}

fn place(config: &mut NodeConfig<'_>) -> Option<Place> {
    let scope = match config.text_or("fieldType", "msg").as_str() {
        "msg" => return config.property_path("field", "payload").map(Place::Message),
        "flow" => Scope::Flow,
        "global" => Scope::Global,
        other => {
            let text = format!("expected `msg`, `flow` or `global`, found `{other}`");
            config.problem("fieldType", text);
            return None;
        }
    };
    let key = ContextKey::parse(scope, &config.text_or("field", "payload"));
    key.map_err(|error| config.problem("field", error.to_string())).map(Place::Context).ok()
}

/// YAML 1.2 as in Node-RED, where `yes`, `on` and `y` are strings.
fn yaml(text: &str) -> Result<Value, serde_saphyr::Error> {
    let options = serde_saphyr::options! { strict_booleans: true };
    serde_saphyr::from_str_with_options(text, options)
}

impl Template {
    fn make(&self, msg: &Message, cx: &NodeContext) -> Result<Value, NodeError> {
        let text = self.source.fill(self.format == Format::Json, msg, cx)?;
        match self.format {
            Format::Text => Ok(text.into()),
            Format::Json => Value::from_json_text(&text)
                .map_err(|error| NodeError::caused_by("invalid JSON from the template", error)),
            Format::Yaml => yaml(&text).map_err(|error| {
                NodeError::caused_by("invalid YAML from the template", error.to_string())
            }),
        }
    }

    fn put(
        &self,
        place: &Place,
        value: Value,
        msg: &mut Message,
        cx: &NodeContext,
    ) -> Result<(), NodeError> {
        match place {
            Place::Message(path) => {
                // As in Node-RED, the message is passed on if the property cannot be set.
                if let Err(error) = path.set(msg, value) {
                    cx.debug(format_args!("the property is not set: {error}"));
                }
                Ok(())
            }
            Place::Context(key) => key.set(msg, cx, Some(value)),
        }
    }
}

impl Node for Template {
    fn on_message_now(&self, mut msg: Message, cx: &NodeContext) -> Handled {
        let Some(place) = &self.place else { return Handled::Done };
        let put = self.make(&msg, cx).and_then(|value| self.put(place, value, &mut msg, cx));
        put.map_or_else(Handled::Failed, |()| Handled::Send(0, msg))
    }
}

ferrowire::register!(
    NodeType::shared::<Template>("template")
        .summary("renders a template with the properties of messages")
        .category("function")
        .editor(Editor::NodeRed("function/80-template"))
);
