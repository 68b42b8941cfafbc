//! The messages of a client, through the real binary.

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::peer::{Server, client, client_in, client_out, echo, inject, start};
use crate::support::{debug, delete_session, listener, tab, with, ws_in};

#[tokio::test]
async fn a_message_in_has_the_connections_session() {
    let server = Server::start().await;
    let nodes = json!([
        tab("tab"),
        client("c", &server.url("/")),
        client_in("in", "c", &["debug"]),
        debug("debug"),
    ]);
    let runtime = start(nodes).await;
    let mut events = runtime.events().await;
    let mut peer = server.accept().await;
    peer.send(Message::text("hello")).await;
    let msg = events.of("debug", "debug").await["msg"].clone();
    assert_eq!(msg["payload"], "hello");
    assert_eq!(msg["_session"]["type"], "websocket");
    assert_eq!(msg["_session"]["id"].as_str().unwrap().len(), 16);
}

#[tokio::test]
async fn an_answer_with_the_session_goes_to_the_one_peer_and_so_does_one_without() {
    let server = Server::start().await;
    let nodes = json!([
        tab("tab"),
        client("c", &server.url("/")),
        client_in("in", "c", &["out", "delete"]),
        delete_session("delete", &["out"]),
        client_out("out", "c"),
    ]);
    let _runtime = start(nodes).await;
    let mut peer = server.accept().await;
    peer.send(Message::text("hello")).await;
    assert_eq!(peer.text().await, "hello");
    assert_eq!(peer.text().await, "hello");
    peer.send(Message::binary(vec![1u8; 70_000])).await;
    assert_eq!(peer.next().await, Message::binary(vec![1u8; 70_000]));
}

#[tokio::test]
async fn a_node_with_a_client_and_a_listener_uses_the_client() {
    let server = Server::start().await;
    let both = |id: &str, node_type: &str, wires: &[&str]| json!({"id": id, "type": node_type, "z": "tab", "client": "c", "server": "l", "wires": [wires]});
    let nodes = json!([
        tab("tab"),
        client("c", &server.url("/")),
        listener("l", "/ws"),
        both("in", "websocket in", &["out"]),
        both("out", "websocket out", &[]),
    ]);
    let _runtime = start(nodes).await;
    let mut peer = server.accept().await;
    peer.send(Message::text("hello")).await;
    assert_eq!(peer.text().await, "hello");
}

#[tokio::test]
async fn a_message_for_another_session_is_dropped() {
    let server = Server::start().await;
    let nodes = json!([
        tab("tab"),
        client("c", &server.url("/")),
        listener("l", "/ws"),
        ws_in("in", "l", &["out"]),
        client_out("out", "c"),
        client_in("in2", "c", &["out"]),
    ]);
    let mut runtime = start(nodes).await;
    let mut events = runtime.events().await;
    let mut peer = server.accept().await;
    events.status("in2", "connected ").await;
    let mut browser = runtime.connect("/ws").await;
    browser.send("for nobody").await;
    runtime.log_line("the message is for another session").await;
    peer.send(Message::text("marker")).await;
    assert_eq!(peer.text().await, "marker");
}

#[tokio::test]
async fn whole_messages_work_in_both_directions() {
    let server = Server::start().await;
    let mut nodes = echo(&server.url("/"));
    nodes[1]["wholemsg"] = "true".into();
    let _runtime = start(nodes).await;
    let mut peer = server.accept().await;
    peer.send(Message::text(r#"{"topic":"t","_msgid":"m"}"#)).await;
    assert_eq!(peer.text().await, r#"{"topic":"t","_msgid":"m"}"#);
}

#[tokio::test]
async fn all_nodes_of_a_client_share_one_connection() {
    let server = Server::start().await;
    let nodes = json!([
        tab("tab"),
        client("c", &server.url("/")),
        client_out("out1", "c"),
        client_out("out2", "c"),
        client_in("in1", "c", &["out1"]),
        client_in("in2", "c", &["out2"]),
    ]);
    let _runtime = start(nodes).await;
    let mut peer = server.accept().await;
    peer.send(Message::text("hello")).await;
    assert_eq!(peer.text().await, "hello");
    assert_eq!(peer.text().await, "hello");
    server.nobody().await;
}

#[tokio::test]
async fn the_connection_stays_while_a_node_uses_it_and_goes_with_the_last() {
    let server = Server::start().await;
    let both = json!([
        tab("tab"),
        client("c", &server.url("/")),
        client_in("in", "c", &[]),
        client_out("out", "c"),
    ]);
    let mut runtime = start(both).await;
    let mut peer = server.accept().await;
    let one = json!([tab("tab"), client("c", &server.url("/")), client_out("out", "c")]);
    runtime.redeploy(one).await;
    peer.send(Message::Ping("still".into())).await;
    assert_eq!(peer.next().await, Message::Pong("still".into()));
    runtime.redeploy(json!([tab("tab"), client("c", &server.url("/"))])).await;
    let Message::Close(Some(close)) = peer.next().await else { panic!("not closed") };
    assert_eq!(u16::from(close.code), 1001);
}

#[tokio::test]
async fn a_message_while_not_connected_is_lost_with_a_warning() {
    let server = Server::start().await;
    let nodes = json!([
        tab("tab"),
        client("c", &server.url("/")),
        inject("inject", "too early", &["out"]),
        client_out("out", "c"),
        client_in("in", "c", &["out"]),
    ]);
    let mut runtime = start(nodes).await;
    let tcp = server.tcp().await;
    let line = runtime.log_line("not connected; the message was dropped").await;
    assert!(line.contains("WARN") && line.contains("websocket-client"), "{line}");
    drop(tcp);
    let mut peer = server.accept().await;
    peer.send(Message::text("marker")).await;
    assert_eq!(peer.text().await, "marker");
}

#[tokio::test]
async fn with_details_the_session_says_what_was_agreed() {
    let server = Server::start().await;
    let nodes = json!([
        tab("tab"),
        with(
            client("c", &server.url("/a?secret=1")),
            json!({
                "subprotocol": "v1, v2", "details": "true",
            })
        ),
        client_in("in", "c", &["debug"]),
        debug("debug"),
    ]);
    let runtime = start(nodes).await;
    let mut events = runtime.events().await;
    let (mut peer, _) = server.accept_with(Some("v2")).await;
    peer.send(Message::text("hello")).await;
    let session = events.of("debug", "debug").await["msg"]["_session"].clone();
    assert_eq!((&session["path"], &session["protocol"]), (&json!("/a"), &json!("v2")));
    assert!(session["since"].as_f64().unwrap() > 1e12, "{session}");
}
