//! The requests of `websocket control` nodes: rooms, closes, lists, data.

use std::sync::atomic::Ordering;

use ferrowire_core::{Map, NodeError, Text, Value};
use tungstenite::protocol::frame::coding::CloseCode;

use crate::connection::closing::requested;
use crate::events::By;
use crate::frame::Close;
use crate::listener::history::Ask;
use crate::listener::listing::Page;
use crate::listener::member::Client;
use crate::listener::rooms::MAX_NAME;
use crate::listener::sessions::Sessions;
use crate::listener::target::{Target, To, names, values};

/// So many sessions are changed before others get their turn.
const AT_ONCE: usize = 1_000;

/// The largest data of a session, as JSON.
const MAX_DATA: usize = 64 * 1024;

/// A change of the rooms of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Join,
    Leave,
}

/// What a request has changed.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    /// How many sessions.
    pub(crate) count: usize,
    /// Whether there were any.
    pub(crate) found: bool,
    /// The ids that are no sessions.
    pub(crate) missing: Vec<Text>,
    /// The first failure.
    pub(crate) failed: Option<NodeError>,
    /// The instances that did not answer in time.
    pub(crate) unanswered: Vec<String>,
}

impl Changed {
    /// Adds what another instance has changed, as it answered.
    pub(crate) fn add(&mut self, answer: &[u8]) {
        let answer = Value::from_json(answer).unwrap_or_default();
        let number = |name: &str| answer.get(name).and_then(Value::as_f64).unwrap_or_default();
        self.count += number("sessions") as usize;
        self.found |= answer.get("found").is_some_and(Value::is_truthy);
        let missing = answer.get("missing").and_then(Value::as_array).into_iter().flatten();
        self.missing.extend(missing.filter_map(Value::as_str).map(Text::from));
        if let Some(error) = answer.get("error").and_then(Value::as_str) {
            self.failed.get_or_insert_with(|| NodeError::new(error.to_owned()));
        }
    }
}

/// What another instance is answered.
impl From<Changed> for Map {
    fn from(changed: Changed) -> Self {
        let mut map = Map::from_iter([
            ("sessions", Value::from(changed.count)),
            ("found", changed.found.into()),
        ]);
        if !changed.missing.is_empty() {
            map.insert("missing", values(changed.missing));
        }
        if let Some(error) = changed.failed {
            map.insert("error", error.to_string());
        }
        map
    }
}

pub(crate) enum Action {
    Change(Change, Vec<Text>),
    LeaveAll,
    Close(Close),
    SetData(Option<Value>),
}

impl Sessions {
    /// Handles `{action, to, target, except, room, code, reason, data, cursor}`.
    ///
    /// # Errors
    /// If the request is invalid, no session that it names exists, or a session may join no more
    /// rooms.
    pub(crate) async fn control(&self, request: &Map) -> Result<Value, NodeError> {
        match action_in(request) {
            "list" => return self.list_request(request).await,
            "count" => return self.count_request(request).await,
            _ => {}
        }
        let (action, target) = (Action::parse(request)?, Target::parse(request)?);
        let mut changed = self.change_here(&action, &target).await;
        if let Some(others) = &self.others {
            others.change(request, &target, &mut changed).await;
        }
        if !changed.found && !changed.missing.is_empty() {
            let missing = changed.missing.join("`, `");
            return Err(NodeError::new(format!("there is no session `{missing}`")));
        }
        match changed.failed.take() {
            Some(error) => Err(error),
            None => Ok(result(changed, action).into()),
        }
    }

    async fn list_request(&self, request: &Map) -> Result<Value, NodeError> {
        Ok(match &self.others {
            Some(others) => others.list(self, request).await?.into(),
            None => Map::from(self.list(&scope(request)?, &Page::of(request))).into(),
        })
    }

    /// The number; in an object with `unanswered` if instances are missing in it.
    async fn count_request(&self, request: &Map) -> Result<Value, NodeError> {
        let count = self.count(&scope(request)?);
        let Some(others) = &self.others else { return Ok(count.into()) };
        let (more, unanswered) = others.count(request).await;
        let count = Value::from(count + more);
        if unanswered.is_empty() {
            return Ok(count);
        }
        let unanswered = values(unanswered).into();
        Ok(Map::from_iter([("count", count), ("unanswered", unanswered)]).into())
    }

    /// Changes the sessions of the target that this instance has.
    pub(crate) async fn change_here(&self, action: &Action, target: &Target) -> Changed {
        let mut clients = Vec::new();
        self.each(target, &mut |client| clients.push(client.clone()));
        let mut changed = Changed {
            found: !clients.is_empty(),
            missing: self.missing(target),
            ..Changed::default()
        };
        for some in clients.chunks(AT_ONCE) {
            let (count, error) = self.apply(action, some);
            changed.count += count;
            changed.failed = changed.failed.take().or(error);
            tokio::task::yield_now().await;
        }
        changed
    }

    fn apply(&self, action: &Action, clients: &[Client]) -> (usize, Option<NodeError>) {
        match action {
            Action::Change(change, rooms) => {
                return self.change_rooms(clients, *change, rooms, None);
            }
            Action::LeaveAll => {
                let mut groups = self.groups_mut();
                let left = clients
                    .iter()
                    .filter(|client| !groups.rooms.leave_all(client.member.number).is_empty());
                return (left.count(), None);
            }
            Action::Close(close) => clients.iter().for_each(|client| client.close(close, By::Flow)),
            Action::SetData(data) => {
                clients.iter().for_each(|client| client.member.set_data(data.clone()));
            }
        }
        (clients.len(), None)
    }

