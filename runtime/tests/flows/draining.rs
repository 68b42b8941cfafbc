//! Draining: what clients see between SIGTERM and the end.

use std::time::{Duration, Instant};

use futures_util::stream::FuturesUnordered;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

use crate::http_nodes::http_in;
use crate::support::{Client, Runtime, echo, listener, node, soon, tab, ws_in, ws_out};

/// The code of the close frame that a client gets, whatever comes before.
async fn close_code(client: &mut Client) -> u16 {
    loop {
        if let Message::Close(close) = client.next().await {
            return close.unwrap().code.into();
        }
    }
}

async fn clients(runtime: &Runtime, count: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(runtime.connect("/ws").await);
    }
    clients
}

#[tokio::test]
async fn clients_are_closed_with_1012_one_after_the_other_and_served_until_then() {
    let mut runtime = Runtime::start_with(echo(), &["--drain", "3"], &[]).await;
    let mut clients = clients(&runtime, 6).await;
    runtime.signal("-TERM");
    let began = Instant::now();
    let mut closes = Vec::new();
    while !clients.is_empty() {
        let waiting = clients.iter_mut().enumerate();
        let mut waiting: FuturesUnordered<_> =
            waiting.map(|(at, client)| async move { (at, close_code(client).await) }).collect();
        let (at, code) = waiting.next().await.unwrap();
        drop(waiting);
        // Answers the close frame.
        let mut closed = clients.swap_remove(at).0;
        while soon("the end", closed.next()).await.is_some_and(|message| message.is_ok()) {}
        assert_eq!(code, 1012);
        closes.push(began.elapsed());
        if closes.len() == 2 {
            clients[0].echo("still served").await;
            assert!(TcpStream::connect(&runtime.address).await.is_err(), "the port is closed");
        }
    }
    for (at, pair) in closes.windows(2).enumerate() {
        let pause = pair[1].saturating_sub(pair[0]);
        assert!(pause > Duration::from_millis(250), "{at}: {closes:?}");
    }
    assert_eq!(runtime.ended().await, Some(0));
}

#[tokio::test]
async fn a_second_signal_ends_the_window() {
    let runtime = Runtime::start_with(echo(), &["--drain", "600"], &[]).await;
    let mut clients = clients(&runtime, 3).await;
    runtime.signal("-TERM");
    let mut waiting: FuturesUnordered<_> = clients.iter_mut().map(close_code).collect();
    assert_eq!(waiting.next().await, Some(1012));
    runtime.signal("-TERM");
    assert_eq!((waiting.next().await, waiting.next().await), (Some(1012), Some(1012)));
    drop(waiting);
    drop(clients);
    let (log, code) = { runtime }.rest_of_log().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(log.contains("draining was cut short"), "{log}");
}

#[tokio::test]
async fn after_the_signal_the_port_goes_on_for_the_delay_and_is_not_ready() {
    let args = ["--drain", "1", "--drain-delay", "2"];
    let mut runtime = Runtime::start_with(echo(), &args, &[]).await;
    runtime.signal("-TERM");
    runtime.log_line("stopping").await;
    let request = "GET /health/ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let ready = runtime.raw(request).await;
    assert!(ready.starts_with("HTTP/1.1 503") && ready.contains(r#"["draining"]"#), "{ready}");
    let mut late = runtime.connect("/ws").await;
    late.echo("served").await;
    assert_eq!(close_code(&mut late).await, 1012);
    assert_eq!(runtime.ended().await, Some(0));
}

/// Answers `/slow` after a second; clients at `/ws` hear of each request.
fn slow() -> Value {
    let delay = json!({"pauseType": "delay", "timeout": "1", "timeoutUnits": "seconds"});
    json!([
        tab("tab"),
        listener("l", "/ws"),
        ws_out("out", "l"),
        http_in("in", "get", "/slow", &["told", "delay"]),
        node(
            "told",
            "function",
            json!({"func": "return {payload: 'asked'}", "outputs": 1}),
            &["out"]
        ),
        node("delay", "delay", delay, &["respond"]),
        node("respond", "http response", json!({"statusCode": ""}), &[]),
        http_in("quick", "get", "/quick", &["respond"]),
    ])
}

/// Sends a request on a connection that stays open.
async fn get(connection: &mut BufReader<TcpStream>, path: &str) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
}

/// The head of the next response, whose body is shorter than what is read of it.
async fn head(connection: &mut BufReader<TcpStream>) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(soon("a head", connection.read_line(&mut head)).await.unwrap(), 0, "{head}");
    }
    head.to_ascii_lowercase()
}

#[tokio::test]
async fn requests_under_way_are_answered_and_connections_end_with_their_response() {
    let runtime = Runtime::start_with(slow(), &["--drain", "10"], &[]).await;
    let connect = || async { BufReader::new(TcpStream::connect(&runtime.address).await.unwrap()) };
    let (mut under_way, mut new) = (connect().await, connect().await);
    let mut told = runtime.connect("/ws").await;
    get(&mut under_way, "/slow").await;
    assert_eq!(told.text().await, "asked");
    runtime.signal("-TERM");
    assert_eq!(close_code(&mut told).await, 1012);
    get(&mut new, "/quick").await;
    for connection in [&mut new, &mut under_way] {
        let head = head(connection).await;
        assert!(head.starts_with("http/1.1 200"), "{head}");
        assert!(head.contains("connection: close"), "{head}");
    }
    let (log, code) = { runtime }.rest_of_log().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("still there"), "{log}");
}

/// A number as a message of such a length that the buffers of sockets hold few of them.
fn long(number: usize) -> Message {
    Message::text(format!("{number:>16384}"))
}

#[tokio::test]
async fn what_a_client_has_sent_before_its_close_reaches_the_flow() {
    let folder = tempfile::tempdir().unwrap();
    let lines = folder.path().join("lines");
    let file = json!({"filename": lines, "filenameType": "str", "appendNewline": true,
                      "createDir": false, "overwriteFile": "false"});
    let nodes = json!([
        tab("tab"),
        listener("l", "/ws"),
        ws_in("in", "l", &["file"]),
        node("file", "file", file, &[]),
    ]);
    let runtime = Runtime::start_with(nodes, &["--drain", "5", "--log", "info"], &[]).await;
    let (mut sender, mut receiver) = runtime.connect("/ws").await.0.split();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let mut sending = JoinSet::new();
    sending.spawn(async move {
        let mut begun = Some(begun);
        let mut sent = 0;
        while sender.send(long(sent)).await.is_ok() {
            sent += 1;
            if sent == 100 {
                begun.take().unwrap().send(()).unwrap();
            }
        }
        sent
    });
    has_begun.await.unwrap();
    runtime.signal("-TERM");
    let Message::Close(Some(close)) = soon("a close", receiver.next()).await.unwrap().unwrap()
    else {
        panic!("expected a close");
    };
    assert_eq!(u16::from(close.code), 1012);
    let sent: usize = soon("the end of sending", sending.join_next()).await.unwrap().unwrap();
    let (log, code) = { runtime }.rest_of_log().await;
    assert_eq!(code, Some(0), "{log}");
    let lines = std::fs::read_to_string(lines).unwrap();
    let numbers: Vec<usize> = lines.lines().map(|line| line.trim().parse().unwrap()).collect();
    let count = numbers.len();
    assert!(numbers.into_iter().eq(0..sent), "{count} of {sent} messages reached the flow");
}
