//! What a client does with messages while it is not connected, and what it sends first.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::peer::{Server, client, client_out, start};
use crate::support::{Client, delete_session, listener, node, soon, tab, with, ws_in, ws_out};

/// A flow that sends what comes at `/ws` to the client, then echoes it; failures come back as well.
fn forward(server: &Server, properties: Value) -> Value {
    let message = json!({"func": "return {payload: 'failed: ' + msg.error.message}"});
    json!([
        tab("tab"),
        with(client("c", &server.url("/")), properties),
        listener("l", "/ws"),
        ws_in("in", "l", &["delete", "echo"]),
        delete_session("delete", &["out"]),
        client_out("out", "c"),
        ws_out("echo", "l"),
        node("catch", "catch", json!({"scope": ["out"], "uncaught": false}), &["text"]),
        node("text", "function", message, &["echo"]),
    ])
}

/// Sends messages that are known to be handled when this ends.
async fn send(browser: &mut Client, texts: &[&str]) {
    for text in texts {
        browser.echo(text).await;
    }
}

async fn receives(server: &Server, expected: &[&str]) {
    let mut peer = server.accept().await;
    for text in expected {
        assert_eq!(peer.text().await, *text);
    }
    peer.send(Message::Ping("end".into())).await;
    assert_eq!(peer.next().await, Message::Pong("end".into()), "nothing else came");
}

#[tokio::test]
async fn messages_wait_for_the_connection_and_keep_their_order() {
    let server = Server::start().await;
    let runtime = start(forward(&server, json!({"queue": "10"}))).await;
    let mut browser = runtime.connect("/ws").await;
    let tcp = server.tcp().await;
    send(&mut browser, &["one", "two", "three"]).await;
    drop(tcp);
    receives(&server, &["one", "two", "three"]).await;
}

#[tokio::test]
async fn a_full_queue_drops_the_oldest_by_default_and_says_so_once() {
    let server = Server::start().await;
    let mut runtime = start(forward(&server, json!({"queue": 2}))).await;
    let mut browser = runtime.connect("/ws").await;
    let tcp = server.tcp().await;
    send(&mut browser, &["one", "two", "three", "four"]).await;
    drop(tcp);
    receives(&server, &["three", "four"]).await;
    let line = runtime.log_line("the queue is full; messages are dropped").await;
    assert!(line.contains("WARN"), "{line}");
    let (log, _) = runtime.terminate().await;
    assert!(!log.contains("the queue is full"), "{log}");
}

#[tokio::test]
async fn a_full_queue_drops_the_newest_if_it_shall() {
    let server = Server::start().await;
    let properties = json!({"queue": "2", "queuePolicy": "dropNewest"});
    let runtime = start(forward(&server, properties)).await;
    let mut browser = runtime.connect("/ws").await;
    let tcp = server.tcp().await;
    send(&mut browser, &["one", "two", "three"]).await;
    drop(tcp);
    receives(&server, &["one", "two"]).await;
}

#[tokio::test]
async fn a_message_that_the_queue_has_no_room_for_fails_if_it_shall() {
    let server = Server::start().await;
    let properties = json!({"queue": "1", "queuePolicy": "fail"});
    let runtime = start(forward(&server, properties)).await;
    let mut browser = runtime.connect("/ws").await;
    let tcp = server.tcp().await;
    send(&mut browser, &["one"]).await;
    browser.send("two").await;
    let failed =
        "failed: not connected, and the queue is full with 1 messages; the message was not sent";
    let mut answers = [browser.text().await, browser.text().await];
    answers.sort();
    assert_eq!(answers, [failed, "two"]);
    drop(tcp);
    receives(&server, &["one"]).await;
}

#[tokio::test]
async fn without_a_queue_a_message_may_fail_instead_of_being_dropped() {
    let server = Server::start().await;
    let runtime = start(forward(&server, json!({"queuePolicy": "fail"}))).await;
    let mut browser = runtime.connect("/ws").await;
    let tcp = server.tcp().await;
    browser.send("one").await;
    let mut answers = [browser.text().await, browser.text().await];
    answers.sort();
    assert_eq!(answers, ["failed: not connected; the message was not sent", "one"]);
    drop(tcp);
    receives(&server, &[]).await;
}

