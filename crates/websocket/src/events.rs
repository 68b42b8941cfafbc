//! Events: messages about a connection, to the `websocket in` nodes that ask for them.

use std::time::Duration;

use ferrowire_core::{Key, Map, Message, NodeContext, Sending, User, Value};

use crate::connection::backlog::TOO_SLOW;
use crate::connection::{Ended, STALLED};
use crate::frame::Close;

/// The node type that may ask for events, with its property `events`.
const RECEIVER: &str = "websocket in";

/// The code of a close frame without one (RFC 6455 §7.1.5).
pub(crate) const NO_CODE: u16 = 1005;

/// The code of a connection that ended without a close frame.
pub(crate) const LOST: u16 = 1006;

/// Sends an event to each user of the endpoint that asks for it. Delivery begins with the call.
pub(crate) fn tell(
    cx: &NodeContext,
    session: Value,
    event: &'static str,
    payload: &Map,
) -> Sending {
    tell_those(cx, asks, (session, event, payload))
}

/// Sends an event of another instance to each user that asks for those.
pub(crate) fn tell_of_others(
    cx: &NodeContext,
    session: Value,
    event: &'static str,
    payload: &Map,
) -> Sending {
    tell_those(cx, asks_for_cluster, (session, event, payload))
}

/// Whether a user asks for events.
fn asks(user: &User) -> bool {
    let events = user.properties.get("events").and_then(Value::as_str);
    user.info.node_type == RECEIVER && matches!(events, Some("also" | "only"))
}

/// Whether a user asks for events of all instances.
pub(crate) fn asks_for_cluster(user: &User) -> bool {
    asks(user) && user.properties.get("eventsOf").and_then(Value::as_str) == Some("cluster")
}

fn tell_those(
    cx: &NodeContext,
    asks: fn(&User) -> bool,
    (session, event, payload): (Value, &'static str, &Map),
) -> Sending {
    let users = cx.users();
    let users = users.borrow().clone();
    let asking = users.iter().filter(|user| asks(user));
    let mut waiting = Vec::new();
    for user in asking {
        match cx.send_to(&user.info.id, message(session.clone(), event, payload)) {
            Ok(sending) if sending.is_done() => {}
            Ok(sending) => waiting.push(sending),
            // It stops, or has stopped.
            Err(error) => cx.debug(format_args!("an event `{event}` was lost: {error}")),
        }
    }
    if waiting.is_empty() {
        return Sending::done();
    }
    Sending::later(Box::pin(async move {
        for sending in waiting {
            sending.await;
        }
    }))
}

/// `msg._session.event` tells an event from a message in which a peer has set `event`.
fn message(mut session: Value, event: &'static str, payload: &Map) -> Message {
    if let Some(session) = session.as_object_mut() {
        session.insert(Key::new_static("event"), event);
    }
    let mut msg = Message::with_payload(payload.clone());
    msg.set(Key::new_static("event"), event);
    msg.set(Key::new_static("_session"), session);
    msg
}

/// The payload of `disconnect`: `code`, `reason`, `duration` in milliseconds, `by`. `closed` is how
/// this side has closed the connection, and for whom.
pub(crate) fn disconnect(ended: &Ended, closed: Option<(&Close, By)>, duration: Duration) -> Map {
    let (code, reason, by) = match (ended, closed) {
        (Ended::Violation(close), _) => (close.code, close.reason.as_str(), By::Runtime),
        (_, Some((close, by))) => (close.code, close.reason.as_str(), by),
        (Ended::Closed(close), None) => (close.code, close.reason.as_str(), By::Peer),
        (Ended::Lost(reason @ (STALLED | TOO_SLOW)), None) => (Some(LOST), *reason, By::Runtime),
        (Ended::Lost(reason), None) => (Some(LOST), *reason, By::Peer),
    };
    Map::from_iter([
        (Key::new_static("code"), Value::from(u32::from(code.unwrap_or(NO_CODE)))),
        (Key::new_static("reason"), reason.into()),
        (Key::new_static("duration"), (duration.as_millis() as f64).into()),
        (Key::new_static("by"), by.name().into()),
    ])
}

/// Who ended a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The client, or the network.
    Peer,
    /// A flow.
    Flow,
    /// The listener: it stops, or the client has violated a limit or the protocol.
    Runtime,
}

impl By {
    pub(crate) fn name(self) -> &'static str {
        match self {
            By::Peer => "peer",
            By::Flow => "flow",
            By::Runtime => "runtime",
        }
    }
}
