//! `websocket-listener`: accepts clients at a path of the runtime's port.

mod access;
mod addressed;
mod alive;
mod bucket;
mod client_rooms;
mod cluster;
mod control;
mod delivery;
mod details;
mod door;
mod drain;
mod events;
mod guest;
pub(crate) mod handshake;
mod history;
mod inspect;
mod identity;
mod inbound;
mod limits;
mod listing;
mod member;
mod rates;
mod rooms;
mod origins;
mod refusal;
mod sessions;
mod target;
mod terms;

use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use ferrowire_core::port::{Origin, Place, Registration, Response, TakeOver, Upgrade};
use ferrowire_core::trace::{Carrier, Remote};
use ferrowire_core::{
    FromConfig, Handled, Map, Message, MutexExt as _, Node, NodeConfig, NodeContext, NodeError,
    StopReason, Value, async_trait,
};
use ferrowire_net::PathPattern;
use hyper::http::request::Parts;

use crate::connection::closing::{going_away, restarting};
use crate::deflate::options::CompressionOptions;
use crate::metrics;
use crate::payload::Mode;
use crate::settings::{MAX_HISTORY, Overrides, Settings, SlowPeer, for_slow_clients, slow_client};
use alive::AliveOptions;
use client_rooms::ClientRooms;
use details::{DetailsOptions, Route};
use door::{Door, DoorOptions};
use guest::Guest;
use handshake::{accept_with, choose_subprotocol};
use history::{Ask, Bounds, HistoryOptions};
use inspect::Inspect;
use rates::RateOptions;
use sessions::{Rules, Sessions};

pub use handshake::accept;

/// The rooms that a session may be in, unless `maxRooms` says otherwise.
const ROOMS: usize = 128;

/// The largest `maxRooms`: the memory of a session's rooms is bounded.
const MOST_ROOMS: f64 = 10_000.0;

/// The configuration node `websocket-listener`.
pub struct Listener {
    path: String,
    subprotocols: Vec<String>,
    mode: Mode,
    overrides: Overrides,
    slow_client: Option<SlowPeer>,
    max_queue_messages: Option<usize>,
    alive: AliveOptions,
    rates: RateOptions,
    history: Option<HistoryOptions>,
    compression: Option<CompressionOptions>,
    max_rooms: usize,
    client_rooms: ClientRooms,
    details: DetailsOptions,
    door_options: DoorOptions,
    first_message: Option<Duration>,
    registrations: Mutex<Vec<Registration>>,
    sessions: OnceLock<Arc<Sessions>>,
    door: OnceLock<Arc<Door>>,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").field("path", &self.path).finish_non_exhaustive()
    }
}

impl FromConfig for Listener {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let path = path(config);
        Listener {
            path,
            subprotocols: split_list(&config.text("subprotocol")),
            mode: Mode::from_property(config.raw("wholemsg")),
            overrides: Overrides::from_config(config),
            slow_client: slow_client(config),
            max_queue_messages: config
                .number_in("maxQueueMessages", 0.0..=1e9)
                .map(|most| most as usize),
            alive: AliveOptions::from_config(config),
            rates: RateOptions::from_config(config),
            history: HistoryOptions::from_config(config),
            compression: CompressionOptions::from_config(config),
            max_rooms: config.number_in("maxRooms", 1.0..=MOST_ROOMS).map_or(ROOMS, |n| n as usize),
            client_rooms: ClientRooms::from_config(config),
            details: DetailsOptions::from_config(config),
            door_options: DoorOptions::from_config(config),
            first_message: config
                .number_in("firstMessageTimeout", 0.1..=86_400.0)
                .map(Duration::from_secs_f64),
            registrations: Mutex::default(),
            sessions: OnceLock::new(),
            door: OnceLock::new(),
        }
    }
}

/// Reads `path`, which begins with a slash then.
fn path(config: &mut NodeConfig<'_>) -> String {
    let path = config.text("path");
    if path.is_empty() || path.bytes().all(|b| b == b'/') && path != "/" {
        config.problem("path", "expected a path such as `/ws/chat`");
    } else if !path.bytes().all(|b| b.is_ascii_graphic() && b != b'?' && b != b'#') {
        let text = format!("invalid path `{path}`: percent-encode what is not plain ASCII");
        config.problem("path", text);
    } else if let Err(error) = PathPattern::parse(&path) {
        config.problem("path", format!("invalid path `{path}`: {error}"));
    }
    format!("/{}", path.trim_start_matches('/'))
}

/// The entries of a comma-separated list, trimmed, without empty ones.
pub(crate) fn split_list(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect()
}

