//! The metrics of the endpoints, as read by a runtime.

#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::collections::BTreeMap;

use bytes::Bytes;
use ferrowire::Registry;
use ferrowire::Value;
use ferrowire::metric::Reading;
use ferrowire::port::ByteStream;
use ferrowire_plugin_websocket_endpoints as _;
use ferrowire_testkit::{Harness, TestPort, json, message, websocket_handshake};
use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Mutex;

use support::read;

/// The metrics are those of the process: one test at a time.
static ALONE: Mutex<()> = Mutex::const_new(());

/// All counters, by name and label.
fn counts() -> BTreeMap<(&'static str, &'static str), u64> {
    let registry = Registry::linked().unwrap();
    let counters = registry.metrics().iter().filter_map(|it| match it.metric.read() {
        Reading::Count(count) => {
            let descriptor = it.metric.descriptor();
            Some(((descriptor.name, descriptor.label.1), count))
        }
        _ => None,
    });
    counters.collect()
}

#[tokio::test]
async fn connections_handshakes_and_messages_are_counted() {
    let _alone = ALONE.lock().await;
    let before = counts();
    let since = |name, label| counts()[&(name, label)] - before[&(name, label)];
    let port = TestPort::new();
    let config = json!({"path": "/ws"});
    let mut node =
        Harness::of("websocket-listener").config(config).port(port.clone()).start().await;
    let refused = port.upgrade(Request::get("/ws").body(()).unwrap()).await.unwrap();
    assert!(refused.is_err());
    let request = websocket_handshake("/ws").body(()).unwrap();
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
    assert_eq!(since("websocket_handshakes", "accepted"), 1);
    assert_eq!(since("websocket_handshakes", "refused"), 1);
    assert_eq!(since("websocket_messages_received", "server"), 1);
    assert_eq!(since("websocket_messages_sent", "server"), 1);
    assert_eq!(since("websocket_messages_dropped", "gone"), 1);
    drop(client);
    node.stop().await;
    assert_eq!(read("websocket_connections", "server"), Reading::Level(0));
}

#[tokio::test]
async fn refusals_are_counted_by_their_reason() {
    let _alone = ALONE.lock().await;
    let before = counts();
    let since = |name, label| counts()[&(name, label)] - before[&(name, label)];
    let port = TestPort::new();
    let config = json!({
        "path": "/ws", "origins": "https://example.org", "auth": "token",
        "credentials": {"authTokens": "right"}
    });
    let node = Harness::of("websocket-listener").config(config).port(port.clone()).start().await;
    for (name, value, reason, status) in [
        ("Origin", "https://other.test", "origin", 403),
        ("Authorization", "Bearer wrong", "unauthorized", 401),
    ] {
        let request = Request::get("/ws").header(name, value).body(()).unwrap();
        let refused = port.upgrade(request).await.unwrap().err().unwrap();
        assert_eq!(refused.status().as_u16(), status);
        assert_eq!(since("websocket_handshakes_refused", reason), 1);
    }
    assert_eq!(since("websocket_handshakes", "refused"), 2);
    node.stop().await;
}

#[tokio::test]
async fn what_the_queue_of_a_client_drops_is_counted() {
    let _alone = ALONE.lock().await;
    let before = counts();
    let since = |name, label| counts()[&(name, label)] - before[&(name, label)];
    let config = json!({"path": "ws://127.0.0.1:1/", "queue": "1"});
    let mut node = Harness::of("websocket-client").config(config).start().await;
    for _ in 0..3 {
        node.send(message(json!({"payload": "a"}))).await;
    }
    assert_eq!(since("websocket_messages_dropped", "queue"), 2);
    node.stop().await;
}
