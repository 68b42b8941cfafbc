//! Connects and disconnects of a client as messages.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use crate::peer::{Server, client, client_in, start};
use crate::support::{debug, listener, node, tab, with, ws_in, ws_out};

fn telling(server: &Server, client_properties: Value) -> Value {
    json!([
        tab("tab"),
        with(client("c", &server.url("/")), client_properties),
        with(client_in("in", "c", &["debug"]), json!({"events": "also"})),
        client_in("silent", "c", &["unasked"]),
        debug("debug"),
        debug("unasked"),
    ])
}

#[tokio::test]
async fn a_node_that_asks_gets_connects_and_disconnects_in_order_with_the_messages() {
    let server = Server::start().await;
    let runtime = start(telling(&server, json!({"subprotocol": "v1", "details": "true"}))).await;
    let mut events = runtime.events().await;
    let (mut peer, _) = server.accept_with(Some("v1")).await;
    peer.send(Message::text("hello")).await;
    let frame = CloseFrame { code: 4001.into(), reason: "enough".into() };
    peer.0.close(Some(frame)).await.unwrap();
    let connect = events.of("debug", "debug").await["msg"].clone();
    assert_eq!(
        (&connect["event"], &connect["payload"]["protocol"]),
        (&json!("connect"), &json!("v1"))
    );
    assert_eq!(connect["_session"]["event"], "connect");
    assert_eq!(connect["_session"]["protocol"], "v1");
    let message = events.of("debug", "debug").await["msg"].clone();
    assert_eq!((&message["payload"], message.get("event")), (&json!("hello"), None));
    assert_eq!(message["_session"]["id"], connect["_session"]["id"]);
    assert!(message["_session"].get("event").is_none(), "{message}");
    let disconnect = events.of("debug", "debug").await["msg"].clone();
    assert_eq!(disconnect["event"], "disconnect");
    let payload = &disconnect["payload"];
    assert_eq!((&payload["code"], &payload["reason"]), (&json!(4001), &json!("enough")));
    assert_eq!((&payload["by"], payload["duration"].is_number()), (&json!("peer"), true));
}

#[tokio::test]
async fn a_lost_connection_is_1006_and_others_hear_nothing_of_it() {
    let server = Server::start().await;
    let runtime = start(telling(&server, json!({}))).await;
    let mut events = runtime.events().await;
    drop(server.accept().await);
    assert_eq!(events.of("debug", "debug").await["msg"]["event"], "connect");
    let payload = events.of("debug", "debug").await["msg"]["payload"].clone();
    assert_eq!((&payload["code"], &payload["by"]), (&json!(1006), &json!("peer")));
    let mut peer = server.accept().await;
    peer.send(Message::text("first")).await;
    let msg = events.of("debug", "unasked").await["msg"].clone();
    assert_eq!((&msg["payload"], msg.get("event")), (&json!("first"), None));
}

#[tokio::test]
async fn a_client_that_gets_no_answer_to_its_heartbeat_says_that_it_ended_the_connection() {
    let server = Server::start().await;
    let properties = json!({"hb": "1", "hbTimeout": "0.1", "hbMessage": "ping"});
    let runtime = start(telling(&server, properties)).await;
    let mut events = runtime.events().await;
    let _silent = server.accept().await;
    assert_eq!(events.of("debug", "debug").await["msg"]["event"], "connect");
    let payload = events.of("debug", "debug").await["msg"]["payload"].clone();
    assert_eq!((&payload["code"], &payload["by"]), (&json!(1006), &json!("runtime")));
}

/// A client that does what comes as JSON at `/ws`; the result, or the error, goes back.
fn controlled(url: &str) -> Value {
    let parse = json!({"func": "return Object.assign(msg, JSON.parse(msg.payload));"});
    let error = json!({"func": "msg.payload = msg.error.message; return msg;"});
    json!([
        tab("tab"),
        with(client("c", url), json!({"autoConnect": "false", "reconnectDelay": "0.02"})),
        listener("l", "/ws"),
        ws_in("in", "l", &["parse"]),
        node("parse", "function", parse, &["control"]),
        node(
            "control",
            "websocket control",
            json!({"client": "c", "server": "", "action": ""}),
            &["out"]
        ),
        ws_out("out", "l"),
        node("catch", "catch", json!({"scope": ["control"], "uncaught": false}), &["error"]),
        node("error", "function", error, &["out"]),
        with(client_in("told", "c", &["debug"]), json!({"events": "only"})),
        debug("debug"),
    ])
}

#[tokio::test]
async fn a_control_node_connects_and_disconnects_a_client_and_sets_its_url() {
    let (server, other) = (Server::start().await, Server::start().await);
    let runtime = start(controlled(&server.url("/first"))).await;
    let mut events = runtime.events().await;
    let mut browser = runtime.connect("/ws").await;
    browser.send(r#"{"action": "connect"}"#).await;
    assert_eq!(browser.json().await, json!({"connected": false}));
    let (mut peer, request) = server.accept_with(None).await;
    assert_eq!(request.uri().path(), "/first");
    assert_eq!(events.of("debug", "debug").await["msg"]["event"], "connect");

    let url = other.url("/second");
    browser.send(&json!({"action": "connect", "url": url}).to_string()).await;
    assert_eq!(browser.json().await, json!({"connected": true}));
    let Message::Close(Some(close)) = peer.next().await else { panic!("not closed") };
    assert_eq!(u16::from(close.code), 1000);
    let (mut peer, request) = other.accept_with(None).await;
    assert_eq!(request.uri().path(), "/second");
    let told = events.of("debug", "debug").await["msg"].clone();
    assert_eq!((&told["event"], &told["payload"]["by"]), (&json!("disconnect"), &json!("flow")));
    assert_eq!(events.of("debug", "debug").await["msg"]["event"], "connect");

    browser.send(r#"{"action": "disconnect", "code": 4000, "reason": "done"}"#).await;
    assert_eq!(browser.json().await, json!({"connected": true}));
    let Message::Close(Some(close)) = peer.next().await else { panic!("not closed") };
    assert_eq!((u16::from(close.code), close.reason.as_str()), (4000, "done"));
    let told = events.of("debug", "debug").await["msg"]["payload"].clone();
    assert_eq!((&told["code"], &told["by"]), (&json!(4000), &json!("flow")));

    browser.send(r#"{"action": "join"}"#).await;
    assert!(browser.text().await.contains("expected `connect` or `disconnect`"));
    server.nobody().await;
    other.nobody().await;
}
