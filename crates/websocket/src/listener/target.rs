//! `Target`: whom a message is for, as `msg._session` says it.
//!
//! `websocket out` sets `{type: "websocket", to, target, except}`; a flow may set it as well. Peers
//! cannot: `_session` is never taken from what they send.

use std::sync::Arc;

use ferrowire_core::{Map, Message, NodeError, Text, Value};
use rustc_hash::FxHashSet;

use crate::listener::member::Client;
use crate::listener::sessions::Sessions;
use crate::payload::Session;

/// The kind of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    All,
    Rooms,
    Sessions,
    Users,
}

/// The sessions that something concerns.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) to: To,
    /// The rooms, the ids of the sessions, or the users; empty for all.
    pub(crate) names: Vec<Text>,
    /// The id of a session that is left out.
    pub(crate) except: Option<Text>,
}

impl Target {
    /// Everybody.
    pub(crate) fn all() -> Self {
        Target { to: To::All, names: Vec::new(), except: None }
    }

    /// The target of a message; `None` if its `_session` is one session, or no WebSocket session.
    pub(crate) fn of(msg: &Message) -> Option<Result<Self, NodeError>> {
        Session::id_in(msg)?;
        let session = msg.get("_session")?.as_object()?;
        session.contains_key("to").then(|| Target::parse(session))
    }

    /// Reads `to`, `target` and `except`; with `others` the session `id` is left out.
    ///
    /// # Errors
    /// If `to` is unknown, or names are missing.
    pub(crate) fn parse(object: &Map) -> Result<Self, NodeError> {
        let text = |key: &str| object.get(key).and_then(Value::as_str).unwrap_or_default();
        let mut except = Some(text("except")).filter(|id| !id.is_empty());
        let to = match text("to") {
            "all" => To::All,
            "others" => {
                except = except.or(Some(text("id")));
                To::All
            }
            "room" => To::Rooms,
            "sessions" => To::Sessions,
            "user" => To::Users,
            other => {
                let expected = "`all`, `others`, `room`, `sessions` or `user`";
                let text = format!("unknown target `{other}`; expected {expected}");
                return Err(NodeError::new(text));
            }
        };
        let names = match to {
            To::All => Vec::new(),
            _ => names(object.get("target"), text("to"))?,
        };
        Ok(Target { to, names, except: except.map(Text::from) })
    }
}

/// Names as values, as [`names`] reads them.
pub(crate) fn values(names: impl IntoIterator<Item: Into<Value>>) -> Vec<Value> {
    names.into_iter().map(Into::into).collect()
}

/// The names in a string or a list of strings; `what` they are is said in errors.
pub(crate) fn names(value: Option<&Value>, what: &str) -> Result<Vec<Text>, NodeError> {
    let name = |value: &Value| match value {
        Value::String(text) if !text.is_empty() => Ok(text.clone()),
        Value::Number(number) => Ok(ferrowire_core::number_to_string(*number).into()),
        Value::String(_) => Err(NodeError::new(format!("the name of a target `{what}` is empty"))),
        other => {
            let kind = other.type_name();
            let text = format!("expected a string or a list of strings for `{what}`, found {kind}");
            Err(NodeError::new(text))
        }
    };
    match value {
        None => Err(NodeError::new(format!("no target is given for `{what}`"))),
        Some(Value::Array(list)) => list.iter().map(name).collect(),
        Some(value) => Ok(vec![name(value)?]),
    }
}

impl Sessions {
    /// Calls `visit` for each session of the target, once. Sessions and rooms that do not exist are
    /// passed over. The locks are held meanwhile.
    pub(crate) fn each(&self, target: &Target, visit: &mut dyn FnMut(&Client)) {
        let except = target.except.as_ref().and_then(|id| self.client(id));
        let is_excluded = |client: &Client| {
            except.as_ref().is_some_and(|it| Arc::ptr_eq(&it.connection, &client.connection))
        };
        let mut seen = FxHashSet::default();
        let several = target.names.len() > 1;
        let mut once = |client: &Client| {
            let is_new = !several || seen.insert(Arc::as_ptr(&client.connection).addr());
            if is_new && !is_excluded(client) {
                visit(client);
            }
        };
        match target.to {
            To::All => self.clients().by_session.values().for_each(once),
            To::Sessions => {
                let clients = self.clients();
                let found =
                    target.names.iter().filter_map(|id| clients.by_session.get(id.as_str()));
                found.for_each(once);
            }
            To::Rooms | To::Users => {
                let groups = self.groups();
                let table = if target.to == To::Rooms { &groups.rooms } else { &groups.users };
                let rooms = target.names.iter().filter_map(|name| table.room(name));
                rooms.for_each(|room| room.members.values().for_each(&mut once));
            }
        }
    }

    /// The session `id`.
    pub(crate) fn client(&self, id: &str) -> Option<Client> {
        self.clients().by_session.get(id).cloned()
    }
}
