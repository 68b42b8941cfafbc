//! The heartbeat of a client as messages of its application, and its limit for an answer.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::peer::{Peer, Server, echo, start};
use crate::support::Runtime;

async fn start_with(server: &Server, properties: Value) -> Runtime {
    let mut nodes = echo(&server.url("/"));
    for (key, value) in properties.as_object().unwrap() {
        nodes[1][key] = value.clone();
    }
    start(nodes).await
}

async fn beats(peer: &mut Peer) {
    assert_eq!(peer.text().await, r#"{"op":"ping"}"#);
}

#[tokio::test]
async fn a_message_is_sent_instead_of_a_ping_and_any_message_is_an_answer() {
    let server = Server::start().await;
    let _runtime = start_with(&server, json!({"hb": "1", "hbMessage": r#"{"op":"ping"}"#})).await;
    let mut peer = server.accept().await;
    beats(&mut peer).await;
    // The echo of the flow comes back.
    peer.send(Message::text("pong")).await;
    assert_eq!(peer.text().await, "pong");
    beats(&mut peer).await;
}

#[tokio::test]
async fn a_ping_or_pong_is_an_answer_to_a_message_too() {
    let server = Server::start().await;
    let _runtime = start_with(&server, json!({"hb": "1", "hbMessage": r#"{"op":"ping"}"#})).await;
    let mut peer = server.accept().await;
    beats(&mut peer).await;
    peer.send(Message::Ping("a".into())).await;
    assert_eq!(peer.next().await, Message::Pong("a".into()));
    beats(&mut peer).await;
    peer.send(Message::Pong("b".into())).await;
    beats(&mut peer).await;
}

#[tokio::test]
async fn a_message_that_is_not_answered_within_the_limit_ends_the_connection() {
    let server = Server::start().await;
    let properties = json!({"hb": "1", "hbTimeout": "0.2", "hbMessage": r#"{"op":"ping"}"#});
    let mut runtime = start_with(&server, properties).await;
    let mut peer = server.accept().await;
    // Before a beat, so it answers none.
    peer.send(Message::text("early")).await;
    assert_eq!(peer.text().await, "early");
    beats(&mut peer).await;
    runtime.log_line("it did not answer a ping in time").await;
    server.accept().await;
}

#[tokio::test]
async fn a_limit_without_a_message_is_for_the_answer_to_a_ping() {
    let server = Server::start().await;
    let mut runtime = start_with(&server, json!({"hb": "1", "hbTimeout": "0.2"})).await;
    let mut peer = server.accept().await;
    assert!(matches!(peer.next().await, Message::Ping(_)));
    // The next read answers the first ping; the second one is never seen.
    assert!(matches!(peer.next().await, Message::Ping(_)));
    runtime.log_line("it did not answer a ping in time").await;
    server.accept().await;
}
