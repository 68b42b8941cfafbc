//! The sessions and rooms of a listener over the admin API, for the test page and for tools:
//!
//! - `GET …/ferrowire/websocket/<id>/sessions`: `{total, sessions: [{id, user, address, path,
//!   protocol, seconds, rooms, data}]}`
//! - `GET …/ferrowire/websocket/<id>/rooms`: `{total, rooms: [{name, count}]}`
//!
//! - `POST …/ferrowire/websocket/<id>/ping?session=<id>`: sends a ping and answers `{milliseconds}`
//!   when the pong has come
//!
//! In a cluster they are those of all instances, one after the other, and each entry has its `instance`: a room with
//! members on several ones is listed for each. `unanswered` names the instances that did not answer.
//!
//! The lists are pages: `offset` and `limit` of the query, at most 200 entries. Sessions that end
//! meanwhile change the order. They need the permission `websocket.read`, a ping `websocket.write`.

use std::sync::Arc;
use std::time::Duration;

use ferrowire_core::port::http::{Method, StatusCode};
use ferrowire_core::port::{Answer, Incoming, Port, Registration, Response, Route, full, text};
use ferrowire_core::{Map, NodeInfo, Text, Value, async_trait};
use url::form_urlencoded;

use crate::listener::cluster::Pinged;
use crate::listener::member::Client;
use crate::listener::rooms::Room;
use crate::listener::sessions::Sessions;

/// The most entries of one response.
const MOST: usize = 200;

/// The entries of a response if the request does not say.
const USUAL: usize = 50;

/// How long a session may take to answer a ping.
const PATIENCE: Duration = Duration::from_secs(5);

/// Answers with the sessions or the rooms of a listener.
pub(crate) struct Inspect {
    sessions: Arc<Sessions>,
    /// The path before `sessions` or `rooms`.
    below: String,
}

impl Inspect {
    /// Adds the routes of the listener `info`; none if the runtime serves no admin API.
    pub(crate) fn add(
        port: &dyn Port,
        info: &NodeInfo,
        sessions: &Arc<Sessions>,
    ) -> impl Iterator<Item = Registration> {
        let below = format!("/ferrowire/websocket/{}/", info.id);
        let read = Route::of_admin(format!("GET {below}*"), "websocket.read");
        let write = Route::of_admin(format!("POST {below}ping"), "websocket.write");
        let ping = Ping { sessions: Arc::clone(sessions), path: format!("{below}ping") };
        let lists = Inspect { sessions: Arc::clone(sessions), below };
        let lists = port.add_route(info, read, Arc::new(lists));
        let ping = port.add_route(info, write, Arc::new(ping));
        [lists, ping].into_iter().flatten()
    }
}

/// Measures how long a session takes to answer.
struct Ping {
    sessions: Arc<Sessions>,
    path: String,
}

#[async_trait]
impl Answer for Ping {
    fn answers(&self, method: &Method, path: &str) -> bool {
        method == Method::POST && path == self.path
    }

    async fn answer(&self, incoming: Incoming) -> Response {
        let query = incoming.request.uri().query().unwrap_or_default();
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        let id = pairs.find(|(key, _)| key == "session").map(|(_, id)| id).unwrap_or_default();
        let elsewhere = match &self.sessions.others {
            Some(others) => others.ping(&id).await,
            None => None,
        };
        let pinged = match elsewhere {
            Some(pinged) => pinged,
            None => self.sessions.ping_here(&id).await,
        };
        match pinged {
            Pinged::After(time) => {
                let map = Map::from_iter([("milliseconds", Value::from(time))]);
                full("application/json", Value::from(map).to_json())
            }
            Pinged::Gone => text(StatusCode::NOT_FOUND, "there is no such session"),
            Pinged::Silent => {
                text(StatusCode::GATEWAY_TIMEOUT, "the session did not answer the ping")
            }
        }
    }
}

