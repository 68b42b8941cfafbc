//! The metrics of the endpoints, as read by a runtime.

#![expect(clippy::unwrap_used, reason = "tests")]

use bytes::Bytes;
use ferrowire::metric::Reading;
use ferrowire::port::ByteStream;
use ferrowire::{Registry, Value};
use ferrowire_plugin_websocket_endpoints as _;
use ferrowire_testkit::{Harness, TestPort, json, message};
use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn read(name: &str, value: &str) -> Reading {
    let registry = Registry::linked().unwrap();
    let mut metrics = registry.metrics().iter();
    let found = metrics.find(|it| {
        let descriptor = it.metric.descriptor();
        (descriptor.name, descriptor.label.1) == (name, value)
    });
    found.unwrap().metric.read()
}

#[tokio::test]
async fn connections_handshakes_and_messages_are_counted() {
    let port = TestPort::new();
    let config = json!({"path": "/ws"});
    let mut node =
        Harness::of("websocket-listener").config(config).port(port.clone()).start().await;
    let refused = port.upgrade(Request::get("/ws").body(()).unwrap()).await.unwrap();
    assert!(refused.is_err());
    let request = Request::get("/ws")
        .header("Upgrade", "websocket")
        .header("Connection", "Upgrade")
        .header("Sec-WebSocket-Version", "13")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .body(())
        .unwrap();
    let take_over = port.upgrade(request).await.unwrap().unwrap_or_else(|_| unreachable!());
    let (mut client, server) = tokio::io::duplex(4096);
    take_over(ByteStream::new(server), Bytes::new());
    // A masked text frame with the payload `a`.
    client.write_all(&[0x81, 0x81, 0, 0, 0, 0, b'a']).await.unwrap();
    let received = node.next_output(0).await;
    assert_eq!(received.payload(), Some(&Value::from("a")));
    node.send(received).await;
    let mut answer = Vec::new();
    while !answer.ends_with(&[0x81, 1, b'a']) {
        client.read_buf(&mut answer).await.unwrap();
    }
    node.send(message(json!({"payload": "b", "_session": {"type": "websocket", "id": "none"}})))
        .await;
    assert_eq!(read("websocket_connections", "server"), Reading::Level(1));
    assert_eq!(read("websocket_handshakes", "accepted"), Reading::Count(1));
    assert_eq!(read("websocket_handshakes", "refused"), Reading::Count(1));
    assert_eq!(read("websocket_messages_received", "server"), Reading::Count(1));
    assert_eq!(read("websocket_messages_sent", "server"), Reading::Count(1));
    assert_eq!(read("websocket_messages_dropped", "gone"), Reading::Count(1));
    drop(client);
    node.stop().await;
    assert_eq!(read("websocket_connections", "server"), Reading::Level(0));
}
