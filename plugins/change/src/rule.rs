//! `Rule`: one line of the node's dialog.

use ferrowire::expression::TypedValue;
use ferrowire::{Message, NodeConfig, NodeContext, NodeError, Value};

use crate::place::Place;
use crate::sought::Sought;

/// A rule, read and checked.
#[derive(Debug)]
pub(crate) struct Rule {
    place: Place,
    action: Action,
}

#[derive(Debug)]
enum Action {
    Set(TypedValue),
    /// Replaces what the pattern finds with a value.
    Change(Sought, TypedValue),
    Delete,
    Move(Place),
}

impl Rule {
    /// Reads one rule; `None` after a problem.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Option<Self> {
        let action = match config.text("t").as_str() {
            "set" => Action::Set(replacement(config, true)?),
            "change" => {
                let sought = Sought::from_config(config);
                let to = replacement(config, false)?;
                Action::Change(sought?, to)
            }
            "delete" => Action::Delete,
            "move" => Action::Move(Place::from_config(config, "to", "tot")?),
            other => {
                let text = format!("expected `set`, `change`, `delete` or `move`, found `{other}`");
                config.problem("t", text);
                return None;
            }
        };
        // Checked, although a deep copy makes no difference.
        config.boolean("dc", false);
        Some(Rule { place: Place::from_config(config, "p", "pt")?, action })
    }

    /// Applies the rule to `msg`. As in Node-RED, a rule that does not fit the message leaves it
    /// as it is.
    pub(crate) fn apply(&self, msg: &mut Message, cx: &NodeContext) -> Result<(), NodeError> {
        match &self.action {
            Action::Set(value) => {
                let Some(value) = evaluated(value, msg, cx)? else { return Ok(()) };
                self.place.write(value, msg, cx)
            }
            Action::Change(sought, to) => {
                let boolean =
                    self.place.is_message() && matches!(to, TypedValue::Constant(Value::Bool(_)));
                let Some(to) = evaluated(to, msg, cx)? else { return Ok(()) };
                let Some(pattern) = sought.evaluate(msg, cx)? else { return Ok(()) };
                let change = |current: &Value| pattern.change(current, to, boolean);
                self.place.change(msg, cx, change)
            }
            Action::Delete => self.place.write(None, msg, cx),
            Action::Move(target) => self.move_to(target, msg, cx),
        }
    }

    fn move_to(
        &self,
        target: &Place,
        msg: &mut Message,
        cx: &NodeContext,
    ) -> Result<(), NodeError> {
        if self.place == *target {
            return Ok(());
        }
        let value = match self.place.read(msg, cx) {
            Ok(value) => value,
            Err(Some(error)) => return Err(error),
            // As in Node-RED: what cannot be read clears the target, unless the target lies on
            // the path to it.
            Err(None) if self.place.names(target) => return Ok(()),
            Err(None) => None,
        };
        // First, since the target may lie inside of the moved value, or around it.
        self.place.write(None, msg, cx)?;
        target.write(value, msg, cx)
    }
}

/// The value for `msg`; `None` when something on its path is missing, in which case the rule does
/// nothing.
fn evaluated(
    value: &TypedValue,
    msg: &Message,
    cx: &NodeContext,
) -> Result<Option<Option<Value>>, NodeError> {
    match value.evaluate(msg, cx) {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(value, TypedValue::Jsonata(_)) => Err(error),
        Err(_) => Ok(None),
    }
}

fn replacement(config: &mut NodeConfig<'_>, sets: bool) -> Option<TypedValue> {
    let is_property = || config.raw("to")?.as_str().map(|text| text.starts_with("msg."));
    // Rules of old flows have no type.
    let default = if sets && is_property() == Some(true) { "msg" } else { "str" };
    TypedValue::from_config(config, "to", "tot", default)
}
