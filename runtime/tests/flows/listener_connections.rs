//! The connections of a listener, through the real binary.

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};

use crate::support::{
    Client, Runtime, broadcaster, delete_session, echo, listener, node, set, set_payload, soon,
    tab, with, ws_in, ws_out,
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
    assert!(head(&mut stream).await.starts_with(b"HTTP/1.1 101 "));
    stream
}

/// The head of a response.
async fn head(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon("a response", stream.read_u8()).await.unwrap());
    }
    head
}

/// The code of the server's next close frame, after which the connection must end.
async fn close_code(mut stream: TcpStream) -> u16 {
    let mut rest = Vec::new();
    soon("the end", stream.read_to_end(&mut rest)).await.unwrap();
    assert_eq!(rest[0], 0x88, "expected a close frame: {rest:?}");
    u16::from_be_bytes([rest[2], rest[3]])
}

#[tokio::test]
async fn who_connects_while_the_flows_start_is_served_when_they_have() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let mut nodes = echo();
    let many = (0..2000).map(|at| listener(&format!("other{at}"), &format!("/other/{at}")));
    nodes.as_array_mut().unwrap().splice(0..0, many);
    let mut runtime = Runtime::begin(nodes, &["--listen", &address.to_string()]);

    let first = async {
        loop {
            match TcpStream::connect(address).await {
                Ok(stream) => break stream,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    let mut stream = soon("the port", first).await;
    let request = handshake("/ws", "Sec-WebSocket-Version: 13\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    assert!(head(&mut stream).await.starts_with(b"HTTP/1.1 101 "));
    runtime.log_line("listening on").await;
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
    let prefix = "Sec-WebSocket-Protocol: ";
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
async fn a_plain_get_on_a_listeners_path_gets_426() {
    let runtime = Runtime::start(echo()).await;
    let request = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let response = runtime.raw(request).await;
    assert!(response.starts_with("HTTP/1.1 426 "), "{response}");
    assert!(response.contains("upgrade: websocket\r\n"), "{response}");
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
    // The client fails on an extension that it did not offer: none may be chosen.
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
async fn a_client_that_is_connected_misses_no_broadcast() {
    let runtime = Runtime::start_with(broadcaster(), &["--log", "info"], &[]).await;
    let mut speaker = runtime.connect("/ws").await;
    for number in 0..300 {
        let mut client = connect_raw(&runtime, "/ws").await;
        let text = format!("{number:03}");
        speaker.echo(&text).await;
        let mut frame = [0; 5];
        soon("the broadcast", client.read_exact(&mut frame)).await.unwrap();
        assert_eq!(frame[..2], [0x81, 3]);
        assert_eq!(frame[2..], *text.as_bytes());
    }
}

#[tokio::test]
async fn what_a_status_node_says_of_a_client_reaches_that_client_behind_its_handshake() {
    let mut nodes = echo();
    nodes.as_array_mut().unwrap().extend([
        node("status", "status", json!({"scope": ["in"]}), &["text"]),
        set("text", "payload", "status.text", "msg", &["out"]),
    ]);
    let runtime = Runtime::start(nodes).await;
    let mut clients = Vec::new();
    for count in 1..=30 {
        let mut client = runtime.connect("/ws").await;
        assert_eq!(client.text().await, format!("connected {count}"));
        clients.push(client);
    }
}

#[tokio::test]
async fn clients_that_vanish_during_their_handshake_leave_nothing_behind() {
    let runtime = Runtime::start(echo()).await;
    let request = handshake("/ws", "Sec-WebSocket-Version: 13\r\n");
    for number in 0..60 {
        let mut stream = TcpStream::connect(&runtime.address).await.unwrap();
        // Some send only part of the request.
        let length = if number % 3 == 0 { request.len() / 2 } else { request.len() };
        stream.write_all(&request.as_bytes()[..length]).await.unwrap();
        stream.set_zero_linger().unwrap();
    }
    runtime.connect("/ws").await.echo("hello").await;
    // The listener's stop waits for all registered sessions.
    let (log, code) = runtime.terminate().await;
    assert_eq!(code, Some(0), "{log}");
    let came = log.matches(" connected as session ").count();
    let left = log.matches(" ended: ").count();
    assert!(came > 0 && came == left, "{came} came and {left} left:\n{log}");
}

#[tokio::test]
async fn the_last_status_tells_how_many_are_connected_when_many_come_and_go_at_once() {
    let runtime = Runtime::start(echo()).await;
    let mut events = runtime.events().await;
    let clients = futures_util::future::join_all((0..40).map(|_| runtime.connect("/ws"))).await;
    let mut counts = Vec::new();
    while counts.last() != Some(&40) {
        let text = events.of("status", "in").await["text"].as_str().unwrap().to_owned();
        counts.push(text.trim_start_matches("connected ").parse::<usize>().unwrap());
    }
    assert_eq!(counts, (1..=40).collect::<Vec<_>>());
    let leaving = futures_util::future::join_all(clients.into_iter().map(Client::close));
    soon("the clients' end", leaving).await;
    for count in (1..40).rev() {
        assert_eq!(events.of("status", "in").await["text"], format!("connected {count}"));
    }
    assert_eq!(events.of("status", "in").await["text"], "common.status.disconnected");
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
    // More than any socket buffers, so that the slow client's queue overflows.
    for _ in 0..400 {
        fast.echo(&text).await;
    }
    events.status("out", "connected 1").await;
    fast.echo("still here").await;
    let mut rest = Vec::new();
    // It may end with a reset.
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

#[tokio::test]
async fn a_close_is_answered_with_its_code_and_reason() {
    let runtime = Runtime::start(echo()).await;
    for close in [
        Some(CloseFrame { code: CloseCode::Library(4001), reason: "enough".into() }),
        Some(CloseFrame { code: CloseCode::Normal, reason: "".into() }),
        None,
    ] {
        let mut client = runtime.connect("/ws").await;
        client.send_message(Message::Close(close.clone())).await;
        assert_eq!(client.closed().await, close);
    }
}
