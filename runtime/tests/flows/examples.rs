//! The example flows do what their tutorials show.

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

#[test]
fn all_examples_are_without_problems_together() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().join("flows.json"))
        // The crates among them bring types that this program doesn't hold.
        .filter(|file| file.exists() && !file.with_file_name("Cargo.toml").exists())
        .collect();
    files.sort();
    assert!(files.len() >= 7);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_ferrowire"))
        .arg("check")
        .args(&files)
        .env("FEED_URL", "ws://127.0.0.1:1/")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "no problems\n");
    assert_eq!(output.status.code(), Some(0));
}
