//! Statuses of Node-RED's TCP nodes.

use ferrowire::{Map, Status, Value};

use crate::peer::Peer;

pub(crate) fn connecting() -> Status {
    Status::new("grey", "dot", "common.status.connecting")
}

pub(crate) fn connected() -> Status {
    Status::new("green", "dot", "common.status.connected")
}

pub(crate) fn disconnected() -> Status {
    Status::new("red", "ring", "common.status.disconnected")
}

/// How many connections there are.
pub(crate) fn count(count: usize) -> String {
    if count == 1 { "1 connection".to_owned() } else { format!("{count} connections") }
}

/// `_session` of a connection.
pub(crate) fn session(peer: &Peer) -> Value {
    let session: Map =
        [("type", Value::from("tcp")), ("id", peer.id.as_str().into())].into_iter().collect();
    session.into()
}
