//! The node `template`: fills in a template with the properties of messages.

use ferrowire_core::mustache::{Filling, Template as Mustache};
use ferrowire_core::{
    Editor, FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeError, NodeType,
    PropertyPath, Value, javascript,
};

/// Node-RED's `template`.
#[derive(Debug)]
pub struct Template {
    source: Source,
    format: Format,
    field: Option<PropertyPath>,
}

#[derive(Debug)]
enum Source {
    Plain(String),
    Mustache(Mustache),
    /// `msg.template`, as it is or as a template.
    Message {
        mustache: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Format {
    Text,
    Json,
    Yaml,
}

impl FromConfig for Template {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let text = config.text("template");
        let mustache = match config.text_or("syntax", "mustache").as_str() {
            "mustache" => true,
            "plain" => false,
            other => {
                config.problem("syntax", format!("`{other}` is neither `mustache` nor `plain`"));
                false
            }
        };
        let source = match () {
            () if text.is_empty() => Source::Message { mustache },
            () if mustache => parse(config, text),
            () => Source::Plain(text),
        };
        let format = match config.text_or("output", "str").as_str() {
            "str" => Format::Text,
            "json" => Format::Json,
            "yaml" => Format::Yaml,
            other => {
                let text = format!("`{other}` is none of `str`, `json` and `yaml`");
                config.problem("output", text);
                Format::Text
            }
        };
        let place = config.text_or("fieldType", "msg");
        if place != "msg" {
            let text = format!("results in `{place}` are not supported yet; choose `msg`");
            config.problem("fieldType", text);
        }
        Template { source, format, field: config.property_path("field", "payload") }
    }
}

fn parse(config: &mut NodeConfig<'_>, text: String) -> Source {
    match Mustache::parse(&text) {
        Ok(template) => {
            if let Some(name) = template.names().into_iter().find(|name| is_context(name)) {
                let text = format!("`{name}`: context is not supported in templates yet");
                config.problem("template", text);
            }
            Source::Mustache(template)
        }
        Err(error) => {
            config.problem("template", error.to_string());
            Source::Plain(text)
        }
    }
}

/// `flow.name`, `global.name`, and the same with a store, `flow[store].name`.
fn is_context(name: &str) -> bool {
    let rest = name.strip_prefix("flow").or_else(|| name.strip_prefix("global"));
    rest.is_some_and(|rest| rest.starts_with(['.', '[']))
}

impl Template {
    fn make(&self, msg: &Message, cx: &NodeContext) -> Result<Value, NodeError> {
        let text = match &self.source {
            Source::Plain(text) => text.clone(),
            Source::Mustache(template) => self.render(template, msg, cx)?,
            Source::Message { mustache } => {
                let text = msg.get("template").map(|t| javascript::text(Some(t)));
                let text = text.unwrap_or_default();
                let parsed = |text: &str| {
                    Mustache::parse(text).map_err(|error| NodeError::new(error.to_string()))
                };
                if *mustache { self.render(&parsed(&text)?, msg, cx)? } else { text }
            }
        };
        match self.format {
            Format::Text => Ok(text.into()),
            Format::Json => Value::from_json(text.as_bytes())
                .map_err(|error| NodeError::caused_by("the filled-in template is no JSON", error)),
            Format::Yaml => serde_saphyr::from_str(&text).map_err(|error| {
                NodeError::caused_by("the filled-in template is no YAML", error.to_string())
            }),
        }
    }

    fn render(
        &self,
        template: &Mustache,
        msg: &Message,
        cx: &NodeContext,
    ) -> Result<String, NodeError> {
        let missing = |name: &str| cx.env(name.strip_prefix("env.")?);
        let escape_strings = self.format == Format::Json;
        let filled = template.render(msg, &Filling { escape_strings, missing: &missing });
        filled.map_err(|error| NodeError::new(error.to_string()))
    }
}

impl Node for Template {
    fn on_message_now(&self, mut msg: Message, cx: &NodeContext) -> Handled {
        let Some(field) = &self.field else { return Handled::Done };
        let set = self.make(&msg, cx).and_then(|value| {
            field.set(&mut msg, value).map_err(|error| NodeError::new(error.to_string()))
        });
        set.map_or_else(Handled::Failed, |()| Handled::Send(0, msg))
    }
}

ferrowire_core::register!(
    NodeType::shared::<Template>("template")
        .summary("fills in a template with the properties of messages")
        .category("function")
        .editor(Editor::NodeRed("function/80-template"))
);
