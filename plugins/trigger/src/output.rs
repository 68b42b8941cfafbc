//! `Output`: the payload that is sent first, or later.

use ferrowire::expression::TypedValue;
use ferrowire::expression::mustache::{Filling, Template};
use ferrowire::{Message, NodeConfig, NodeContext, NodeError, Value};

#[derive(Debug)]
pub(crate) enum Output {
    Nothing,
    /// The first message.
    Original,
    /// The latest message.
    Latest,
    Template(Template),
    Typed(TypedValue),
}

impl Output {
    /// Reads the output in the property `name`, whose type is in `name` and `type`.
    pub(crate) fn from_config(
        config: &mut NodeConfig<'_>,
        name: &'static str,
        kind: &'static str,
        default: &str,
    ) -> Self {
        let kind = config.text_or(kind, "str");
        let value = config.raw(name).filter(|value| value.is_truthy()).cloned();
        let value = value.unwrap_or_else(|| default.into());
        let text = value.as_str().unwrap_or_default();
        let kind = match (kind.as_str(), text) {
            ("nul", _) => return Output::Nothing,
            ("pay", _) => return Output::Original,
            ("payl", _) => return Output::Latest,
            ("val", "null") => return Output::Typed(TypedValue::Constant(Value::Null)),
            // As in Node-RED, the value is used unchanged.
            ("null", _) => return Output::Typed(TypedValue::Constant(value)),
            ("val", "true" | "false") => "bool",
            ("val" | "str", text) if text.contains("{{") => {
                return match Template::parse(text) {
                    Ok(template) => Output::Template(template),
                    Err(error) => {
                        config.problem(name, error.to_string());
                        Output::Nothing
                    }
                };
            }
            ("val", _) => "str",
            // The value belongs to a previously selected type.
            ("date", text) if text == default => return Output::Typed(TypedValue::Now),
            (kind, _) => kind,
        };
        match TypedValue::parse(&value, kind) {
            Ok(typed) => Output::Typed(typed),
            Err(error) => {
                config.problem(name, error.to_string());
                Output::Nothing
            }
        }
    }

    pub(crate) fn is_nothing(&self) -> bool {
        matches!(self, Output::Nothing)
    }

    /// Whether the value is evaluated when it is sent.
    pub(crate) fn is_late(&self) -> bool {
        matches!(self, Output::Typed(TypedValue::Now | TypedValue::NowIso | TypedValue::NowAs(_)))
    }

    /// The payload for `msg`; `None` stands for `undefined`.
    pub(crate) fn evaluate(
        &self,
        msg: &Message,
        cx: &NodeContext,
    ) -> Result<Option<Value>, NodeError> {
        match self {
            Output::Nothing | Output::Latest => Ok(None),
            Output::Original => Ok(msg.payload().cloned()),
            Output::Typed(typed) => typed.evaluate(msg, cx),
            Output::Template(template) => {
                let filling = Filling { escape_strings: false, missing: &|_| None };
                let filled = template.render(msg, &filling);
                filled.map(|text| Some(text.into())).map_err(|e| NodeError::new(e.to_string()))
            }
        }
    }
}

/// Sets the payload, or removes it if undefined.
pub(crate) fn set_payload(msg: &mut Message, payload: Option<Value>) {
    match payload {
        Some(payload) => drop(msg.set("payload", payload)),
        None => drop(msg.remove("payload")),
    }
}
