//! A listener that stops while a client connects, over real sockets.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use bytes::Bytes;
use ferrowire::port::{ByteStream, TakeOver};
use ferrowire_plugin_websocket_endpoints as _;
use ferrowire_testkit::{Harness, TestPort, websocket_handshake};
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};

/// Longer than any step of these tests.
const PATIENCE: Duration = Duration::from_secs(20);

async fn listener() -> (Harness, TestPort) {
    let port = TestPort::new();
    let harness = Harness::of("websocket-listener")
        .config(json!({"path": "/ws"}))
        .port(port.clone())
        .start()
        .await;
    (harness, port)
}

/// Accepts a handshake without completing it.
async fn agree(port: &TestPort) -> TakeOver {
    let request = websocket_handshake("/ws").body(()).unwrap();
    let decision = port.upgrade(request).await.unwrap();
    decision.unwrap_or_else(|_| panic!("the handshake was refused"))
}

async fn sockets() -> (ByteStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    (ByteStream::new(listener.accept().await.unwrap().0), client)
}

#[tokio::test]
async fn who_comes_while_a_listener_stops_is_let_go_without_an_answer() {
    let (harness, port) = listener().await;
    let (first, late) = (agree(&port).await, agree(&port).await);
    let (stream, client) = sockets().await;
    first(stream, Bytes::new());
    let mut stop = std::pin::pin!(harness.stop());
    assert!(futures_util::poll!(stop.as_mut()).is_pending(), "it waits for the first client");
    let (stream, mut late_client) = sockets().await;
    late(stream, Bytes::new());
    let mut answer = Vec::new();
    let end = late_client.read_to_end(&mut answer);
    tokio::time::timeout(PATIENCE, end).await.unwrap().unwrap();
    assert_eq!(answer, b"");
    drop(client);
    stop.await;
}

#[tokio::test]
async fn a_stop_closes_who_has_come_but_has_not_been_answered() {
    let (harness, port) = listener().await;
    let take_over = agree(&port).await;
    let (stream, mut client) = sockets().await;
    // Nothing runs between this and the stop, which finds the client with the handshake response
    // unsent.
    take_over(stream, Bytes::new());
    let (_, answer) = tokio::join!(harness.stop(), async {
        let mut answer = Vec::new();
        client.read_buf(&mut answer).await.unwrap();
        while !answer.ends_with(b"\x03\xe9going away") {
            assert_ne!(client.read_buf(&mut answer).await.unwrap(), 0, "{answer:?}");
        }
        drop(client);
        answer
    });
    assert!(answer.starts_with(b"HTTP/1.1 101 Switching Protocols\r\n"), "{answer:?}");
}
