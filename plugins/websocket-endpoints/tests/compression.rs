//! The metrics of compression; in a process of their own, since they count for all connections.

#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use bytes::Bytes;
use ferrowire::Value;
use ferrowire::metric::Reading;
use ferrowire::port::ByteStream;
use ferrowire_plugin_websocket_endpoints as _;
use ferrowire_testkit::{Harness, TestPort, json, message, websocket_handshake};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use support::read;

#[tokio::test]
async fn compressed_messages_are_counted_in_both_forms() {
    let port = TestPort::new();
    let config = json!({"path": "/ws", "compression": "deflate"});
    let mut node =
        Harness::of("websocket-listener").config(config).port(port.clone()).start().await;
    let request = websocket_handshake("/ws")
        .header("Sec-WebSocket-Extensions", "permessage-deflate")
        .body(())
        .unwrap();
    let take_over = port.upgrade(request).await.unwrap().unwrap_or_else(|_| unreachable!());
    let (mut client, server) = tokio::io::duplex(4096);
    take_over(ByteStream::new(server), Bytes::new());
    // `Hello`, the example of RFC 7692 §7.2.3.1, with a mask of zeros.
    let hello = [0xc1, 0x87, 0, 0, 0, 0, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    client.write_all(&hello).await.unwrap();
    let received = node.next_output(0).await;
    assert_eq!(received.payload(), Some(&Value::from("Hello")));
    node.send(message(json!({"payload": "x".repeat(1000)}))).await;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(client.read_u8().await.unwrap());
    }
    assert_eq!(client.read_u8().await.unwrap(), 0xc1);
    let length = client.read_u8().await.unwrap();
    let (sent, received) = ("websocket_compression_sent", "websocket_compression_received");
    assert_eq!(read(received, "compressed"), Reading::Count(7));
    assert_eq!(read(received, "plain"), Reading::Count(5));
    assert_eq!(read(sent, "plain"), Reading::Count(1000));
    assert_eq!(read(sent, "compressed"), Reading::Count(length.into()));
    node.stop().await;
}
