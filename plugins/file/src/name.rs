//! `FileName`: the typed input that names the file of a node.

use ferrowire::expression::TypedValue;
use ferrowire::expression::javascript::text;
use ferrowire::{Message, NodeConfig, NodeContext, NodeError, Value};

/// The typed input `filename`.
#[derive(Debug)]
pub(crate) struct FileName {
    value: Option<TypedValue>,
    /// The name does not depend on the message.
    pub(crate) is_fixed: bool,
}

impl FileName {
    /// Reads `filename` and `filenameType`. Nodes older than Node-RED 3 have no type: their empty name
    /// stands for `msg.filename`.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let has_type = !config.text("filenameType").is_empty();
        if !has_type && config.text("filename").is_empty() {
            let value = TypedValue::parse(&Value::from("filename"), "msg");
            let value = value.map_err(|error| config.problem("filename", error.to_string())).ok();
            return FileName { value, is_fixed: false };
        }
        let value = TypedValue::from_config(config, "filename", "filenameType", "str");
        let is_fixed = matches!(config.text("filenameType").as_str(), "" | "str" | "env");
        FileName { value, is_fixed }
    }

    /// The name for `msg`, which may be empty.
    ///
    /// # Errors
    /// If the typed input cannot be evaluated.
    pub(crate) fn of(&self, msg: &Message, cx: &NodeContext) -> Result<String, NodeError> {
        let Some(value) = &self.value else { return Ok(String::new()) };
        Ok(match value.look_up(msg, cx)?.as_deref() {
            None | Some(Value::Null | Value::Undefined) => String::new(),
            Some(value) => text(Some(value)),
        })
    }
}
