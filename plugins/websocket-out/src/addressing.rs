//! The properties `to`, `target` and `except`: whom messages are sent to.

use ferrowire::expression::TypedValue;
use ferrowire::{Key, Map, Message, NodeConfig, NodeContext, NodeError, Value};

/// The sessions that messages are for.
#[derive(Debug)]
pub(crate) struct Addressing {
    to: String,
    /// The rooms, sessions or users; `None` for all.
    target: Option<TypedValue>,
    /// Leaves the sender out.
    except_sender: bool,
}

impl Addressing {
    /// `None` if `to` is empty: the message is for its sender, or for all.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Option<Self> {
        let to = config.text("to");
        let except = config.text("except");
        if !matches!(except.as_str(), "" | "sender") {
            config.problem("except", format!("expected `sender`, found `{except}`"));
        }
        let has_names = match to.as_str() {
            "" => return None,
            "all" | "others" => false,
            "room" | "sessions" | "user" => true,
            other => {
                let expected = "`all`, `others`, `room`, `sessions` or `user`";
                config.problem("to", format!("expected {expected}, found `{other}`"));
                return None;
            }
        };
        if !config.text("client").is_empty() {
            let text = "a `websocket-client` has one peer, so `to` has no effect; leave it empty";
            config.problem("to", text);
            return None;
        }
        let target = has_names.then(|| target(config, &to)).flatten();
        let except_sender = to == "others" || except == "sender";
        Some(Addressing { to, target, except_sender })
    }

    /// Writes the target into `msg._session`, where the listener reads it.
    pub(crate) fn address(&self, msg: &mut Message, cx: &NodeContext) -> Result<(), NodeError> {
        let mut session = Map::with_capacity(4);
        session.insert(Key::new_static("type"), "websocket");
        session.insert(Key::new_static("to"), self.to.as_str());
        if let Some(target) = &self.target {
            let names = target.evaluate(msg, cx)?;
            let names = names.filter(|names| !is_nothing(names)).ok_or_else(|| {
                let to = &self.to;
                NodeError::new(format!("`target` is empty, so nobody is addressed with `{to}`"))
            })?;
            if !is_names(&names) {
                let found = names.type_name();
                let text =
                    format!("expected a string or a list of strings as `target`, found {found}");
                return Err(NodeError::new(text));
            }
            session.insert(Key::new_static("target"), names);
        }
        let sender = msg.get("_session").and_then(|session| session.get("id"));
        if let Some(id) = sender.filter(|_| self.except_sender) {
            session.insert(Key::new_static("except"), id.clone());
        }
        msg.set(Key::new_static("_session"), session);
        Ok(())
    }
}

fn target(config: &mut NodeConfig<'_>, to: &str) -> Option<TypedValue> {
    let is_text = matches!(config.text("targetType").as_str(), "" | "str");
    if is_text && config.text("target").is_empty() {
        config.problem("target", format!("expected the name of a target for `{to}`"));
    }
    TypedValue::from_config(config, "target", "targetType", "str")
}

fn is_names(names: &Value) -> bool {
    let is_name = |name: &Value| match name {
        Value::String(text) => !text.is_empty(),
        Value::Number(_) => true,
        _ => false,
    };
    names.as_array().map_or_else(|| is_name(names), |list| list.iter().all(is_name))
}

fn is_nothing(names: &Value) -> bool {
    matches!(names, Value::Null | Value::Undefined) || names.as_str() == Some("")
}

/// Marks a message whose empty payload is to be sent.
pub(crate) fn let_empty_through(msg: &mut Message) {
    let is_session =
        |session: &Value| session.get("type").and_then(Value::as_str) == Some("websocket");
    let mut session = match msg.remove("_session").filter(is_session) {
        Some(session) => session,
        None => Map::from_iter([("type", "websocket"), ("to", "all")]).into(),
    };
    if let Some(session) = session.as_object_mut() {
        session.insert(Key::new_static("sendEmpty"), true);
    }
    msg.set(Key::new_static("_session"), session);
}
