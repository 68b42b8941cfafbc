//! `Waiting`: handshakes that wait for the decision of the flow.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use ferrowire_core::{
    Key, Map, Message, MutexExt as _, NodeContext, NodeError, Text, Value, generate_id,
};
use hyper::StatusCode;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::listener::identity::Identity;
use crate::listener::refusal::{Kind, Refusal};
use crate::settings::MAX_WAITING_HANDSHAKES;

/// The node that gets handshakes.
const HANDSHAKE_NODE: &str = "websocket handshake";

type Answer = Result<Identity, Refusal>;

/// The handshakes of a listener that wait for an answer of its flow. At the bound, further ones are
/// refused.
#[derive(Debug)]
pub(crate) struct Waiting {
    cx: NodeContext,
    time: Duration,
    places: Arc<Semaphore>,
    by_id: Mutex<HashMap<Key, oneshot::Sender<Answer>>>,
}

impl Waiting {
    /// None yet; each may wait for `time`.
    pub(crate) fn new(cx: NodeContext, time: Duration) -> Arc<Self> {
        let waiting = Waiting {
            time,
            places: Arc::new(Semaphore::new(cx.setting(&MAX_WAITING_HANDSHAKES))),
            by_id: Mutex::default(),
            cx,
        };
        if waiting.deciders().is_empty() {
            waiting.cx.error(format_args!("{NO_NODE}, so every handshake is refused"));
        }
        Arc::new(waiting)
    }

    /// The ids of the nodes that get the handshakes.
    fn deciders(&self) -> Vec<String> {
        let users = self.cx.users();
        let users = users.borrow();
        let deciders = users.iter().filter(|user| user.info.node_type == HANDSHAKE_NODE);
        deciders.map(|user| user.info.id.clone()).collect()
    }

    /// Asks the flow about a handshake with `request` as `msg.req`. Dropped, it frees its place.
    ///
    /// # Errors
    /// The refusal of the flow; or that it does not answer in time, that too many wait, or that there
    /// is no node for handshakes.
    pub(crate) async fn ask(self: &Arc<Self>, request: Map) -> Answer {
        let deciders = self.deciders();
        if deciders.is_empty() {
            return Err(Refusal::new(Kind::Unavailable, NO_NODE));
        }
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else {
            return Err(Refusal::new(Kind::Waiting, "too many handshakes wait for the flow"));
        };
        let place = Arc::new(place);
        let (sender, answer) = oneshot::channel();
        let id = generate_id();
        self.lock().insert(id.clone(), sender);
        let _entry = Entry { waiting: self, id: &id };
        self.send(&deciders, &id, request, &place);
        match tokio::time::timeout(self.time, answer).await {
            Ok(Ok(answer)) => answer,
            _ => {
                let text = format!("the flow did not decide within {:?}", self.time);
                self.cx.warn(format_args!("a handshake was refused: {text}"));
                Err(Refusal::new(Kind::Timeout, text))
            }
        }
    }

    /// The delivery goes on when the client leaves, as a flow is not interrupted; until it has ended
    /// it takes a place.
    fn send(&self, deciders: &[String], id: &Key, request: Map, place: &Arc<OwnedSemaphorePermit>) {
        let request = Value::from(request);
        let mut sendings = Vec::new();
        for decider in deciders {
            let msg = Map::from_distinct([
                (Key::new_static("req"), request.clone()),
                (Key::new_static("_handshake"), id.clone().into()),
            ]);
            let msg = Message::from(msg);
            match self.cx.send_to(decider, msg) {
                Ok(sending) if sending.is_done() => {}
                Ok(sending) => sendings.push(sending),
                Err(error) => self.cx.error(error.chain()),
            }
        }
        if sendings.is_empty() {
            return;
        }
        let place = Arc::clone(place);
        self.cx.spawn(async move {
            futures_util::future::join_all(sendings).await;
            drop(place);
        });
    }

    /// Answers a handshake: the request of a `websocket admit`.
    ///
    /// # Errors
    /// If it does not wait any more, or the answer is malformed.
    pub(crate) fn answer(&self, request: &Value) -> Result<Value, NodeError> {
        let id = request.get("handshake").and_then(Value::as_str).unwrap_or_default();
        let answer = read_answer(request)?;
        let sender = self.lock().remove(id);
        let sent = sender.map(|sender| sender.send(answer).is_ok());
        match sent {
            Some(true) => Ok(true.into()),
            _ => Err(NodeError::new(
                "the handshake does not wait: it was answered before, took too long, its client \
                 left, or it belongs to another listener",
            )),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, oneshot::Sender<Answer>>> {
        self.by_id.locked()
    }
}

const NO_NODE: &str = "no `websocket handshake` node uses this listener";

/// The entry of a handshake that waits, until dropped.
struct Entry<'a> {
    waiting: &'a Waiting,
    id: &'a Key,
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.waiting.lock().remove(self.id.as_str());
    }
}

/// Reads `statusCode` and `payload`, or `user`, `claims` and `rooms`.
fn read_answer(request: &Value) -> Result<Answer, NodeError> {
    let property = |name| request.get(name).filter(|value| !matches!(value, Value::Null));
    match property("statusCode").map(|code| (code, status(code))) {
        Some((_, Some(status))) if status.as_u16() >= 300 => {
            return Ok(Err(refusal(status, property("payload"))));
        }
        // A request to another server may have left its status in the message.
        Some((_, Some(_))) | None => {}
        Some((code, None)) => {
            let found = code.to_json();
            return Err(NodeError::new(format!(
                "expected a status between 200 and 599 in `msg.statusCode`, found `{found}`"
            )));
        }
    }
    let claims = match property("claims") {
        Some(claims) if claims.as_object().is_none() => {
            return Err(NodeError::new("expected an object in `msg.claims`"));
        }
        claims => claims.cloned(),
    };
    let expires = claims.as_ref().and_then(|claims| {
        let seconds = claims.get("exp")?.as_f64()?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok()?)
    });
    Ok(Ok(Identity {
        user: property("user").map(|user| name(user, "user")).transpose()?,
        claims,
        expires,
        rooms: rooms(property("rooms"))?,
    }))
}

fn status(code: &Value) -> Option<StatusCode> {
    let number = match code {
        Value::String(text) => text.trim().parse().ok()?,
        code => code.as_f64()?,
    };
    let is_status = number.fract() == 0.0 && (200.0..600.0).contains(&number);
    StatusCode::from_u16(is_status.then_some(number as u16)?).ok()
}

fn refusal(status: StatusCode, payload: Option<&Value>) -> Refusal {
    let body = match payload {
        None => status.canonical_reason().unwrap_or("refused").to_owned(),
        Some(Value::String(text)) => text.as_str().to_owned(),
        Some(Value::Buffer(bytes)) => String::from_utf8_lossy(bytes).into_owned(),
        Some(other) => other.to_json(),
    };
    Refusal::by_flow(status, body)
}

fn name(value: &Value, of: &str) -> Result<Text, NodeError> {
    match value {
        Value::String(text) if !text.is_empty() => Ok(text.clone()),
        Value::Number(_) => Ok(value.to_json().into()),
        _ => Err(NodeError::new(format!("expected a text that is not empty in `msg.{of}`"))),
    }
}

fn rooms(value: Option<&Value>) -> Result<Vec<Text>, NodeError> {
    match value {
        None => Ok(Vec::new()),
        Some(Value::Array(rooms)) => rooms.iter().map(|room| name(room, "rooms")).collect(),
        Some(room) => Ok(vec![name(room, "rooms")?]),
    }
}
