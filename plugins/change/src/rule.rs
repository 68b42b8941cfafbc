//! `Rule`: one line of the node's dialog.

use ferrowire::expression::TypedValue;
use ferrowire::{Map, Message, NodeConfig, NodeContext, NodeError, Value};

use crate::place::Place;
use crate::sought::Sought;

/// A rule, ready to be applied.
#[derive(Debug)]
pub(crate) struct Rule {
    place: Place,
    action: Action,
}

#[derive(Debug)]
enum Action {
    Set(TypedValue),
    /// Replaces what is sought with a value.
    Change(Sought, TypedValue),
    Delete,
    Move(Place),
}

/// A mistake: the part of the rule and what is wrong with it.
type Mistake = (&'static str, String);

impl Rule {
    /// The rule number `at`. Its mistake, if there is one, is reported to `config`.
    pub(crate) fn from_config(
        config: &mut NodeConfig<'_>,
        at: usize,
        rule: &Value,
    ) -> Option<Self> {
        let parsed = match rule.as_object() {
            Some(rule) => Rule::parse(&Parts(rule)),
            None => Err(("", "an object was expected".to_owned())),
        };
        let report = |(part, text): Mistake| {
            let dot = if part.is_empty() { "" } else { "." };
            config.problem(&format!("rules[{at}]{dot}{part}"), text);
        };
        parsed.map_err(report).ok()
    }

    fn parse(parts: &Parts<'_>) -> Result<Self, Mistake> {
        let action = match parts.text("t")? {
            "set" => Action::Set(parts.replacement(true)?),
            "change" => Action::Change(parts.sought()?, parts.replacement(false)?),
            "delete" => Action::Delete,
            "move" => Action::Move(parts.place("to", "tot")?),
            other => {
                let text = format!("`{other}` is none of `set`, `change`, `delete` and `move`");
                return Err(("t", text));
            }
        };
        parts.check_copy()?;
        Ok(Rule { place: parts.place("p", "pt")?, action })
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
            // A property that does not exist, even less its contents, does not go into its
            // place; anywhere else it clears the target.
            Err(None) if self.place.names(target) => return Ok(()),
            Err(None) => None,
        };
        // First, since the target may lie inside of what is moved, or around it.
        self.place.write(None, msg, cx)?;
        target.write(value, msg, cx)
    }
}

/// The value for `msg`; `None` when something on the way to it is missing, in which case the rule
/// does nothing.
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

/// A rule as it stands in the flow file.
struct Parts<'a>(&'a Map);

impl Parts<'_> {
    fn raw(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !matches!(value, Value::Null))
    }

    fn text(&self, name: &'static str) -> Result<&str, Mistake> {
        match self.raw(name) {
            None => Ok(""),
            Some(Value::String(text)) => Ok(text),
            Some(other) => {
                Err((name, format!("a string was expected, found `{}`", other.to_json())))
            }
        }
    }

    fn kind(&self, name: &'static str, default: &'static str) -> Result<&str, Mistake> {
        Ok(Some(self.text(name)?).filter(|kind| !kind.is_empty()).unwrap_or(default))
    }

    /// The place that is named in `name`.
    fn place(&self, name: &'static str, kind: &'static str) -> Result<Place, Mistake> {
        let kind = self.kind(kind, "msg")?;
        Place::parse(self.text(name)?, kind).map_err(|text| (name, text))
    }

    fn replacement(&self, sets: bool) -> Result<TypedValue, Mistake> {
        let empty = Value::from("");
        let value = self.raw("to").unwrap_or(&empty);
        let from_message = sets && value.as_str().is_some_and(|text| text.starts_with("msg."));
        // Rules without a type are older than types.
        let kind = self.kind("tot", if from_message { "msg" } else { "str" })?;
        TypedValue::parse(value, kind).map_err(|error| ("to", error.to_string()))
    }

    fn sought(&self) -> Result<Sought, Mistake> {
        let empty = Value::from("");
        let value = self.raw("from").unwrap_or(&empty);
        let regexp = self.raw("re").is_some_and(Value::is_truthy);
        let kind = if regexp { "re" } else { self.kind("fromt", "str")? };
        Sought::parse(value, kind).map_err(|text| ("from", text))
    }

    fn check_copy(&self) -> Result<(), Mistake> {
        match self.raw("dc") {
            None | Some(Value::Bool(_)) => Ok(()),
            Some(other) => {
                Err(("dc", format!("`true` or `false` was expected, found `{}`", other.to_json())))
            }
        }
    }
}
