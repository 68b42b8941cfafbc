//! Deploys during message traffic, through the real binary.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Runtime, listener, node, set_payload, soon, tab, ws_in, ws_out};

/// Echoes each message, and sends it again with a mark from a node that the deploy replaces.
fn flows(mark: &str) -> Vec<Value> {
    let rules = json!([{"t": "change", "p": "payload", "pt": "msg", "from": "m", "fromt": "str",
        "to": mark, "tot": "str"}]);
    vec![
        tab("tab"),
        listener("l", "/ws"),
        ws_in("in", "l", &["marked", "out"]),
        node("marked", "change", json!({"rules": rules}), &["out"]),
        ws_out("out", "l"),
    ]
}

/// A client whose test decides when to answer a close frame.
async fn raw_client(address: &str, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon("a handshake", stream.read_u8()).await.unwrap());
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
    stream
}

#[tokio::test]
async fn messages_that_come_during_a_deploy_are_taken_by_the_new_nodes_in_their_order() {
    let mut before = flows("old ");
    before.extend([
        listener("gone", "/gone"),
        ws_in("gone in", "gone", &["gone set"]),
        set_payload("gone set", "x", "str", &[]),
    ]);
    let mut runtime = Runtime::start(before.into()).await;
    let mut client = runtime.connect("/ws").await;
    client.send("m0").await;
    assert_eq!([client.text().await, client.text().await], ["old 0", "m0"]);
    // The deploy continues when this client has answered the close frame.
    let mut slow = raw_client(&runtime.address, "/gone").await;
    std::fs::write(&runtime.flows, Value::from(flows("new ")).to_string()).unwrap();
    runtime.signal("-HUP");
    assert_eq!(soon("a close", slow.read_u8()).await.unwrap(), 0x88);
    for number in 0..20 {
        client.send(&format!("m{number}")).await;
        // No node adds a mark yet.
        assert_eq!(client.text().await, format!("m{number}"));
    }
    slow.write_all(&[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]).await.unwrap();
    for number in 0..20 {
        assert_eq!(client.text().await, format!("new {number}"));
    }
    runtime.log_line("deployed the flow files again").await;
    client.send("m20").await;
    assert_eq!([client.text().await, client.text().await], ["new 20", "m20"]);
}
