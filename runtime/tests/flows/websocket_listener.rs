//! How the WebSocket server nodes behave, case by case, through the real binary.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::support::{
    Client, Runtime, debug, delete_session, echo, listener, node, set_payload, soon, tab,
    whole_echo, with, ws_in, ws_out,
};

const HANDSHAKE: &str = "Host: localhost\r\nConnection: keep-alive, Upgrade\r\n\
    Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

fn handshake(path: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\n{HANDSHAKE}{more}\r\n")
}

async fn connect_raw(runtime: &Runtime, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(&runtime.address).await.unwrap();
    let request = handshake(path, "Sec-WebSocket-Version: 13\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon("a response", stream.read_u8()).await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    stream
}

/// The code of the close frame that a server sends next, after which the connection ends.
async fn close_code(mut stream: TcpStream) -> u16 {
    let mut rest = Vec::new();
    soon("the end", stream.read_to_end(&mut rest)).await.unwrap();
    assert_eq!(rest[0], 0x88, "a close frame was expected: {rest:?}");
    u16::from_be_bytes([rest[2], rest[3]])
}

#[tokio::test]
async fn the_path_is_taken_from_the_url_without_its_query() {
    let runtime = Runtime::start(echo()).await;
    runtime.connect("/ws?token=1").await.echo("hello").await;
}

#[tokio::test]
async fn a_path_without_its_leading_slash_means_the_same_and_the_node_root_stands_before_it() {
    let nodes =
        json!([tab("tab"), listener("l", "ws"), ws_in("in", "l", &["out"]), ws_out("out", "l"),]);
    let runtime = Runtime::start_with(nodes, &["--http-node-root", "/api/"], &[]).await;
    runtime.connect("/api/ws").await.echo("hello").await;
}

async fn subprotocol(runtime: &Runtime, offer: Option<&'static str>) -> Option<String> {
    let offer = offer.map(|offer| format!("Sec-WebSocket-Protocol: {offer}\r\n"));
    let request = handshake("/ws", "Sec-WebSocket-Version: 13\r\n");
    let request = request.trim_end().to_owned() + "\r\n" + &offer.unwrap_or_default() + "\r\n";
    let mut stream = TcpStream::connect(&runtime.address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon("a response", stream.read_u8()).await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    let prefix = "sec-websocket-protocol: ";
    head.lines().find_map(|line| line.strip_prefix(prefix)).map(str::to_owned)
}

#[tokio::test]
async fn without_a_list_the_clients_first_subprotocol_is_accepted() {
    let runtime = Runtime::start(echo()).await;
    assert_eq!(subprotocol(&runtime, Some("b, a")).await.as_deref(), Some("b"));
    assert_eq!(subprotocol(&runtime, None).await, None);
}

#[tokio::test]
async fn with_a_list_its_first_subprotocol_that_was_offered_is_chosen() {
    let listener = with(listener("l", "/ws"), json!({"subprotocol": "x, a ,b"}));
    let runtime = Runtime::start(json!([tab("tab"), listener, ws_in("in", "l", &[])])).await;
    assert_eq!(subprotocol(&runtime, Some("b, a")).await.as_deref(), Some("a"));
    assert_eq!(subprotocol(&runtime, Some("c")).await, None);
}

/// What a debug node shows of one message.
async fn debugged(runtime: &Runtime, message: Message) -> Value {
    let mut events = runtime.events().await;
    let mut client = runtime.connect("/ws").await;
    client.send_message(message).await;
    let data = events.of("debug", "debug").await;
    data["msg"].clone()
}

fn in_and_debug(wholemsg: &str) -> Value {
    let listener = with(listener("l", "/ws"), json!({"wholemsg": wholemsg}));
    json!([tab("tab"), listener, ws_in("in", "l", &["debug"]), debug("debug")])
}

#[tokio::test]
async fn text_becomes_a_string_and_binary_a_buffer_with_the_session_and_a_new_id() {
    let runtime = Runtime::start(in_and_debug("false")).await;
    let text = debugged(&runtime, Message::text("hello")).await;
    assert_eq!(text["payload"], "hello");
    assert_eq!(text["_session"]["type"], "websocket");
    assert_eq!(text["_session"]["id"].as_str().unwrap().len(), 16);
    assert_eq!(text["_msgid"].as_str().unwrap().len(), 16);
    let binary = debugged(&runtime, Message::binary(vec![1u8, 2])).await;
    assert_eq!(binary["payload"], json!({"type": "Buffer", "data": [1, 2]}));
    assert_ne!(text["_session"]["id"], binary["_session"]["id"]);
}

#[tokio::test]
async fn one_connection_keeps_one_session_id() {
    let runtime = Runtime::start(in_and_debug("false")).await;
    let mut events = runtime.events().await;
    let mut client = runtime.connect("/ws").await;
    client.send("a").await;
    client.send("b").await;
    let a = events.of("debug", "debug").await["msg"].clone();
    let b = events.of("debug", "debug").await["msg"].clone();
    assert_eq!(a["_session"], b["_session"]);
    assert_ne!(a["_msgid"], b["_msgid"]);
}

#[tokio::test]
async fn whole_message_json_becomes_the_message_or_its_payload() {
    let runtime = Runtime::start(in_and_debug("true")).await;
    let cases = [
        (r#"{"topic":"t","payload":{"a":1}}"#, json!({"topic": "t", "payload": {"a": 1}})),
        ("5", json!({"payload": 5})),
        ("\"x\"", json!({"payload": "x"})),
        ("true", json!({"payload": true})),
        ("not json", json!({"payload": "not json"})),
    ];
    for (text, expected) in cases {
        let mut msg = debugged(&runtime, Message::text(text)).await;
        let msg = msg.as_object_mut().unwrap();
        assert!(msg.remove("_session").is_some() && msg.remove("_msgid").is_some());
        assert_eq!(&Value::from(msg.clone()), &expected, "{text}");
    }
}

#[tokio::test]
async fn whole_message_null_is_a_payload_and_stops_nothing() {
    let runtime = Runtime::start(in_and_debug("true")).await;
    assert_eq!(debugged(&runtime, Message::text("null")).await["payload"], Value::Null);
    assert_eq!(debugged(&runtime, Message::text("1")).await["payload"], 1);
}

#[tokio::test]
async fn whole_message_array_is_the_payload() {
    let runtime = Runtime::start(in_and_debug("true")).await;
    let msg = debugged(&runtime, Message::text("[1,[2]]")).await;
    assert_eq!(msg["payload"], json!([1, [2]]));
}

#[tokio::test]
async fn whole_message_binary_is_parsed_when_it_is_json_and_a_buffer_otherwise() {
    let runtime = Runtime::start(in_and_debug("true")).await;
    let json = debugged(&runtime, Message::binary(br#"{"topic":"t"}"#.to_vec())).await;
    assert_eq!(json["topic"], "t");
    let other = debugged(&runtime, Message::binary(vec![0xffu8, 0])).await;
    assert_eq!(other["payload"], json!({"type": "Buffer", "data": [255, 0]}));
}

#[tokio::test]
async fn whole_message_session_of_the_peer_is_overwritten_and_its_id_is_kept() {
    let runtime = Runtime::start(in_and_debug("true")).await;
    let text = r#"{"_session":{"type":"websocket","id":"forged"},"_msgid":"mine"}"#;
    let msg = debugged(&runtime, Message::text(text)).await;
    assert_ne!(msg["_session"]["id"], "forged");
    assert_eq!(msg["_msgid"], "mine");
}

#[tokio::test]
async fn only_the_string_true_switches_whole_messages_on() {
    let listener = with(listener("l", "/ws"), json!({"wholemsg": true}));
    let nodes = json!([tab("tab"), listener, ws_in("in", "l", &["debug"]), debug("debug")]);
    let runtime = Runtime::start(nodes).await;
    assert_eq!(debugged(&runtime, Message::text("5")).await["payload"], "5");
}

#[tokio::test]
async fn every_in_node_of_an_endpoint_gets_a_copy_of_its_own() {
    let nodes = json!([
        tab("tab"),
        listener("l", "/ws"),
        ws_in("in1", "l", &["change"]),
        set_payload("change", "changed", "str", &["d1"]),
        debug("d1"),
        ws_in("in2", "l", &["d2"]),
        debug("d2"),
    ]);
    let runtime = Runtime::start(nodes).await;
    let mut events = runtime.events().await;
    let mut other = runtime.events().await;
    let mut client = runtime.connect("/ws").await;
    client.send("original").await;
    assert_eq!(events.of("debug", "d1").await["msg"]["payload"], "changed");
    assert_eq!(other.of("debug", "d2").await["msg"]["payload"], "original");
}

/// Sends `msg.payload` to everyone, whoever sent it.
fn broadcaster() -> Value {
    json!([
        tab("tab"),
        listener("l", "/ws"),
        ws_in("in", "l", &["change"]),
        delete_session("change", &["out"]),
        ws_out("out", "l"),
    ])
}

#[tokio::test]
async fn a_message_with_a_session_goes_to_that_client_only() {
    let runtime = Runtime::start(echo()).await;
    let (mut a, mut b) = (runtime.connect("/ws").await, runtime.connect("/ws").await);
    a.echo("for a").await;
    b.echo("for b").await;
}

#[tokio::test]
async fn a_message_without_a_session_goes_to_every_client_of_the_listener() {
    let runtime = Runtime::start(broadcaster()).await;
    let mut events = runtime.events().await;
    let (mut a, mut b) = (runtime.connect("/ws").await, runtime.connect("/ws").await);
    events.status("out", "connected 2").await;
    a.send("for all").await;
    assert_eq!(a.text().await, "for all");
    assert_eq!(b.text().await, "for all");
}

#[tokio::test]
async fn a_message_for_a_client_that_is_gone_or_of_another_endpoint_is_dropped_silently() {
    let nodes = json!([
        tab("tab"),
        listener("l", "/ws"),
        listener("m", "/other"),
        ws_in("in", "l", &["out", "other"]),
        ws_out("out", "l"),
        ws_out("other", "m"),
    ]);
    let mut runtime = Runtime::start(nodes).await;
    let mut other = runtime.connect("/other").await;
    let mut events = runtime.events().await;
    events.status("other", "connected 1").await;
    runtime.connect("/ws").await.echo("hello").await;
    let line = runtime.log_line("nobody has session").await;
    assert!(line.contains("DEBUG") && line.contains("(1 so far)"), "{line}");
    // Had it been broadcast, it would be here before the close.
    runtime.signal("-TERM");
    assert_eq!(u16::from(other.closed().await.unwrap().code), 1001);
}

#[tokio::test]
async fn a_session_of_another_type_is_a_broadcast() {
    let rule = json!([{"t": "set", "p": "_session.type", "pt": "msg", "to": "tcp", "tot": "str"}]);
    let nodes = json!([
        tab("tab"),
        listener("l", "/ws"),
        ws_in("in", "l", &["change"]),
        node("change", "change", json!({"rules": rule}), &["out"]),
        ws_out("out", "l"),
    ]);
    let runtime = Runtime::start(nodes).await;
    let mut events = runtime.events().await;
    let (mut a, mut b) = (runtime.connect("/ws").await, runtime.connect("/ws").await);
    events.status("out", "connected 2").await;
    a.send("for all").await;
    assert_eq!((a.text().await, b.text().await), ("for all".to_owned(), "for all".to_owned()));
}

#[tokio::test]
async fn every_kind_of_payload_is_sent_as_node_red_sends_it() {
    let cases: [(&str, &str, Option<Message>); 9] = [
        ("text", "str", Some(Message::text("text"))),
        ("[1,255]", "bin", Some(Message::binary(vec![1u8, 255]))),
        ("{\"b\":1,\"a\":[true]}", "json", Some(Message::text(r#"{"b":1,"a":[true]}"#))),
        ("[1,2]", "json", Some(Message::text("[1,2]"))),
        ("0.5", "num", Some(Message::text("0.5"))),
        ("false", "bool", Some(Message::text("false"))),
        ("null", "json", Some(Message::text("null"))),
        ("", "str", None),
        ("[]", "bin", Some(Message::binary(Bytes::new()))),
    ];
    let mut nodes = vec![tab("tab")];
    for (number, (value, kind, _)) in cases.iter().enumerate() {
        let id = |part: &str| format!("{part}{number}");
        nodes.push(listener(&id("l"), &format!("/{number}")));
        nodes.push(ws_in(&id("in"), &id("l"), &[&id("change"), &id("out")]));
        nodes.push(set_payload(&id("change"), value, kind, &[&id("out")]));
        nodes.push(ws_out(&id("out"), &id("l")));
    }
    let runtime = Runtime::start(Value::from(nodes)).await;
    for (number, (value, kind, expected)) in cases.into_iter().enumerate() {
        let mut client = runtime.connect(&format!("/{number}")).await;
        client.send("marker").await;
        if let Some(expected) = expected {
            assert_eq!(client.next().await, expected, "{kind} {value}");
        }
        assert_eq!(client.text().await, "marker", "{kind} {value}");
    }
}

#[tokio::test]
async fn a_message_without_a_payload_sends_nothing() {
    let rules = json!([{"t": "delete", "p": "payload", "pt": "msg"}]);
    let nodes = json!([
        tab("tab"),
        listener("l", "/ws"),
        ws_in("in", "l", &["change", "out"]),
        node("change", "change", json!({"rules": rules}), &["out"]),
        ws_out("out", "l"),
    ]);
    let runtime = Runtime::start(nodes).await;
    runtime.connect("/ws").await.echo("only this").await;
}

#[tokio::test]
async fn a_whole_message_leaves_without_its_session_and_is_routed_by_it() {
    let runtime = Runtime::start(whole_echo()).await;
    let (mut a, mut b) = (runtime.connect("/ws").await, runtime.connect("/ws").await);
    a.send(r#"{"b":1,"payload":"x","_msgid":"m"}"#).await;
    assert_eq!(a.text().await, r#"{"b":1,"payload":"x","_msgid":"m"}"#);
    b.send_message(Message::binary(vec![255u8])).await;
    let msg = b.json().await;
    assert_eq!(msg["payload"], json!({"type": "Buffer", "data": [255]}));
    assert!(msg["_msgid"].is_string() && msg.get("_session").is_none());
}

#[tokio::test]
async fn in_and_out_nodes_show_how_many_are_connected() {
    let runtime = Runtime::start(echo()).await;
    let mut events = runtime.events().await;
    let a = runtime.connect("/ws").await;
    let connected = json!({"fill": "green", "shape": "dot", "text": "connected 1"});
    assert_eq!(events.of("status", "in").await, connected);
    assert_eq!(events.of("status", "out").await, connected);
    let b = runtime.connect("/ws").await;
    assert_eq!(events.of("status", "in").await["text"], "connected 2");
    a.close().await;
    assert_eq!(events.of("status", "in").await["text"], "connected 1");
    b.close().await;
    let gone = json!({"fill": "red", "shape": "ring", "text": "common.status.disconnected"});
    assert_eq!(events.of("status", "in").await, gone);
    assert_eq!(events.of("status", "out").await, gone);
}

#[tokio::test]
async fn a_connection_at_fault_shows_an_error() {
    let runtime = Runtime::start(echo()).await;
    let mut events = runtime.events().await;
    let mut stream = connect_raw(&runtime, "/ws").await;
    stream.write_all(b"\x81\x01x").await.unwrap();
    let error = json!({"fill": "red", "shape": "ring", "text": "common.status.error"});
    assert_eq!(events.status("in", "common.status.error").await, error);
}

#[tokio::test]
async fn a_second_listener_on_a_path_stays_dead_and_the_error_names_it() {
    let nodes = json!([
        tab("tab"),
        listener("first", "/ws"),
        listener("second", "ws"),
        ws_in("in", "first", &["out"]),
        ws_out("out", "first"),
        ws_in("dead", "second", &["out"]),
    ]);
    let mut runtime = Runtime::start(nodes.clone()).await;
    runtime.connect("/ws").await.echo("from the first").await;
    let (log, _) = {
        runtime.signal("-TERM");
        runtime.rest_of_log().await
    };
    drop(log);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("flows.json");
    std::fs::write(&file, nodes.to_string()).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_ferrowire"))
        .arg("check")
        .arg(&file)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(2));
    let line = text.lines().find(|line| line.contains("ws")).unwrap();
    assert!(line.contains("`first`") && line.contains("`second`"), "{text}");
}

#[tokio::test]
async fn an_upgrade_on_an_unknown_path_gets_404_and_is_closed() {
    let runtime = Runtime::start(echo()).await;
    let response = runtime.raw(&handshake("/nowhere", "Sec-WebSocket-Version: 13\r\n")).await;
    assert!(response.starts_with("HTTP/1.1 404 "), "{response}");
}

#[tokio::test]
async fn a_plain_get_on_a_listeners_path_gets_404() {
    let runtime = Runtime::start(echo()).await;
    let request = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert!(runtime.raw(request).await.starts_with("HTTP/1.1 404 "));
}

#[tokio::test]
async fn another_version_of_the_protocol_gets_426_and_is_told_the_right_one() {
    let runtime = Runtime::start(echo()).await;
    for version in ["Sec-WebSocket-Version: 8\r\n", ""] {
        let response = runtime.raw(&handshake("/ws", version)).await;
        assert!(response.starts_with("HTTP/1.1 426 "), "{response}");
        assert!(response.contains("sec-websocket-version: 13\r\n"), "{response}");
    }
}

#[tokio::test]
async fn a_missing_or_malformed_key_gets_400() {
    let runtime = Runtime::start(echo()).await;
    let good = handshake("/ws", "Sec-WebSocket-Version: 13\r\n");
    for key in ["Sec-WebSocket-Key: short\r\n", "Sec-WebSocket-Key: !!!!\r\n", ""] {
        let request = good.replace("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", key);
        let response = runtime.raw(&request).await;
        assert!(response.starts_with("HTTP/1.1 400 "), "{key}: {response}");
    }
}

#[tokio::test]
async fn any_origin_is_accepted_and_compression_is_declined() {
    let runtime = Runtime::start(echo()).await;
    let mut request = runtime.url("/ws").into_client_request().unwrap();
    let headers = request.headers_mut();
    headers.insert("Origin", HeaderValue::from_static("http://elsewhere.example"));
    headers.insert(
        "Sec-WebSocket-Extensions",
        HeaderValue::from_static("permessage-deflate; client_max_window_bits"),
    );
    // The client refuses an extension that it did not offer itself: none may be chosen.
    Client::connect(request).await.echo("hello").await;
}

#[tokio::test]
async fn a_message_beyond_the_largest_is_answered_with_1009() {
    let small = with(listener("s", "/small"), json!({"maxMessage": "10"}));
    let mut nodes = echo();
    nodes.as_array_mut().unwrap().extend([small, ws_in("si", "s", &["so"]), ws_out("so", "s")]);
    let runtime = Runtime::start_with(nodes, &["--max-message", "100"], &[]).await;
    for (path, largest) in [("/ws", 100), ("/small", 10)] {
        let mut client = runtime.connect(path).await;
        client.echo(&"x".repeat(largest)).await;
        client.send(&"x".repeat(largest + 1)).await;
        assert_eq!(u16::from(client.closed().await.unwrap().code), 1009, "{path}");
    }
}

#[tokio::test]
async fn the_largest_message_is_100_mib_by_default() {
    let runtime = Runtime::start(echo()).await;
    let mut stream = connect_raw(&runtime, "/ws").await;
    let length: u64 = (100 << 20) + 1;
    let mut header = vec![0x82, 0xff];
    header.extend(length.to_be_bytes());
    header.extend([0; 4]);
    stream.write_all(&header).await.unwrap();
    assert_eq!(close_code(stream).await, 1009);
    let mut client = runtime.connect("/ws").await;
    client.echo(&"x".repeat(1 << 20)).await;
}

#[tokio::test]
async fn who_breaks_the_protocol_is_closed_with_its_code_and_others_notice_nothing() {
    let runtime = Runtime::start(echo()).await;
    let mut bystander = runtime.connect("/ws").await;
    let cases: [(&[u8], u16); 4] = [
        (b"\x81\x01x", 1002),
        (b"\x81\x81\0\0\0\0\xff", 1007),
        (b"\x83\x80\0\0\0\0", 1002),
        (b"\xc1\x80\0\0\0\0", 1002),
    ];
    for (bytes, code) in cases {
        let mut stream = connect_raw(&runtime, "/ws").await;
        stream.write_all(bytes).await.unwrap();
        assert_eq!(close_code(stream).await, code, "{bytes:?}");
        bystander.echo("still here").await;
    }
}

#[tokio::test]
async fn who_hangs_in_the_handshake_is_disconnected() {
    let runtime = Runtime::start_with(echo(), &["--handshake-timeout", "0.2"], &[]).await;
    let response = runtime.raw("GET /ws HTTP/1.1\r\nHost: loc").await;
    assert!(response.is_empty() || response.starts_with("HTTP/1.1 408"), "{response}");
}

#[tokio::test]
async fn a_ping_is_answered_between_fragments_too() {
    let runtime = Runtime::start(echo()).await;
    let mut client = runtime.connect("/ws").await;
    let first = Frame::message("ab", OpCode::Data(Data::Text), false);
    client.send_message(Message::Frame(first)).await;
    client.send_message(Message::Ping("p".into())).await;
    assert_eq!(client.next().await, Message::Pong("p".into()));
    let last = Frame::message("c", OpCode::Data(Data::Continue), true);
    client.send_message(Message::Frame(last)).await;
    assert_eq!(client.text().await, "abc");
}

#[tokio::test]
async fn a_frame_sent_together_with_the_handshake_is_not_lost() {
    let runtime = Runtime::start(echo()).await;
    let mut stream = TcpStream::connect(&runtime.address).await.unwrap();
    let mut bytes = handshake("/ws", "Sec-WebSocket-Version: 13\r\n").into_bytes();
    bytes.extend(b"\x81\x82\0\0\0\0hi");
    stream.write_all(&bytes).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\x81\x02hi") {
        answer.push(soon("the echo", stream.read_u8()).await.unwrap());
    }
}

#[tokio::test]
async fn a_removed_listener_closes_with_1001_after_what_is_queued() {
    let mut runtime = Runtime::start(echo()).await;
    let mut client = runtime.connect("/ws").await;
    client.echo("hello").await;
    runtime.redeploy(json!([tab("tab")])).await;
    assert_eq!(u16::from(client.closed().await.unwrap().code), 1001);
}

#[tokio::test]
async fn a_changed_listener_closes_with_1012_and_comes_back() {
    let mut runtime = Runtime::start(echo()).await;
    let mut client = runtime.connect("/ws").await;
    client.echo("hello").await;
    let mut nodes = echo();
    nodes[1]["subprotocol"] = "x".into();
    runtime.redeploy(nodes).await;
    assert_eq!(u16::from(client.closed().await.unwrap().code), 1012);
    runtime.connect("/ws").await.echo("again").await;
}

#[tokio::test]
async fn a_deploy_that_does_not_touch_the_listener_leaves_its_connections() {
    let mut runtime = Runtime::start(echo()).await;
    let mut client = runtime.connect("/ws").await;
    client.echo("before").await;
    let changed = json!([
        tab("tab"),
        listener("l", "/ws"),
        ws_in("in", "l", &["change"]),
        set_payload("change", "changed", "str", &["out"]),
        ws_out("out", "l"),
    ]);
    runtime.redeploy(changed).await;
    client.send("after").await;
    assert_eq!(client.text().await, "changed");
}

#[tokio::test]
async fn a_whole_message_listener_does_not_feed_back_on_itself() {
    let nodes = json!([
        tab("tab"),
        with(listener("l", "/ws"), json!({"wholemsg": "true"})),
        ws_in("in", "l", &["change"]),
        delete_session("change", &["out"]),
        ws_out("out", "l"),
    ]);
    let runtime = Runtime::start(nodes).await;
    let mut client = runtime.connect("/ws").await;
    client.send(r#"{"payload":1}"#).await;
    assert_eq!(client.json().await["payload"], 1);
    client.send(r#"{"payload":2}"#).await;
    assert_eq!(client.json().await["payload"], 2);
}

#[tokio::test]
async fn nodes_without_their_endpoint_log_it_and_stay_idle() {
    let nodes = json!([tab("tab"), ws_in("in", "gone", &["out"]), ws_out("out", "gone")]);
    let runtime = Runtime::start(nodes).await;
    let (log, code) = runtime.terminate().await;
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test]
async fn a_slow_client_is_cut_off_and_the_others_get_everything() {
    let args = ["--max-queue", "200000", "--stall-timeout", "60"];
    let runtime = Runtime::start_with(broadcaster(), &args, &[]).await;
    let mut events = runtime.events().await;
    let mut slow = connect_raw(&runtime, "/ws").await;
    let mut fast = runtime.connect("/ws").await;
    events.status("out", "connected 2").await;
    let text = "x".repeat(50_000);
    // More than any socket buffers: the slow one's queue must overflow.
    for _ in 0..400 {
        fast.echo(&text).await;
    }
    events.status("out", "connected 1").await;
    fast.echo("still here").await;
    let mut rest = Vec::new();
    // It may end with a reset: what matters is that it ends.
    let _ended = soon("the end", slow.read_to_end(&mut rest)).await;
}

#[tokio::test]
async fn on_sigterm_clients_are_closed_with_1001_and_the_exit_code_is_0() {
    let runtime = Runtime::start(echo()).await;
    let mut client = runtime.connect("/ws").await;
    client.echo("hello").await;
    runtime.signal("-TERM");
    assert_eq!(u16::from(client.closed().await.unwrap().code), 1001);
    let mut runtime = runtime;
    let (log, code) = runtime.rest_of_log().await;
    assert_eq!(code, Some(0), "{log}");
}
