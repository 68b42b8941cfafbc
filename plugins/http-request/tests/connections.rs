//! The connections of `http request`: reuse, and the limit of concurrent requests.

mod support;

use ferrowire_testkit::{json, message};
use futures_util::FutureExt;
use support::{Server, payload, request, soon};

/// The limit of concurrent requests of a node.
const MOST: usize = 256;

#[tokio::test]
async fn a_kept_connection_is_used_again() {
    let server = Server::start().await;
    let config = json!({"url": server.url, "persist": true});
    let mut node = request(config).start().await;
    node.send(message(json!({}))).await;
    let mut peer = server.accept().await;
    for turn in ["first", "second", "third"] {
        let got = peer.request().await;
        assert_eq!(got.header("connection"), None, "{got:?}");
        peer.answer(turn).await;
        assert_eq!(payload(&mut node).await, turn);
        server.nobody();
        if turn != "third" {
            node.send(message(json!({}))).await;
        }
    }
    // The connection does not outlive the node.
    node.stop().await;
    peer.closed().await;
}

#[tokio::test]
async fn without_keep_alive_each_request_has_a_connection_of_its_own() {
    let server = Server::start().await;
    let mut node = request(json!({"url": server.url})).start().await;
    for turn in ["first", "second"] {
        node.send(message(json!({}))).await;
        let mut peer = server.accept().await;
        let got = peer.request().await;
        assert_eq!(got.header("connection"), Some("close"), "{got:?}");
        // The server would answer further requests.
        peer.answer(turn).await;
        assert_eq!(payload(&mut node).await, turn);
        peer.closed().await;
    }
    node.stop().await;
}

#[tokio::test]
async fn a_connection_that_the_server_closes_while_it_is_idle_is_replaced() {
    let server = Server::start().await;
    let config = json!({"method": "POST", "url": server.url, "persist": true});
    let mut node = request(config).start().await;
    for turn in ["first", "second", "third"] {
        node.send(message(json!({"payload": turn}))).await;
        let mut peer = server.accept().await;
        assert_eq!(peer.request().await.body, turn);
        peer.answer(turn).await;
        assert_eq!(payload(&mut node).await, turn);
        peer.end().await;
    }
    assert_eq!(node.errors(), [""; 0]);
    node.stop().await;
}

#[tokio::test]
async fn a_server_that_ends_a_kept_connection_with_its_answer_is_believed() {
    let server = Server::start().await;
    let mut node = request(json!({"url": server.url, "persist": true})).start().await;
    for turn in ["first", "second"] {
        node.send(message(json!({}))).await;
        let mut peer = server.accept().await;
        peer.request().await;
        let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length";
        peer.write(&format!("{head}: {}\r\n\r\n{turn}", turn.len())).await;
        assert_eq!(payload(&mut node).await, turn);
        peer.closed().await;
    }
    node.stop().await;
}

#[tokio::test]
async fn a_request_that_meets_the_end_of_a_kept_connection_is_sent_again_if_that_is_harmless() {
    for (method, again) in [("GET", true), ("PUT", true), ("POST", false)] {
        let server = Server::start().await;
        let config = json!({"method": method, "url": server.url, "persist": true});
        let mut node = request(config).start().await;
        node.send(message(json!({"payload": "x"}))).await;
        let mut peer = server.accept().await;
        peer.request().await;
        peer.answer("good").await;
        assert_eq!(payload(&mut node).await, "good");
        node.send(message(json!({"payload": "x"}))).await;
        peer.request().await;
        drop(peer);
        if again {
            server.one("better").await;
            assert_eq!(payload(&mut node).await, "better", "{method}");
        } else {
            // The server may have processed the request.
            assert_eq!(support::text(&node.next_output(0).await, "statusCode"), "ECONNRESET");
            node.send(message(json!({"payload": "x"}))).await;
            server.one("later").await;
            assert_eq!(payload(&mut node).await, "later", "{method}");
        }
        node.stop().await;
    }
}

#[tokio::test]
async fn a_new_connection_that_ends_without_an_answer_is_not_tried_again() {
    let server = Server::start().await;
    let mut node = request(json!({"url": server.url, "persist": true})).start().await;
    node.send(message(json!({}))).await;
    let mut peer = server.accept().await;
    peer.request().await;
    drop(peer);
    assert_eq!(support::text(&node.next_output(0).await, "statusCode"), "ECONNRESET");
    server.nobody();
    node.stop().await;
}

#[tokio::test]
async fn messages_of_one_node_are_asked_for_at_once_and_leave_as_their_answers_come() {
    for persist in [false, true] {
        let server = Server::start().await;
        let config = json!({"method": "POST", "url": server.url, "persist": persist});
        let mut node = request(config).start().await;
        let mut peers = Vec::new();
        // None of them is answered before the last one has arrived.
        for turn in 0..100 {
            node.send(message(json!({"payload": turn, "turn": turn}))).await;
        }
        for _ in 0..100 {
            let mut peer = server.accept().await;
            let asked = peer.request().await.body;
            peers.push((asked.parse::<usize>().unwrap(), peer));
        }
        peers.sort_by_key(|(turn, _)| *turn);
        for (turn, mut peer) in peers.into_iter().rev() {
            peer.answer(&format!("answer {turn}")).await;
            let msg = node.next_output(0).await;
            assert_eq!(msg.get("turn").unwrap().as_f64(), Some(turn as f64));
            assert_eq!(support::text(&msg, "payload"), format!("answer {turn}"));
        }
        node.stop().await;
    }
}

#[tokio::test]
async fn no_more_than_256_requests_are_under_way_and_whoever_sends_more_waits() {
    let server = Server::start().await;
    let mut node = request(json!({"url": server.url})).start().await;
    let mut peers = Vec::new();
    for _ in 0..MOST {
        node.send(message(json!({}))).await;
        let mut peer = server.accept().await;
        peer.request().await;
        peers.push(peer);
    }
    let mut late = Box::pin(node.send(message(json!({"late": true}))));
    assert!((&mut late).now_or_never().is_none(), "a 257th message was accepted");
    server.nobody();
    peers[0].answer("makes room").await;
    soon("room", late).await;
    server.accept().await.request().await;
    assert_eq!(payload(&mut node).await, "makes room");
    node.stop().await;
}