#[async_trait]
impl Node for Listener {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        let port = cx.port()?;
        let settings = Settings::of(cx);
        let (limits, slow_peer) =
            (self.overrides.over(settings.limits), self.slow_client.unwrap_or(settings.slow_peer));
        // Half, so that a client can take a replay and what comes meanwhile.
        let bounds = Bounds { all: cx.setting(&MAX_HISTORY), one: limits.max_queue / 2 };
        let rules = Rules {
            mode: self.mode,
            limits: for_slow_clients(limits, self.max_queue_messages, slow_peer, cx),
            history: self.history.map(|options| (options, bounds)),
            slow_peer,
            max_rooms: self.max_rooms,
            first_message: self.first_message,
            client_rooms: self.client_rooms.clone(),
            alive: self.alive,
            rates: self.rates.with_settings(cx),
        };
        let sessions = self.sessions.get_or_init(|| Sessions::new(cx.clone(), rules));
        let door = self.door.get_or_init(|| Arc::new(Door::new(&self.door_options, cx)));
        let upgrade = Handshakes {
            door: Arc::clone(door),
            sessions: Arc::clone(sessions),
            subprotocols: self.subprotocols.clone(),
            compression: self.compression,
            details: self.details.clone(),
            root: port.root(Place::Flows).len(),
            pattern: PathPattern::parse(&self.path).map_err(|error| error.to_string())?,
        };
        let upgrades = port.add_upgrade(cx.info(), &self.path, Arc::new(upgrade))?;
        let inspect = Inspect::add(&*port, cx.info(), sessions);
        *self.registrations.locked() = [upgrades].into_iter().chain(inspect).collect();
        Ok(())
    }

    fn on_message_now(&self, msg: Message, _: &NodeContext) -> Handled {
        match self.sessions.get() {
            Some(sessions) => sessions.send(msg),
            None => Handled::Done,
        }
    }

    async fn on_request(
        &self,
        _: &str,
        request: Value,
        _: &NodeContext,
    ) -> Result<Value, NodeError> {
        if request.get("action").and_then(Value::as_str) == Some("admit") {
            return match self.door.get().and_then(|door| door.waiting()) {
                Some(waiting) => waiting.answer(&request),
                None => Err("the `auth` of the listener is not `flow`".into()),
            };
        }
        let Some(sessions) = self.sessions.get() else {
            return Err(NodeError::new("the listener has not started"));
        };
        let Some(request) = request.as_object() else {
            return Err(NodeError::new("expected an object with `action`"));
        };
        sessions.control(request).await
    }

    async fn drain(&self, window: Duration, _: &NodeContext) {
        if let Some(sessions) = self.sessions.get() {
            sessions.drain(window).await;
        }
    }

    async fn stop(&self, reason: StopReason, _: &NodeContext) {
        self.registrations.locked().clear();
        if let Some(sessions) = self.sessions.get() {
            sessions
                .close_all(&match reason {
                    StopReason::Restarting => restarting(),
                    StopReason::Removed => going_away(),
                    StopReason::ShuttingDown => sessions.farewell(),
                })
                .await;
        }
    }
}

/// Handles the handshakes of clients.
struct Handshakes {
    door: Arc<Door>,
    sessions: Arc<Sessions>,
    subprotocols: Vec<String>,
    compression: Option<CompressionOptions>,
    details: DetailsOptions,
    /// The length of the root, which comes before the path in requests.
    root: usize,
    pattern: PathPattern,
}

impl Handshakes {
    /// What the handshake said, if the listener's sessions have details.
    fn details(&self, head: &Parts, origin: Origin) -> Option<Map> {
        self.details.enabled.then(|| self.details.of(head, origin, self.route(head)))
    }

    /// The trace that the client names.
    fn trace(&self, head: &Parts) -> Option<Box<Remote>> {
        let is_taken = self.sessions.cx.traces_over(Carrier::WebSocket);
        is_taken.then(|| Remote::of_http(&head.headers))?.map(Box::new)
    }

    fn route<'a>(&'a self, head: &'a Parts) -> Route<'a> {
        let path = head.uri.path().get(self.root..).unwrap_or_default();
        let params = self.pattern.matched(path).unwrap_or_default();
        let protocol = choose_subprotocol(&head.headers, &self.subprotocols);
        Route { path, params, protocol }
    }
}

#[async_trait]
impl Upgrade for Handshakes {
    async fn upgrade(&self, mut head: Parts, origin: Origin) -> Result<TakeOver, Response> {
        let peer = origin.address;
        let request = |head: &Parts| details::request(head, origin, self.route(head));
        let entrance = self.door.enter(&mut head, peer, request).await?;
        let accepted = accept_with(&head, &self.subprotocols, self.compression.as_ref());
        let accepted = accepted.map_err(|refusal| {
            metrics::REFUSED.increment();
            *refusal
        })?;
        metrics::ACCEPTED.increment();
        let (door, sessions) = (Arc::clone(&self.door), Arc::clone(&self.sessions));
        let is_known = entrance.identity.is_some();
        let guest = Guest {
            peer,
            details: self.details(&head, origin),
            trace: self.trace(&head),
            identity: entrance.identity.unwrap_or_default(),
            tickets: entrance.tickets,
            history: match self.sessions.history {
                Some(_) => Ask::in_query(head.uri.query().unwrap_or_default()),
                None => Ask::Plain,
            },
        };
        Ok(Box::new(move |stream, early| match is_known {
            true => sessions.connected(stream, accepted, early, guest),
            false => {
                let cx = sessions.cx.clone();
                cx.spawn(door.meet((stream, early), accepted.answer, guest, sessions));
            }
        }))
    }
}
