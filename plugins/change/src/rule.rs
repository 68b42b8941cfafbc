//! `Rule`: one line of the node's dialog.

use ferrowire_core::{
    Map, Message, NodeConfig, NodeContext, NodeError, PropertyPath, TypedValue, Value,
};

use crate::sought::Sought;

/// A rule, ready to be applied.
#[derive(Debug)]
pub(crate) struct Rule {
    name: String,
    path: PropertyPath,
    action: Action,
}

#[derive(Debug)]
enum Action {
    Set(TypedValue),
    /// Replaces what is sought with a value.
    Change(Sought, TypedValue),
    Delete,
    Move(Target),
}

#[derive(Debug)]
struct Target {
    name: String,
    path: PropertyPath,
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
            "move" => Action::Move(Target {
                name: parts.text("to")?.to_owned(),
                path: parts.property("to", "tot")?,
            }),
            other => {
                let text = format!("`{other}` is none of `set`, `change`, `delete` and `move`");
                return Err(("t", text));
            }
        };
        parts.check_copy()?;
        Ok(Rule { name: parts.text("p")?.to_owned(), path: parts.property("p", "pt")?, action })
    }

    /// Applies the rule to `msg`. As in Node-RED, a rule that does not fit the message leaves it
    /// as it is.
    pub(crate) fn apply(&self, msg: &mut Message, cx: &NodeContext) -> Result<(), NodeError> {
        match &self.action {
            Action::Set(value) => {
                // Something on the way to the value is missing: the rule does nothing.
                let Ok(value) = value.evaluate(msg, cx) else { return Ok(()) };
                put(&self.name, &self.path, value, msg, cx);
            }
            Action::Change(sought, to) => {
                let boolean = matches!(to, TypedValue::Constant(Value::Bool(_)));
                let Ok(to) = to.evaluate(msg, cx) else { return Ok(()) };
                let Some(pattern) = sought.evaluate(msg, cx)? else { return Ok(()) };
                let Some(current) = self.path.get(msg) else { return Ok(()) };
                if let Some(changed) = pattern.change(current, to, boolean) {
                    put(&self.name, &self.path, changed, msg, cx);
                }
            }
            Action::Delete => drop(self.path.remove(msg)),
            Action::Move(target) => self.move_to(target, msg, cx),
        }
        Ok(())
    }

    fn move_to(&self, target: &Target, msg: &mut Message, cx: &NodeContext) {
        if self.path == target.path {
            return;
        }
        let value = match self.path.read(msg) {
            Ok(value) => value,
            // A property that does not exist, even less its contents, does not go into its
            // place; anywhere else it clears the target.
            Err(_) if self.name.contains(&target.name) => return,
            Err(_) => None,
        };
        // First, since the target may lie inside of what is moved, or around it.
        self.path.remove(msg);
        put(&target.name, &target.path, value, msg, cx);
    }
}

/// Sets the property, or removes it when the value is undefined.
fn put(name: &str, path: &PropertyPath, value: Option<Value>, msg: &mut Message, cx: &NodeContext) {
    let Some(value) = value else { return drop(path.remove(msg)) };
    if let Err(error) = path.set(msg, value) {
        cx.warn(format_args!("property `{name}` is left out: {error}"));
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

    /// The property of a message that is named in `name`.
    fn property(&self, name: &'static str, kind: &'static str) -> Result<PropertyPath, Mistake> {
        match self.kind(kind, "msg")? {
            "msg" => {
                PropertyPath::parse(self.text(name)?).map_err(|error| (name, error.to_string()))
            }
            other => {
                let text = format!(
                    "properties of type `{other}` are not supported yet; choose a property of \
                     the message"
                );
                Err((name, text))
            }
        }
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
