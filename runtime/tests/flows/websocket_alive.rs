//! Heartbeats, time limits and rates of a listener's clients, through the real binary.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Client, Runtime, listener, soon, tab, with, ws_in, ws_out};

/// An echo at `/ws`, with further properties of the listener.
async fn echo(properties: Value) -> Runtime {
    let nodes = json!([
        tab("tab"),
        with(listener("l", "/ws"), properties),
        ws_in("in", "l", &["out"]),
        ws_out("out", "l"),
    ]);
    Runtime::start(nodes).await
}

/// A client that reads frames and answers none.
async fn silent(runtime: &Runtime) -> TcpStream {
    let mut stream = TcpStream::connect(&runtime.address).await.unwrap();
    let request = "GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(soon("a response", stream.read_u8()).await.unwrap());
    }
    stream
}

async fn close_code(client: &mut Client) -> u16 {
    client.closed().await.unwrap().code.into()
}

#[tokio::test]
async fn who_does_not_answer_a_ping_is_closed_with_3008_and_who_does_stays() {
    let mut runtime = echo(json!({"heartbeat": "0.2", "heartbeatTimeout": "0.2"})).await;
    let mut answering = runtime.connect("/ws").await;
    let mut stream = silent(&runtime).await;
    let read = async {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        rest
    };
    let mut read = std::pin::pin!(read);
    let rest = loop {
        answering.send("still here").await;
        tokio::select! {
            rest = &mut read => break rest,
            message = answering.next() => {
                assert!(matches!(message, Message::Text(_) | Message::Ping(_)), "{message:?}");
            }
        }
    };
    assert_eq!(rest[..2], [0x89, 0], "a ping comes first: {rest:?}");
    let close = rest.iter().position(|byte| *byte == 0x88).unwrap();
    assert_eq!(rest[close + 2..close + 4], 3008_u16.to_be_bytes());
    runtime.log_line("is closed: a ping was not answered in time").await;
    answering.send("and still").await;
    loop {
        if let Message::Text(text) = answering.next().await
            && text.as_str() == "and still"
        {
            break;
        }
    }
}

#[tokio::test]
async fn who_sends_nothing_is_closed_with_3008_and_who_stays_too_long_with_1012() {
    let runtime = echo(json!({"idleTimeout": "0.3"})).await;
    let mut client = runtime.connect("/ws").await;
    client.echo("once").await;
    assert_eq!(close_code(&mut client).await, 3008);

    let runtime = echo(json!({"maxAge": "0.3"})).await;
    for _ in 0..2 {
        let mut client = runtime.connect("/ws").await;
        client.echo("at once").await;
        assert_eq!(close_code(&mut client).await, 1012);
    }
}

async fn flood(client: &mut Client, count: usize) {
    for number in 0..count {
        client.send(&number.to_string()).await;
    }
}

#[tokio::test]
async fn who_sends_faster_than_it_may_is_read_from_more_slowly_and_nothing_is_lost() {
    let runtime = echo(json!({"maxMessageRate": "200", "maxByteRate": "2000"})).await;
    let mut client = runtime.connect("/ws").await;
    flood(&mut client, 500).await;
    for number in 0..500 {
        assert_eq!(client.text().await, number.to_string());
    }
}

#[tokio::test]
async fn messages_above_the_rate_are_dropped_if_the_listener_says_so() {
    let runtime = echo(json!({"maxMessageRate": "10", "fastClient": "drop"})).await;
    let mut client = runtime.connect("/ws").await;
    flood(&mut client, 500).await;
    for number in 0..10 {
        assert_eq!(client.text().await, number.to_string());
    }
    let mut other = runtime.connect("/ws").await;
    other.echo("is not concerned").await;
    client.send_message(Message::Close(None)).await;
    let mut more = 0;
    while let Message::Text(_) = client.next().await {
        more += 1;
    }
    assert!(more < 490, "{more} of 490 passed");
}

#[tokio::test]
async fn who_sends_faster_than_the_runtime_allows_is_closed_with_1008_if_a_setting_says_so() {
    let args = ["--max-byte-rate", "1 KiB", "--fast-client", "close"];
    let nodes =
        json!([tab("tab"), listener("l", "/ws"), ws_in("in", "l", &["out"]), ws_out("out", "l")]);
    let runtime = Runtime::start_with(nodes, &args, &[]).await;
    let mut client = runtime.connect("/ws").await;
    let long = "x".repeat(2_000);
    client.echo(&long).await;
    client.send(&long).await;
    assert_eq!(close_code(&mut client).await, 1008);
    runtime.connect("/ws").await.echo("again").await;
}
