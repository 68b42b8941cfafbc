//! Replies: to the connection that a message came from, or to all.

use std::sync::Arc;

use bytes::Bytes;
use ferrowire::expression::javascript;
use ferrowire::{Message, NodeError, Value};
use futures_util::future::join_all;

use crate::peer::Peer;
use crate::pool;

/// Writes a message to the connection of its `_session`, if nothing waits there; returns whether it did.
pub(crate) fn reply_now(msg: &Message, is_base64: bool) -> bool {
    if msg.get("reset").is_some() {
        return false;
    }
    let peer = session(msg).and_then(connection);
    peer.is_some_and(|peer| peer.write_now(javascript::bytes(msg.payload(), is_base64)).is_ok())
}

/// The `_session` of a message, if a TCP node has set it.
fn session(msg: &Message) -> Option<&Value> {
    let session = msg.get("_session")?;
    (session.get("type").and_then(Value::as_str) == Some("tcp")).then_some(session)
}

/// The connection of a session, if it is open.
fn connection(session: &Value) -> Option<Arc<Peer>> {
    session.get("id").and_then(Value::as_str).and_then(pool::find)
}

/// Writes a message to the connection of its `_session`, or without one to all of `tcp in` nodes. With
/// `reset` they are closed instead.
///
/// # Errors
/// If a peer does not read what it gets.
pub(crate) async fn reply(msg: &Message, is_base64: bool) -> Result<(), NodeError> {
    let peers: Vec<Arc<Peer>> = match session(msg) {
        Some(session) => connection(session).into_iter().collect(),
        None => pool::all(),
    };
    if msg.get("reset") == Some(&Value::Bool(true)) {
        peers.iter().for_each(|peer| peer.destroy());
        return Ok(());
    }
    write_to(&peers, &javascript::bytes(msg.payload(), is_base64)).await
}

/// Writes bytes to several peers. One that does not read does not keep the others from it.
///
/// # Errors
/// The first error.
pub(crate) async fn write_to(peers: &[Arc<Peer>], bytes: &Bytes) -> Result<(), NodeError> {
    let writing = peers.iter().map(|peer| peer.write(bytes.clone()));
    join_all(writing).await.into_iter().collect()
}
