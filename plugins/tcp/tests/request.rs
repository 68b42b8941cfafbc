//! All modes of `tcp request`, over real sockets.

mod support;

use ferrowire_testkit::{json, message};
use tokio::io::AsyncWriteExt;

use support::{free_port, json_of, listener, read, read_all, soon, start};

#[tokio::test]
async fn a_response_ends_after_a_time_a_count_or_a_character() {
    for (out, splitc, expected) in [
        ("time", "200", "abcd"),
        ("count", "3", "abc"),
        ("char", "b", "ab"),
        ("char", "0x63", "abc"),
    ] {
        let (server, port) = listener().await;
        let config = json!({"server": "127.0.0.1", "port": port, "out": out, "splitc": splitc,
            "ret": "string"});
        let mut node = start("tcp request", config).await;
        for _ in 0..2 {
            node.send(message(json!({"payload": 12, "topic": "t"}))).await;
            let (mut peer, _) = soon("a connection", server.accept()).await.unwrap();
            assert_eq!(read(&mut peer, 2).await, b"12");
            peer.write_all(b"ab").await.unwrap();
            peer.write_all(b"cd").await.unwrap();
            let msg = json_of(&node.next_output(0).await);
            assert_eq!((&msg["payload"], &msg["topic"]), (&json!(expected), &json!("t")), "{out}");
            assert_eq!(json_of(&node.next_completed().await)["payload"], "12");
            read_all(&mut peer).await;
        }
        node.stop().await;
    }
}

#[tokio::test]
async fn without_a_response_the_connection_ends_at_once() {
    let (server, port) = listener().await;
    let config = json!({"server": "127.0.0.1", "port": port, "out": "time", "splitc": "-1"});
    let mut node = start("tcp request", config).await;
    node.send(message(json!({"payload": "x"}))).await;
    let (mut peer, _) = soon("a connection", server.accept()).await.unwrap();
    assert_eq!(read_all(&mut peer).await, b"x");
    node.next_completed().await;
    node.stop().await;
}

#[tokio::test]
async fn a_connection_that_stays_sends_all_that_arrives() {
    let (server, port) = listener().await;
    let config = json!({"server": "127.0.0.1", "port": port, "out": "sit", "ret": "string",
        "newline": "\\n", "trim": true});
    let mut node = start("tcp request", config).await;
    for text in ["a", "b"] {
        node.send(message(json!({"payload": text}))).await;
    }
    let (mut peer, _) = soon("a connection", server.accept()).await.unwrap();
    assert_eq!(read(&mut peer, 2).await, b"ab");
    peer.write_all(b"one\ntwo\n").await.unwrap();
    for text in ["one\n", "two\n"] {
        assert_eq!(json_of(&node.next_output(0).await)["payload"], text);
    }
    node.send(message(json!({"reset": true}))).await;
    assert_eq!(read_all(&mut peer).await, b"");
    node.send(message(json!({"payload": "again"}))).await;
    let (mut peer, _) = soon("a connection", server.accept()).await.unwrap();
    assert_eq!(read(&mut peer, 5).await, b"again");
    drop(peer);
    while node.next_status().await.text != "common.status.disconnected" {}
    node.send(message(json!({"payload": "more"}))).await;
    soon("a connection", server.accept()).await.unwrap();
    node.stop().await;
}

#[tokio::test]
async fn the_target_may_come_with_the_message() {
    let (server, port) = listener().await;
    let mut node = start("tcp request", json!({"out": "count", "splitc": 1})).await;
    node.send(message(json!({"payload": "x"}))).await;
    let logs = node.logs();
    assert!(logs.iter().any(|(_, text)| text == "Host and/or port not set"), "{logs:?}");
    node.send(message(json!({"payload": "x", "host": "127.0.0.1", "port": port}))).await;
    let (mut peer, _) = soon("a connection", server.accept()).await.unwrap();
    peer.write_all(b"y").await.unwrap();
    let msg = json_of(&node.next_output(0).await);
    assert_eq!(msg["payload"], json!({"type": "Buffer", "data": [121]}));
    node.stop().await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error() {
    let port = free_port();
    let config = json!({"server": "127.0.0.1", "port": port, "out": "count", "splitc": "1"});
    let mut node = start("tcp request", config).await;
    node.send(message(json!({"payload": "x"}))).await;
    assert_eq!(node.next_error().await, format!("connect failed 127.0.0.1:{port}"));
    assert_eq!(json_of(&node.next_caught().await)["payload"], "x");
    while node.next_status().await.text != "common.status.error" {}
    node.stop().await;
}

#[tokio::test]
async fn a_response_that_does_not_come_ends_with_the_connection() {
    let (server, port) = listener().await;
    let config = json!({"server": "127.0.0.1", "port": port, "out": "count", "splitc": "5"});
    let mut node = start("tcp request", config).await;
    node.send(message(json!({"payload": "x"}))).await;
    let (mut peer, _) = soon("a connection", server.accept()).await.unwrap();
    peer.write_all(b"abc").await.unwrap();
    peer.shutdown().await.unwrap();
    while node.next_status().await.text != "common.status.disconnected" {}
    assert!(node.outputs(0).is_empty());
    node.stop().await;
}
