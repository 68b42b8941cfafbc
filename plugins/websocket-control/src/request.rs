//! What the node asks its listener for.

use ferrowire::expression::TypedValue;
use ferrowire::{Key, Map, Message, NodeConfig, NodeContext, NodeError, Value};

use crate::property;

/// The actions, and what each needs.
const ACTIONS: &[&str] = &["join", "leave", "leaveAll", "close", "list", "count", "set"];

const TARGETS: &[&str] = &["all", "others", "room", "sessions", "user"];

/// The properties of the node.
#[derive(Debug)]
pub(crate) struct Request {
    /// Empty for `msg.action`.
    action: String,
    /// Empty for the sender, or for the sessions in `target` if there are any.
    to: String,
    target: Option<TypedValue>,
    room: Option<TypedValue>,
    data: Option<TypedValue>,
    code: String,
    reason: String,
}

impl Request {
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let action = one_of(config, "action", ACTIONS);
        let to = one_of(config, "to", TARGETS);
        let room = typed(config, "room", "roomType", "str");
        if matches!(action.as_str(), "join" | "leave") && room.is_none() {
            config.problem("room", format!("expected the room to {action}"));
        }
        let target = typed(config, "target", "targetType", "str");
        if matches!(to.as_str(), "room" | "sessions" | "user") && target.is_none() {
            config.problem("target", format!("expected the name of a target for `{to}`"));
        }
        Request {
            action,
            to,
            target,
            room,
            data: typed(config, "data", "dataType", "msg"),
            code: close_code(config),
            reason: config.text("reason"),
        }
    }

    /// The request for `msg`.
    pub(crate) fn of(&self, msg: &Message, cx: &NodeContext) -> Result<Map, NodeError> {
        let mut request = Map::new();
        let action = match self.action.as_str() {
            "" => property(msg, "action").cloned().ok_or_else(|| {
                NodeError::new("no action: select one in the node, or set `msg.action`")
            })?,
            action => Value::from(action),
        };
        self.add_target(&mut request, action.as_str().unwrap_or_default(), (msg, cx))?;
        if let Some(room) = evaluated(self.room.as_ref(), "room", (msg, cx))? {
            request.insert("room", room);
        }
        match action.as_str() {
            Some("close") => add_close(&mut request, msg, (&self.code, &self.reason)),
            Some("set") => {
                let data = match &self.data {
                    Some(data) => data.evaluate(msg, cx)?,
                    None => msg.payload().cloned(),
                };
                if let Some(data) = data {
                    request.insert("data", data);
                }
            }
            Some("list") => {
                if let Some(cursor) = property(msg, "cursor") {
                    request.insert("cursor", cursor.clone());
                }
            }
            _ => {}
        }
        request.insert("action", action);
        Ok(request)
    }

    /// By default a change is for the sender, a list or count for all sessions.
    fn add_target(
        &self,
        request: &mut Map,
        action: &str,
        at: (&Message, &NodeContext),
    ) -> Result<(), NodeError> {
        let sender = at.0.get("_session").and_then(|session| session.get("id"));
        let to = match self.to.as_str() {
            "" if self.target.is_some() => "sessions",
            "" if matches!(action, "list" | "count") => return Ok(()),
            "" => {
                let text =
                    "the message has no session; set `target`, or send a message of a client";
                let id = sender.ok_or_else(|| NodeError::new(text))?;
                request.insert(Key::new_static("to"), "sessions");
                request.insert(Key::new_static("target"), id.clone());
                return Ok(());
            }
            to => to,
        };
        request.insert(Key::new_static("to"), to);
        if let Some(id) = sender.filter(|_| to == "others") {
            request.insert(Key::new_static("except"), id.clone());
        }
        if let Some(target) = evaluated(self.target.as_ref(), "target", at)? {
            request.insert(Key::new_static("target"), target);
        }
        Ok(())
    }
}

/// The code of a close that the node sets; empty without one.
pub(crate) fn close_code(config: &mut NodeConfig<'_>) -> String {
    let code = config.number_in("code", 1000.0..=4999.0);
    code.map_or_else(String::new, |code| code.to_string())
}

/// The message's `code` and `reason` come before the node's.
pub(crate) fn add_close(request: &mut Map, msg: &Message, (code, reason): (&str, &str)) {
    let code = code.parse::<f64>().ok().map(Value::from);
    if let Some(code) = property(msg, "code").cloned().or(code) {
        request.insert("code", code);
    }
    let reason = Some(reason).filter(|reason| !reason.is_empty());
    if let Some(reason) = property(msg, "reason").cloned().or(reason.map(Value::from)) {
        request.insert("reason", reason);
    }
}

/// The value of a typed input that is set; an error if it is nothing.
fn evaluated(
    input: Option<&TypedValue>,
    name: &str,
    (msg, cx): (&Message, &NodeContext),
) -> Result<Option<Value>, NodeError> {
    let Some(input) = input else { return Ok(None) };
    let value = input.evaluate(msg, cx)?;
    let is_something = |value: &Value| {
        !matches!(value, Value::Null | Value::Undefined) && value.as_str() != Some("")
    };
    let value = value.filter(is_something);
    value.map(Some).ok_or_else(|| NodeError::new(format!("`{name}` is empty for this message")))
}

/// `None` if the property is empty.
fn typed(config: &mut NodeConfig<'_>, name: &str, kind: &str, default: &str) -> Option<TypedValue> {
    let is_empty = config.raw(name).is_none_or(|value| value.as_str() == Some(""));
    if is_empty {
        return None;
    }
    TypedValue::from_config(config, name, kind, default)
}

pub(crate) fn one_of(config: &mut NodeConfig<'_>, name: &str, known: &[&str]) -> String {
    let value = config.text(name);
    if !value.is_empty() && !known.contains(&value.as_str()) {
        let known = known.join("`, `");
        config.problem(name, format!("expected one of `{known}`, found `{value}`"));
    }
    value
}
