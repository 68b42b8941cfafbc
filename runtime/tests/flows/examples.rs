//! The example flows behave as described in their tutorials.

use std::path::Path;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Runtime, soon};

async fn start(name: &str) -> Runtime {
    start_with(name, &[]).await
}

async fn start_with(name: &str, env: &[(&str, &str)]) -> Runtime {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(name);
    let flows = std::fs::read(folder.join("flows.json")).unwrap();
    Runtime::start_with(serde_json::from_slice(&flows).unwrap(), &[], env).await
}

/// The message of the next debug event of any node.
async fn debugged(events: &mut crate::support::Events) -> Value {
    events.next("debug output", |event| event["topic"] == "debug").await["data"].clone()
}

#[tokio::test]
async fn echo_answers_text_and_binary() {
    let runtime = start("echo").await;
    let mut client = runtime.connect("/ws/echo").await;
    client.echo("hello").await;
    client.send_message(Message::binary(vec![0u8, 255])).await;
    assert_eq!(client.next().await, Message::binary(vec![0u8, 255]));
}

#[tokio::test]
async fn debug_shows_text_json_and_whole_messages() {
    let runtime = start("debug").await;
    let mut events = runtime.events().await;
    let mut client = runtime.connect("/ws/debug").await;
    client.send("hello").await;
    assert_eq!(debugged(&mut events).await["msg"], "hello");
    let mut whole = runtime.connect("/ws/debug/whole").await;
    whole.send(r#"{"topic":"t","payload":{"a":1}}"#).await;
    let msg = debugged(&mut events).await["msg"].clone();
    assert_eq!((&msg["topic"], &msg["payload"]), (&json!("t"), &json!({"a": 1})));
}

#[tokio::test]
async fn broadcast_sends_to_all_at_the_start_and_again() {
    let runtime = start("broadcast").await;
    let (mut a, mut b) =
        (runtime.connect("/ws/broadcast").await, runtime.connect("/ws/broadcast").await);
    let (first, second) = (a.text().await, b.text().await);
    assert!(!first.is_empty() && !second.is_empty());
}

#[tokio::test]
async fn reply_answers_one_and_broadcasts_to_all() {
    let runtime = start("reply").await;
    let mut events = runtime.events().await;
    let (mut a, mut b) = (runtime.connect("/ws/reply").await, runtime.connect("/ws/reply").await);
    events
        .next("two connections", |e| e["topic"] == "status" && e["data"]["text"] == "connected 2")
        .await;
    a.send("hello").await;
    let (one, two) = (a.text().await, a.text().await);
    let broadcast = b.text().await;
    assert!(one == broadcast || two == broadcast, "{one} {two} {broadcast}");
    assert_ne!(one, two);
}

#[tokio::test]
async fn client_talks_to_the_server_that_the_environment_names() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let runtime = start_with("client", &[("FEED_URL", &url)]).await;
    let mut events = runtime.events().await;
    let (tcp, _) = soon("a connection", listener.accept()).await.unwrap();
    let mut peer = soon("a handshake", accept_async(tcp)).await.unwrap();
    peer.send(Message::text("from the feed")).await.unwrap();
    let shown = debugged(&mut events).await;
    assert!(shown.to_string().contains("from the feed"), "{shown}");
    let sent = soon("a message", peer.next()).await.unwrap().unwrap();
    assert!(sent.is_text(), "{sent:?}");
}

#[tokio::test]
async fn chat_brings_what_one_says_to_both() {
    let runtime = start("chat").await;
    let mut events = runtime.events().await;
    let (mut a, mut b) = (runtime.connect("/ws/chat").await, runtime.connect("/ws/chat").await);
    events
        .next("two connections", |e| e["topic"] == "status" && e["data"]["text"] == "connected 2")
        .await;
    a.send("hi, b").await;
    assert_eq!((a.text().await, b.text().await), ("hi, b".to_owned(), "hi, b".to_owned()));
    b.send("hi, a").await;
    assert_eq!((a.text().await, b.text().await), ("hi, a".to_owned(), "hi, a".to_owned()));
}

