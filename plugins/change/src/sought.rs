//! `Sought`: the configured pattern of a change rule.

use std::borrow::Cow;

use ferrowire::expression::{TypedValue, regexp};
use ferrowire::{Message, NodeConfig, NodeContext, NodeError, Value};

use crate::pattern::Pattern;

#[derive(Debug)]
pub(crate) enum Sought {
    /// The same for every message.
    Fixed(Pattern),
    /// A property of the message, or the environment.
    Looked(TypedValue),
}

impl Sought {
    /// Reads the pattern of a rule; `None` after a problem.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Option<Self> {
        let is_regexp = config.raw("re").is_some_and(Value::is_truthy);
        let kind = if is_regexp { "re".to_owned() } else { config.text_or("fromt", "str") };
        let empty = Value::from("");
        let sought = Sought::parse(config.raw("from").unwrap_or(&empty), &kind);
        sought.map_err(|text| config.problem("from", text)).ok()
    }

    fn parse(value: &Value, kind: &str) -> Result<Self, String> {
        let typed = |kind| TypedValue::parse(value, kind).map_err(|error| error.to_string());
        // Regular expressions and numbers of a rule match in strings too, as they are written.
        let text = || match typed("str")? {
            TypedValue::Constant(Value::String(text)) => Ok(text.as_str().to_owned()),
            _ => Err("expected a string".to_owned()),
        };
        match kind {
            "str" => Ok(Sought::Fixed(Pattern::Text(text()?))),
            "re" => Ok(Sought::Fixed(Pattern::RegExp(regexp::compile(&text()?)?))),
            "num" | "bool" => match typed(kind)? {
                TypedValue::Constant(value) => {
                    Ok(Sought::Fixed(Pattern::Exactly { value, text: Some(text()?) }))
                }
                _ => Err("expected a constant".to_owned()),
            },
            "json" | "bin" | "date" | "jsonata" => {
                Err(format!("values of type `{kind}` cannot be looked for in a message"))
            }
            other => Ok(Sought::Looked(typed(other)?)),
        }
    }

    /// The pattern for `msg`; `None` when something on its path is missing.
    ///
    /// # Errors
    /// When the value is neither a string, nor a number, nor a boolean.
    pub(crate) fn evaluate<'a>(
        &'a self,
        msg: &Message,
        cx: &NodeContext,
    ) -> Result<Option<Cow<'a, Pattern>>, NodeError> {
        let value = match self {
            Sought::Fixed(pattern) => return Ok(Some(Cow::Borrowed(pattern))),
            Sought::Looked(value) => match value.evaluate(msg, cx) {
                Ok(value) => value,
                Err(_) => return Ok(None),
            },
        };
        let pattern = match value {
            Some(Value::String(text)) => Pattern::Text(text.as_str().to_owned()),
            Some(value @ (Value::Number(_) | Value::Bool(_))) => {
                Pattern::Exactly { value, text: None }
            }
            other => {
                let found = other.as_ref().map_or("undefined", Value::type_name);
                return Err(NodeError::new(format!("cannot look for a value of type {found}")));
            }
        };
        Ok(Some(Cow::Owned(pattern)))
    }
}
