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

pub(crate) async fn start_with(name: &str, env: &[(&str, &str)]) -> Runtime {
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
pub(crate) async fn page(runtime: &Runtime, path: &str) -> String {
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
async fn a_chat_lets_in_whom_its_flow_knows_and_each_into_its_rooms() {
    let runtime = start("rooms-login").await;
    assert!(page(&runtime, "/members").await.contains("<title>Chat with login</title>"));
    let wrong = runtime.url("/ws/members?name=ann&password=pear");
    let refused = tokio_tungstenite::connect_async(wrong).await.unwrap_err();
    assert!(refused.to_string().contains("401"), "{refused}");

    let mut ann = runtime.connect("/ws/members?name=ann&password=apple").await;
    assert_eq!(ann.json().await, json!({"type": "came", "user": "ann"}));
    let mut bob = runtime.connect("/ws/members?name=bob&password=banana").await;
    assert_eq!(bob.json().await["user"], "bob");
    assert_eq!(ann.json().await["user"], "bob");
    let mut eve = runtime.connect("/ws/members?name=eve&password=elder").await;
    for member in [&mut ann, &mut bob, &mut eve] {
        assert_eq!(member.json().await["user"], "eve");
    }

    ann.send(r#"{"enter": "staff"}"#).await;
    assert_eq!(ann.json().await["names"], json!(["ann"]));
    bob.send(r#"{"enter": "staff"}"#).await;
    for member in [&mut ann, &mut bob] {
        let expected = json!({"type": "members", "room": "staff", "names": ["ann", "bob"]});
        assert_eq!(member.json().await, expected);
    }
    eve.send(r#"{"enter": "staff"}"#).await;
    assert_eq!(eve.json().await["text"], "there is no such room for you");
    bob.send(r#"{"say": "hello", "room": "staff"}"#).await;
    let said = json!({"type": "said", "room": "staff", "user": "bob", "text": "hello"});
    assert_eq!(ann.json().await, said);
    assert_eq!(bob.json().await, said);

    eve.send(r#"{"kick": "bob"}"#).await;
    assert_eq!(eve.json().await["type"], "error");
    ann.send(r#"{"kick": "bob"}"#).await;
    let close = bob.closed().await.unwrap();
    assert_eq!((u16::from(close.code), close.reason.as_str()), (4003, "asked to leave by ann"));
    drop(bob.0.close(None).await);
    let left = json!({"type": "left", "user": "bob", "by": "flow"});
    assert_eq!(ann.json().await, left);
    assert_eq!(eve.json().await, left);
}

#[tokio::test]
async fn devices_are_reached_by_their_names_and_who_is_online_is_known() {
    let runtime = start("devices").await;
    assert!(page(&runtime, "/devices").await.contains("new URL(\"ws/devices\", location.href)"));
    let mut board = runtime.connect("/ws/devices").await;
    assert_eq!(board.json().await, json!({"devices": []}));
    let mut device = runtime.connect("/ocpp/CP%201").await;
    let online = json!({"device": "CP 1", "online": true, "ip": "127.0.0.1"});
    assert_eq!(board.json().await, online);

    device.send(r#"[2,"7","BootNotification",{"chargePointModel":"M1"}]"#).await;
    let accepted = device.json().await;
    assert_eq!(
        (&accepted[0], &accepted[1], &accepted[2]["status"]),
        (&json!(3), &json!("7"), &json!("Accepted"))
    );
    assert_eq!(board.json().await["action"], "BootNotification");
    device.send(r#"[2,"8","Dance",{}]"#).await;
    assert_eq!(device.json().await, json!([4, "8", "NotImplemented", "", {}]));
    assert_eq!(board.json().await["action"], "Dance");

    let mut second = runtime.connect("/ws/devices").await;
    assert_eq!(second.json().await, json!({"devices": ["CP 1"]}));
    second.send(r#"{"device": "CP 1", "call": "Reset"}"#).await;
    let call = device.json().await;
    assert_eq!((&call[0], &call[2]), (&json!(2), &json!("Reset")));

    device.close().await;
    let offline = board.json().await;
    assert_eq!(
        (&offline["device"], &offline["online"], &offline["by"]),
        (&json!("CP 1"), &json!(false), &json!("peer"))
    );
}

#[tokio::test]
async fn live_values_go_to_who_watches_their_topic() {
    let runtime = start("live").await;
    assert!(page(&runtime, "/live").await.contains("<title>Live values</title>"));
    let mut client = runtime.connect("/ws/live").await;
    client.send(r#"{"action": "watch", "topics": ["load"]}"#).await;
    for _ in 0..2 {
        let value = client.json().await;
        assert_eq!(value["topic"], "load");
        assert!(value["payload"].is_number(), "{value}");
    }
    let topics: Vec<_> = (0..20).map(|at| format!("topic {at}")).collect();
    client.send(&json!({"action": "watch", "topics": topics}).to_string()).await;
    loop {
        let value = client.json().await;
        if let Some(error) = value["error"].as_str() {
            assert!(error.contains("is in 20 rooms"), "{error}");
            break;
        }
    }
    client.send(r#"{"action": "dance"}"#).await;
    loop {
        let value = client.json().await;
        if value["error"] == "expected the action watch or unwatch" {
            break;
        }
    }
}

#[tokio::test]
async fn market_feed_recovers_what_a_client_has_missed() {
    let runtime = start("market-feed").await;
    assert!(page(&runtime, "/market").await.contains("<title>Market feed</title>"));
    let mut client = runtime.connect("/ws/market?history=").await;
    let epoch = client.json().await["history"]["epoch"].as_str().unwrap().to_owned();
    let first = client.json().await["offset"].as_u64().unwrap();
    client.close().await;
    let mut witness = runtime.connect("/ws/market?history=").await;
    witness.json().await;
    while witness.json().await["offset"].as_u64() < Some(first + 2) {}
    let mut client = runtime.connect(&format!("/ws/market?history={epoch}:{first}")).await;
    assert_eq!(client.json().await["history"]["recovered"], true);
    for offset in first + 1..first + 4 {
        let message = client.json().await;
        let trade: Value = serde_json::from_str(message["data"].as_str().unwrap()).unwrap();
        assert!(message["offset"] == offset && trade["price"].is_number(), "{message}");
    }
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
    assert!(files.len() >= 20);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_ferrowire"))
        .arg("check")
        .args(&files)
        .env("FEED_URL", "ws://127.0.0.1:1/")
        .env("MQTT_URL", "mqtt://127.0.0.1:1")
        .env("DEVICE_HOST", "127.0.0.1")
        .env("DEVICE_PORT", "1")
        .env("LOG_FILE", "/tmp/log")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "no problems\n");
    assert_eq!(output.status.code(), Some(0));
}

#[tokio::test]
async fn support_desk_lets_one_agent_and_many_customers_talk() {
    let runtime = start("support-desk").await;
    for (query, status) in [("", 400), ("?name=+", 400), ("?key=wrong", 403)] {
        let answer = crate::access::shake(&runtime, &format!("/ws/desk{query}"), &[]).await;
        assert_eq!(answer.status, status, "{query}");
    }
    let mut agent = runtime.connect("/ws/desk?key=open%20sesame").await;
    assert_eq!(agent.json().await["customers"], json!([]));
    let second = crate::access::shake(&runtime, "/ws/desk?key=open%20sesame", &[]).await;
    assert_eq!(second.status, 409);

    let mut ann = runtime.connect("/ws/desk?name=Ann").await;
    assert_eq!(agent.json().await["event"], "Ann came");
    let bob = runtime.connect("/ws/desk?name=Bob").await;
    assert_eq!(agent.json().await["event"], "Bob came");
    ann.send(r#"{"text":"help"}"#).await;
    let said = agent.json().await;
    assert_eq!((&said["from"], &said["text"]), (&json!("Ann"), &json!("help")));
    agent.send(&json!({"to": said["id"], "text": "gladly"}).to_string()).await;
    assert_eq!(ann.json().await, json!({"from": "agent", "text": "gladly"}));
    bob.close().await;
    assert_eq!(agent.json().await["event"], "Bob left");
}