#[tokio::test]
async fn whole_message_answers_with_all_properties() {
    let runtime = start("whole-message").await;
    let mut client = runtime.connect("/ws/whole").await;
    client.send(r#"{"topic":"t","payload":[1]}"#).await;
    let msg = client.json().await;
    assert_eq!((&msg["topic"], &msg["payload"]), (&json!("t"), &json!([1])));
    assert!(msg["_msgid"].is_string());
}

/// The page at a path, as loaded by a browser.
async fn page(runtime: &Runtime, path: &str) -> String {
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let response = runtime.raw(&head).await;
    let (head, body) = response.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{response}");
    body.to_owned()
}

#[tokio::test]
async fn chat_rooms_keep_what_is_said_within_each_room() {
    let runtime = start("chat-rooms").await;
    let html = page(&runtime, "/rooms").await;
    assert!(html.contains("new URL(\"ws/rooms\", location.href)"), "{html}");
    let join = |name: &str, room: &str| json!({"type": "join", "name": name, "room": room});
    let mut ann = runtime.connect("/ws/rooms").await;
    ann.send(&join("Ann", "red").to_string()).await;
    assert_eq!(ann.json().await, json!({"type": "welcome", "room": "red", "history": []}));
    assert_eq!(ann.json().await, json!({"type": "members", "names": ["Ann"]}));
    ann.send(r#"{"type":"say","text":" first "}"#).await;
    let said = ann.json().await;
    assert_eq!((&said["name"], &said["text"]), (&json!("Ann"), &json!("first")));

    let mut bob = runtime.connect("/ws/rooms").await;
    bob.send(&join("Bob", "red").to_string()).await;
    assert_eq!(bob.json().await["history"], json!([said]));
    assert_eq!(bob.json().await["names"], json!(["Ann", "Bob"]));
    assert_eq!(ann.json().await, json!({"type": "joined", "text": "Bob joined"}));
    assert_eq!(ann.json().await["names"], json!(["Ann", "Bob"]));

    let mut eve = runtime.connect("/ws/rooms").await;
    eve.send(&join("Eve", "blue").to_string()).await;
    assert_eq!(eve.json().await["history"], json!([]));
    assert_eq!(eve.json().await["names"], json!(["Eve"]));
    eve.send(r#"{"type":"say","text":"anybody?"}"#).await;
    assert_eq!(eve.json().await["text"], "anybody?");
    eve.send("{").await;
    assert_eq!(eve.json().await, json!({"type": "error", "text": "invalid JSON"}));

    bob.close().await;
    assert_eq!(ann.json().await, json!({"type": "left", "text": "Bob left"}));
    assert_eq!(ann.json().await["names"], json!(["Ann"]));
}

#[tokio::test]
async fn dashboard_shows_what_is_measured() {
    let runtime = start("dashboard").await;
    assert!(page(&runtime, "/dashboard").await.contains("<title>Dashboard</title>"));
    let mut client = runtime.connect("/ws/dashboard").await;
    let reading = client.json().await;
    for name in ["temperature", "load", "pressure", "at"] {
        assert!(reading[name].is_f64() || reading[name].is_u64(), "{reading}");
    }
    let recent: Value = serde_json::from_str(&page(&runtime, "/dashboard/recent").await).unwrap();
    assert!(recent.as_array().unwrap().contains(&reading), "{recent}");
}

#[tokio::test]
async fn json_rpc_answers_over_the_socket_and_over_http() {
    let runtime = start("json-rpc").await;
    let mut client = runtime.connect("/ws/rpc").await;
    for (request, answer) in [
        (
            r#"{"jsonrpc":"2.0","method":"subtract","params":[42,23],"id":1}"#,
            json!({"jsonrpc": "2.0", "result": 19, "id": 1}),
        ),
        (
            r#"{"jsonrpc":"2.0","method":"subtract","params":{"b":23,"a":42},"id":"x"}"#,
            json!({"jsonrpc": "2.0", "result": 19, "id": "x"}),
        ),
        (
            r#"{"jsonrpc":"2.0","method":"foobar","id":2}"#,
            json!({"jsonrpc": "2.0", "error": {"code": -32601, "message": "Method not found"}, "id": 2}),
        ),
        (
            r#"{"jsonrpc": "2.0", "method""#,
            json!({"jsonrpc": "2.0", "error": {"code": -32700, "message": "Parse error"}, "id": null}),
        ),
        (
            "[]",
            json!({"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null}),
        ),
        (
            r#"[{"jsonrpc":"2.0","method":"add","params":[1,2],"id":3},{"jsonrpc":"2.0","method":"echo"},1]"#,
            json!([
                {"jsonrpc": "2.0", "result": 3, "id": 3},
                {"jsonrpc": "2.0", "error": {"code": -32600, "message": "Invalid Request"}, "id": null},
            ]),
        ),
    ] {
        // A notification has no response, so the next response is for the request.
        client.send(r#"{"jsonrpc":"2.0","method":"echo","params":[1]}"#).await;
        client.send(request).await;
        assert_eq!(client.json().await, answer, "{request}");
    }
    let call = r#"{"jsonrpc":"2.0","method":"add","params":[1,2],"id":1}"#;
    let answer = runtime.post_json("/rpc", call).await;
    assert!(answer.ends_with(r#"{"jsonrpc":"2.0","result":3,"id":1}"#), "{answer}");
    let notification = r#"{"jsonrpc":"2.0","method":"add","params":[1,2]}"#;
    let notified = runtime.post_json("/rpc", notification).await;
    assert!(notified.starts_with("HTTP/1.1 204 "), "{notified}");
}

#[tokio::test]
async fn feed_proxy_sends_clients_what_they_want() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let runtime = start_with("feed-proxy", &[("FEED_URL", &url)]).await;
    let (tcp, _) = soon("a connection", listener.accept()).await.unwrap();
    let mut feed = soon("a handshake", accept_async(tcp)).await.unwrap();
    assert!(page(&runtime, "/feed").await.contains("<title>Feed</title>"));
    let (mut a, mut b) = (runtime.connect("/ws/feed").await, runtime.connect("/ws/feed").await);
    a.send(r#"{"subscribe":["X"]}"#).await;
    assert_eq!(a.json().await, json!({"subscribed": ["X"]}));
    b.send(r#"{"subscribe":["*"]}"#).await;
    assert_eq!(b.json().await, json!({"subscribed": ["*"]}));
    for symbol in ["Y", "X"] {
        let quote = json!({"symbol": symbol, "price": 1});
        feed.send(Message::text(quote.to_string())).await.unwrap();
    }
    assert_eq!(b.json().await["symbol"], "Y");
    assert_eq!(b.json().await["symbol"], "X");
    assert_eq!(a.json().await["symbol"], "X");
    a.send(r#"{"subscribe":"X"}"#).await;
    assert!(a.json().await["error"].is_string());
}

#[test]
fn all_examples_are_without_problems_together() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("flows.json"))
        // Examples with crates use types that this program lacks.
        .filter(|file| file.exists() && !file.with_file_name("Cargo.toml").exists())
        .collect();
    files.sort();
    assert!(files.len() >= 11);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_ferrowire"))
        .arg("check")
        .args(&files)
        .env("FEED_URL", "ws://127.0.0.1:1/")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "no problems\n");
    assert_eq!(output.status.code(), Some(0));
}