impl Sessions {
    /// Pings a session of this instance.
    pub(crate) async fn ping_here(&self, id: &str) -> Pinged {
        let Some(client) = self.client(id) else { return Pinged::Gone };
        match tokio::time::timeout(PATIENCE, client.connection.round_trip()).await {
            Ok(Some(time)) => Pinged::After(time.as_secs_f64() * 1000.0),
            Ok(None) => Pinged::Gone,
            Err(_) => Pinged::Silent,
        }
    }

    /// A page of a list of this instance.
    pub(crate) fn inspect_here(&self, what: What, page: Page) -> Map {
        match what {
            What::Sessions => sessions(self, page),
            What::Rooms => rooms(self, page),
        }
    }
}

/// What is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    Sessions,
    Rooms,
}

impl What {
    /// By its name.
    pub(crate) fn of(name: &str) -> Self {
        if name == "rooms" { What::Rooms } else { What::Sessions }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            What::Sessions => "sessions",
            What::Rooms => "rooms",
        }
    }
}

#[async_trait]
impl Answer for Inspect {
    fn answers(&self, method: &Method, path: &str) -> bool {
        let name = path.strip_prefix(&self.below);
        method == Method::GET && matches!(name, Some("sessions" | "rooms"))
    }

    async fn answer(&self, incoming: Incoming) -> Response {
        let uri = incoming.request.uri();
        let page = Page::of(uri.query().unwrap_or_default());
        let what = What::of(uri.path().strip_prefix(&self.below).unwrap_or_default());
        let found = match &self.sessions.others {
            Some(others) => others.inspect(&self.sessions, what, page).await,
            None => self.sessions.inspect_here(what, page),
        };
        full("application/json", Value::from(found).to_json())
    }
}

/// A part of a list.
#[derive(Clone, Copy)]
pub(crate) struct Page {
    pub(crate) offset: usize,
    pub(crate) limit: usize,
}

impl Page {
    fn of(query: &str) -> Self {
        let number = |name: &str| {
            let mut pairs = form_urlencoded::parse(query.as_bytes());
            pairs.find(|(key, _)| key == name)?.1.parse().ok()
        };
        Page {
            offset: number("offset").unwrap_or(0),
            limit: number("limit").unwrap_or(USUAL).min(MOST),
        }
    }
}

fn sessions(sessions: &Sessions, page: Page) -> Map {
    let clients = sessions.clients();
    let total = clients.by_session.len();
    let shown: Vec<Client> =
        clients.by_session.values().skip(page.offset).take(page.limit).cloned().collect();
    drop(clients);
    let rooms = sessions.groups();
    let list: Vec<Value> =
        shown.iter().map(|client| session(client, rooms.rooms.of(client.member.number))).collect();
    drop(rooms);
    Map::from_iter([("total", Value::from(total as f64)), ("sessions", list.into())])
}

/// One session. The query, headers, cookies and claims, which may hold secrets, are left out.
fn session(client: &Client, rooms: &[Text]) -> Value {
    let member = &client.member;
    let of_session = |name: &str| member.session.value.get(name).cloned();
    let rooms: Vec<Value> = rooms.iter().map(|room| room.clone().into()).collect();
    let mut map = Map::from_iter([
        ("id", Value::from(member.session.id.clone())),
        ("address", member.peer.to_string().into()),
        ("seconds", (member.since.elapsed().as_secs() as f64).into()),
        ("rooms", rooms.into()),
    ]);
    let optional = [
        ("user", member.user.clone().map(Value::from)),
        ("path", of_session("path")),
        ("protocol", of_session("protocol")),
        ("data", member.data()),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            map.insert(name, value);
        }
    }
    map.into()
}

fn rooms(sessions: &Sessions, page: Page) -> Map {
    let groups = sessions.groups();
    let all = groups.rooms.iter();
    let total = all.len();
    let room = |(name, room): (&Text, &Room<Client>)| {
        let count = room.members.len() as f64;
        Map::from_iter([("name", Value::from(name.clone())), ("count", count.into())]).into()
    };
    let list: Vec<Value> = all.skip(page.offset).take(page.limit).map(room).collect();
    drop(groups);
    Map::from_iter([("total", Value::from(total as f64)), ("rooms", list.into())])
}