#[tokio::test]
async fn the_bytes_that_wait_are_bounded_as_those_of_a_connection() {
    let server = Server::start().await;
    let properties = json!({"queue": "1000", "maxQueue": "10"});
    let runtime = start(forward(&server, properties)).await;
    let mut browser = runtime.connect("/ws").await;
    let tcp = server.tcp().await;
    send(&mut browser, &["12345", "67890", "abcd", "longer than ten bytes"]).await;
    drop(tcp);
    receives(&server, &["67890", "abcd"]).await;
}

#[tokio::test]
async fn more_than_the_connection_takes_at_once_is_sent_from_the_queue_in_order() {
    let server = Server::start().await;
    let runtime = start(forward(&server, json!({"queue": "1000", "open": "first"}))).await;
    let mut browser = runtime.connect("/ws").await;
    let tcp = server.tcp().await;
    // 3.75 MiB, which is less than the queue and more than the buffers of a socket.
    let large: Vec<String> = (0..60).map(|at| format!("{at} {}", "x".repeat(64 * 1024))).collect();
    for text in &large {
        browser.echo(text).await;
    }
    drop(tcp);
    let mut peer = server.accept().await;
    // Comes while those are being sent.
    browser.echo("last").await;
    assert_eq!(peer.text().await, "first");
    for text in &large {
        assert_eq!(peer.text().await, *text);
    }
    assert_eq!(peer.text().await, "last");
}

#[tokio::test]
async fn opening_messages_come_first_after_each_connect() {
    for (open, expected) in [
        (json!("hello"), vec![Message::text("hello")]),
        (
            json!(r#"["a", {"op": "subscribe"}, 1]"#),
            vec![Message::text("a"), Message::text(r#"{"op":"subscribe"}"#), Message::text("1")],
        ),
        (json!(["a", "b"]), vec![Message::text("a"), Message::text("b")]),
        (json!({"login": "me"}), vec![Message::text(r#"{"login":"me"}"#)]),
    ] {
        let server = Server::start().await;
        let properties = json!({"queue": "10", "open": open});
        let runtime = start(forward(&server, properties)).await;
        let mut browser = runtime.connect("/ws").await;
        for _ in 0..2 {
            let tcp = server.tcp().await;
            send(&mut browser, &["waiting"]).await;
            drop(tcp);
            let mut peer = server.accept().await;
            for message in &expected {
                assert_eq!(peer.next().await, *message);
            }
            assert_eq!(peer.text().await, "waiting");
            send(&mut browser, &["now"]).await;
            assert_eq!(peer.text().await, "now");
        }
    }
}

#[tokio::test]
async fn the_type_of_an_opening_message_may_be_given() {
    for (kind, open, expected) in [
        ("str", r#"["a"]"#, Message::text(r#"["a"]"#)),
        ("json", r#"[["1","room","join"]]"#, Message::text(r#"["1","room","join"]"#)),
        ("json", r#"{"a":1}"#, Message::text(r#"{"a":1}"#)),
        ("bin", "[1,2,255]", Message::binary(vec![1u8, 2, 255])),
    ] {
        let server = Server::start().await;
        let _runtime = start(forward(&server, json!({"open": open, "openType": kind}))).await;
        assert_eq!(server.accept().await.next().await, expected, "{kind}");
    }
}

#[tokio::test]
async fn opening_messages_that_are_invalid_are_a_problem_of_the_node() {
    let server = Server::start().await;
    for (properties, problem) in [
        (json!({"open": "[1", "openType": "json"}), "expected JSON: a list of messages, or one"),
        (json!({"open": "[256]", "openType": "bin"}), "expected bytes, numbers from 0 to 255"),
        (json!({"queuePolicy": "latest"}), "expected `dropOldest`, `dropNewest` or `fail`"),
        (json!({"stopCodes": "4000-"}), "invalid code `4000-`"),
        (json!({"hb": "1", "hbTimeout": "2"}), "expected at most the interval of the heartbeat"),
        (json!({"reconnectDelay": "2", "reconnectMax": "1"}), "expected at least `reconnectDelay`"),
        (json!({"auth": "bearer"}), "the token is missing among the credentials"),
    ] {
        let nodes = forward(&server, properties);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("flows.json");
        std::fs::write(&file, nodes.to_string()).unwrap();
        let output = crate::program("check").arg(&file).output().unwrap();
        let text =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(text.contains(problem), "{problem}: {text}");
    }
    soon("nobody", server.nobody()).await;
}
