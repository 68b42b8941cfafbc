//! `clientRooms`: the rooms that clients of a listener may join by a message.
//!
//! `{"join": "news"}` is answered with `{"joined": ["news"]}`, `{"leave": "news"}` with
//! `{"left": ["news"]}`; what is not allowed is answered with `error`. Such messages do not enter the
//! flow.

use ferrowire_core::{Handled, Map, NodeConfig, Sending, Text, Value};

use crate::frame::Payload;
use crate::listener::control::Change;
use crate::listener::history::Ask;
use crate::listener::member::Client;
use crate::listener::sessions::Sessions;
use crate::listener::split_list;
use crate::listener::target::names;

/// Longer messages are no requests.
const LONGEST: usize = 64 * 1024;

/// The names of rooms that clients may join; `*` at the end of one stands for any text.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientRooms(Vec<String>);

impl ClientRooms {
    /// Reads `clientRooms`, a comma-separated list; empty is off.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        ClientRooms(split_list(&config.text("clientRooms")))
    }

    fn allows(&self, room: &str) -> bool {
        self.0.iter().any(|allowed| match allowed.strip_suffix('*') {
            Some(start) => room.starts_with(start),
            None => room == allowed,
        })
    }
}

/// What a client asks for.
#[derive(Debug)]
struct Request {
    change: Change,
    rooms: Value,
    /// What it wants of the history of a room that it joins.
    after: Option<Ask>,
}

impl Request {
    /// `None` if the message is none. Cheap for messages that are no objects.
    fn parse(payload: &Payload) -> Option<Self> {
        let Payload::Text(text) = payload else { return None };
        let mentions = |name: &str| text.contains(name);
        if text.len() > LONGEST || !text.trim_start().starts_with('{') {
            return None;
        }
        if !mentions("\"join\"") && !mentions("\"leave\"") {
            return None;
        }
        let Ok(Value::Object(object)) = Value::from_json_text(text) else { return None };
        let after = object.get("after").map(|after| Ask::parse(after.as_str().unwrap_or("?")));
        let (change, rooms, others) = match (object.get("join"), object.get("leave")) {
            (Some(rooms), None) => (Change::Join, rooms, usize::from(after.is_some())),
            (None, Some(rooms)) => (Change::Leave, rooms, 0),
            _ => return None,
        };
        (object.len() == 1 + others).then(|| Request { change, rooms: rooms.clone(), after })
    }
}

impl Sessions {
    /// Handles a message by which a client joins or leaves rooms, if it is one and clients may.
    pub(crate) fn join_by_message(
        self: &std::sync::Arc<Self>,
        client: &Client,
        payload: &Payload,
    ) -> Option<Sending> {
        if self.rules.client_rooms.0.is_empty() {
            return None;
        }
        let request = Request::parse(payload)?;
        let answer = Value::from(self.answer(client, &request)).to_json();
        Some(match self.send_to(client, Payload::Text(answer.into()), None) {
            Handled::Later(rest) => Sending::later(Box::pin(async move {
                // The end of the session is reported by its task.
                let _sent = rest.await;
            })),
            _ => Sending::done(),
        })
    }

    fn answer(&self, client: &Client, request: &Request) -> Map {
        let (asked, done) = match request.change {
            Change::Join => ("join", "joined"),
            Change::Leave => ("leave", "left"),
        };
        let changed = names(Some(&request.rooms), asked)
            .map_err(|error| error.to_string())
            .and_then(|rooms| self.change_as_client(client, request, &rooms));
        match changed {
            Ok(()) => Map::from_iter([(done, request.rooms.clone())]),
            Err(error) => Map::from_iter([(asked, request.rooms.clone()), ("error", error.into())]),
        }
    }

    fn change_as_client(
        &self,
        client: &Client,
        request: &Request,
        rooms: &[Text],
    ) -> Result<(), String> {
        if request.after.is_some() && !client.member.offsets {
            return Err("connect with `?history=` in the URL to name a position".to_owned());
        }
        if let Some(room) = rooms.iter().find(|room| !self.rules.client_rooms.allows(room)) {
            let room: String = room.chars().take(40).collect();
            return Err(format!("clients may not join or leave the room `{room}`"));
        }
        let (_, failed) = self.change_rooms(
            std::slice::from_ref(client),
            request.change,
            rooms,
            request.after.as_ref(),
        );
        failed.map_or(Ok(()), |error| Err(error.to_string()))
    }
}
