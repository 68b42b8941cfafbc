//! MQTT nodes through the real binary, with a broker that sends back what it gets.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::support::{Runtime, listener, node, soon, tab, ws_in, ws_out};

/// The next packet: its first byte and its body, which is short.
async fn packet(tcp: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let first = tcp.read_u8().await.ok()?;
    let size = tcp.read_u8().await.ok()?;
    assert!(size < 128, "expected a short packet");
    let mut body = vec![0; usize::from(size)];
    tcp.read_exact(&mut body).await.ok()?;
    Some((first, body))
}

/// Accepts everything of one client, and sends each of its messages back, with QoS 1. Returns whether the
/// client has told the end of the connection.
async fn serve(mut tcp: TcpStream) -> bool {
    while let Some((first, body)) = packet(&mut tcp).await {
        let id = body.get(..2).unwrap_or_default();
        let answer = match first >> 4 {
            1 => vec![0x20, 2, 0, 0],
            3 => {
                let at = 2 + usize::from(body[1]);
                let mut both = vec![0x40, 2, body[at], body[at + 1], 0x32, body.len() as u8];
                both.extend(&body);
                both
            }
            8 => vec![0x90, 3, id[0], id[1], 1],
            10 => vec![0xb0, 2, id[0], id[1]],
            12 => vec![0xd0, 0],
            14 => return true,
            _ => continue,
        };
        tcp.write_all(&answer).await.unwrap();
    }
    false
}

/// A flow that sends what arrives at `/ws` through the broker, under a topic, and back.
fn round_trip(port: u16, topic: &str) -> Value {
    json!([
        tab("tab"),
        listener("l", "/ws"),
        ws_in("in", "l", &["publish"]),
        node("publish", "mqtt out", json!({"topic": topic, "qos": "1", "broker": "b"}), &[]),
        {"id": "b", "type": "mqtt-broker", "broker": "127.0.0.1", "port": port},
        node("receive", "mqtt in", json!({"topic": topic, "qos": "1", "broker": "b",
            "datatype": "utf8", "inputs": 0}), &["out"]),
        ws_out("out", "l"),
    ])
}

#[tokio::test]
async fn messages_go_through_a_broker_which_is_told_the_end() {
    let broker = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = broker.local_addr().unwrap().port();
    let mut runtime = Runtime::start(round_trip(port, "t")).await;
    let (tcp, _) = soon("the client", broker.accept()).await.unwrap();
    let mut serving = JoinSet::new();
    serving.spawn(serve(tcp));
    runtime.log_line("Connected to broker: mqtt://127.0.0.1").await;
    let mut client = runtime.connect("/ws").await;
    for text in ["one", "two"] {
        client.send(text).await;
        assert_eq!(client.text().await, text);
    }
    // Other users of the broker have no effect on its connection.
    runtime.redeploy(round_trip(port, "u")).await;
    client.send("three").await;
    assert_eq!(client.text().await, "three");
    client.close().await;
    let (log, code) = runtime.terminate().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(
        soon("the end of the connection", serving.join_next()).await.unwrap().unwrap(),
        "{log}"
    );
}
