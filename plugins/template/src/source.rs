//! `Source`: the template, and the values besides the message.

use std::collections::HashMap;

use ferrowire::expression::javascript;
use ferrowire::expression::mustache::{Filling, Template};
use ferrowire::{
    ContextKey, InvalidProperty, Message, NodeConfig, NodeContext, NodeError, Scope, Text, Value,
};

#[derive(Debug)]
pub(crate) enum Source {
    Plain(Text),
    Mustache(Mustache),
    /// `msg.template`, as plain text or as a template.
    Message {
        mustache: bool,
    },
}

impl Source {
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let text = config.text("template");
        let mustache = match config.text_or("syntax", "mustache").as_str() {
            "mustache" => true,
            "plain" => false,
            other => {
                config
                    .problem("syntax", format!("expected `mustache` or `plain`, found `{other}`"));
                false
            }
        };
        if text.is_empty() {
            return Source::Message { mustache };
        }
        if !mustache {
            return Source::Plain(text.into());
        }
        match Mustache::parse(&text) {
            Ok(template) => Source::Mustache(template),
            Err(error) => {
                config.problem("template", error);
                Source::Plain(text.into())
            }
        }
    }

    /// The text for `msg`. With `escape_strings`, values are escaped for JSON strings.
    pub(crate) fn fill(
        &self,
        escape_strings: bool,
        msg: &Message,
        cx: &NodeContext,
    ) -> Result<Text, NodeError> {
        match self {
            Source::Plain(text) => Ok(text.clone()),
            Source::Mustache(template) => template.fill(escape_strings, msg, cx),
            Source::Message { mustache } => {
                let text = match msg.get("template") {
                    Some(Value::String(text)) => text.clone(),
                    Some(other) if *mustache => {
                        let found = other.type_name();
                        let text = format!("`msg.template` is of type {found}, not a string");
                        return Err(NodeError::new(text));
                    }
                    Some(other) => javascript::text(Some(other)).into(),
                    None => Text::new(),
                };
                if !mustache {
                    return Ok(text);
                }
                Mustache::parse(&text)?.fill(escape_strings, msg, cx)
            }
        }
    }
}

/// A template, with the context values that it uses.
#[derive(Debug)]
pub(crate) struct Mustache {
    template: Template,
    contexts: HashMap<String, ContextKey>,
}

impl Mustache {
    fn parse(text: &str) -> Result<Self, String> {
        let template = Template::parse(text).map_err(|error| error.to_string())?;
        let mut contexts = HashMap::new();
        for name in template.names() {
            if let Some(key) = context_key(name) {
                let key = key.map_err(|error| format!("`{name}`: {error}"))?;
                contexts.insert(name.to_owned(), key);
            }
        }
        Ok(Mustache { template, contexts })
    }

    fn fill(
        &self,
        escape_strings: bool,
        msg: &Message,
        cx: &NodeContext,
    ) -> Result<Text, NodeError> {
        let missing = |name: &str| {
            if let Some(variable) = name.strip_prefix("env.") {
                return cx.env(variable);
            }
            let key = self.contexts.get(name)?;
            // A node outside of flows has no flow context.
            key.get(msg, cx).unwrap_or(None)
        };
        let filled = self.template.render(msg, &Filling { escape_strings, missing: &missing });
        filled.map(Text::from).map_err(|error| NodeError::new(error.to_string()))
    }
}

/// `flow.name` or `global.name`, or with a store `flow[store].name`.
fn context_key(name: &str) -> Option<Result<ContextKey, InvalidProperty>> {
    let (scope, rest) = match name.strip_prefix("flow") {
        Some(rest) => (Scope::Flow, rest),
        None => (Scope::Global, name.strip_prefix("global")?),
    };
    if let Some(key) = rest.strip_prefix('.').filter(|key| !key.is_empty()) {
        return Some(ContextKey::parse(scope, key));
    }
    let (store, key) = rest.strip_prefix('[')?.split_once("].")?;
    let is_name = !store.is_empty() && store.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (is_name && !key.is_empty()).then(|| ContextKey::in_store(scope, store, key))
}
