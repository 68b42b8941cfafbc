//! The node `template`: fills in a template with the properties of messages.

use ferrowire_core::mustache::{Filling, Template as Mustache};
use ferrowire_core::{
    ContextKey, Editor, FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeError,
    NodeType, PropertyPath, Scope, Value, javascript,
};

/// Node-RED's `template`.
#[derive(Debug)]
pub struct Template {
    source: Source,
    format: Format,
    target: Option<Target>,
}

/// Where the result goes.
#[derive(Debug)]
enum Target {
    Message(PropertyPath),
    Context(ContextKey),
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
        Template { source, format, target: target(config) }
    }
}

fn target(config: &mut NodeConfig<'_>) -> Option<Target> {
    let scope = match config.text_or("fieldType", "msg").as_str() {
        "msg" => return config.property_path("field", "payload").map(Target::Message),
        "flow" => Scope::Flow,
        "global" => Scope::Global,
        other => {
            let text = format!("`{other}` is none of `msg`, `flow` and `global`");
            config.problem("fieldType", text);
            return None;
        }
    };
    let key = config.text_or("field", "payload");
    let parsed = ContextKey::parse(scope, &key);
    parsed.map(Target::Context).map_err(|error| config.problem("field", error.to_string())).ok()
}

fn parse(config: &mut NodeConfig<'_>, text: String) -> Source {
    match Mustache::parse(&text) {
        Ok(template) => Source::Mustache(template),
        Err(error) => {
            config.problem("template", error.to_string());
            Source::Plain(text)
        }
    }
}

/// What a name means that the message does not have: `env.NAME`, `flow.key`, `global.key`, or in
/// another store `flow[store].key`.
fn outside(name: &str, cx: &NodeContext) -> Option<Value> {
    if let Some(name) = name.strip_prefix("env.") {
        return cx.env(name);
    }
    let (scope, rest) = match name.strip_prefix("flow") {
        Some(rest) => (Scope::Flow, rest),
        None => (Scope::Global, name.strip_prefix("global")?),
    };
    let (store, key) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once("].")?,
        None => ("", rest.strip_prefix('.')?),
    };
    let path = PropertyPath::parse_key(key).ok()?;
    // A node outside of every flow has no flow's context: nothing is known there.
    cx.context(scope).in_store(store).get(&path).ok()?
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
        let missing = |name: &str| outside(name, cx);
        let escape_strings = self.format == Format::Json;
        let filled = template.render(msg, &Filling { escape_strings, missing: &missing });
        filled.map_err(|error| NodeError::new(error.to_string()))
    }
}

impl Node for Template {
    fn on_message_now(&self, mut msg: Message, cx: &NodeContext) -> Handled {
        let Some(target) = &self.target else { return Handled::Done };
        let set = self.make(&msg, cx).and_then(|value| match target {
            Target::Message(path) => {
                path.set(&mut msg, value).map_err(|error| NodeError::new(error.to_string()))
            }
            Target::Context(key) => key.set(&msg, cx, Some(value)),
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