    /// Lets sessions join or leave rooms. Returns how many sessions were changed, and the first
    /// failure.
    pub(crate) fn change_rooms(
        &self,
        changed: &[Client],
        change: Change,
        rooms: &[Text],
        after: Option<&Ask>,
    ) -> (usize, Option<NodeError>) {
        if let Err(error) = rooms.iter().try_for_each(|room| check_name(room)) {
            return (0, Some(error));
        }
        let (mut count, mut failed) = (0, None);
        // Held, so that no session joins after it has left.
        let clients = self.clients();
        let mut groups = self.groups_mut();
        for client in changed {
            let member = &client.member;
            if !clients.by_session.contains_key(&member.session.id) {
                continue;
            }
            member.grouped.store(true, Ordering::Relaxed);
            let mut was_changed = false;
            for room in rooms {
                let most = self.rules.max_rooms;
                match change {
                    Change::Leave => was_changed |= groups.rooms.leave(member.number, room),
                    Change::Join => match groups.rooms.join((member.number, client), room, most) {
                        Ok(true) => {
                            let ask = after.cloned().unwrap_or_else(|| member.ask());
                            self.replay(client, Some(room), &ask);
                            was_changed = true;
                        }
                        Ok(false) => {}
                        Err(_) => {
                            failed.get_or_insert_with(|| too_many(&member.session.id, most));
                        }
                    },
                }
            }
            count += usize::from(was_changed);
        }
        (count, failed)
    }

    /// The ids of a target that are no sessions.
    fn missing(&self, target: &Target) -> Vec<Text> {
        if target.to != To::Sessions {
            return Vec::new();
        }
        let clients = self.clients();
        let is_gone = |id: &&Text| !clients.by_session.contains_key(id.as_str());
        target.names.iter().filter(is_gone).cloned().collect()
    }
}

/// The name of what is asked for.
pub(crate) fn action_in(request: &Map) -> &str {
    request.get("action").and_then(Value::as_str).unwrap_or_default()
}

impl Action {
    /// Reads what is to be changed.
    ///
    /// # Errors
    /// If the action is unknown, or what it needs is missing or invalid.
    pub(crate) fn parse(request: &Map) -> Result<Self, NodeError> {
        let rooms = || names(request.get("room"), "room");
        Ok(match action_in(request) {
            "join" => Action::Change(Change::Join, rooms()?),
            "leave" => Action::Change(Change::Leave, rooms()?),
            "leaveAll" => Action::LeaveAll,
            "close" => Action::Close(close(request)?),
            "set" => Action::SetData(data(request)?),
            other => {
                let expected = "`join`, `leave`, `leaveAll`, `close`, `list`, `count` or `set`";
                return Err(NodeError::new(format!(
                    "unknown action `{other}`; expected {expected}"
                )));
            }
        })
    }
}

/// The sessions that `list` and `count` are about: those of a room, else of a target, else all.
pub(crate) fn scope(request: &Map) -> Result<Target, NodeError> {
    let empty = |key: &str| !request.get(key).is_some_and(Value::is_truthy);
    if !empty("room") {
        let rooms = names(request.get("room"), "room")?;
        return Ok(Target { to: To::Rooms, names: rooms, except: None });
    }
    if empty("to") {
        return Ok(Target::all());
    }
    Target::parse(request)
}

fn check_name(room: &str) -> Result<(), NodeError> {
    match room.len() {
        0 => Err(NodeError::new("the name of a room is empty")),
        length if length > MAX_NAME => {
            let start: String = room.chars().take(20).collect();
            let text = format!(
                "the name `{start}…` of a room has {length} bytes; the longest has {MAX_NAME}"
            );
            Err(NodeError::new(text))
        }
        _ => Ok(()),
    }
}

fn too_many(id: &str, most: usize) -> NodeError {
    NodeError::new(format!(
        "the session `{id}` is in {most} rooms, the most that `maxRooms` allows; \
         let it leave one first"
    ))
}

/// Codes that an endpoint must not send (RFC 6455 §7.4) are refused.
fn close(request: &Map) -> Result<Close, NodeError> {
    let is_allowed = |code: f64| CloseCode::from(code as u16).is_allowed();
    let refusal = "expected a close code of 1000 to 1003, 1007 to 1014 or 3000 to 4999";
    requested((request.get("code"), request.get("reason")), is_allowed, refusal)
}

fn data(request: &Map) -> Result<Option<Value>, NodeError> {
    let Some(data) = request.get("data") else { return Ok(None) };
    let length = data.to_json().len();
    if length > MAX_DATA {
        let text = format!("the data of a session has {length} bytes; the largest has {MAX_DATA}");
        return Err(NodeError::new(text));
    }
    Ok(Some(data.clone()))
}

fn result(changed: Changed, action: Action) -> Map {
    let mut result = Map::from_iter([("sessions", Value::from(changed.count))]);
    if let Action::Change(_, rooms) = action {
        result.insert("rooms", values(rooms));
    }
    if !changed.missing.is_empty() {
        result.insert("missing", values(changed.missing));
    }
    if !changed.unanswered.is_empty() {
        result.insert("unanswered", values(changed.unanswered));
    }
    result
}
