//! A client's credentials and requests, over real sockets.

#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use ferrowire::{NodeInfo, User, Value};
use ferrowire_plugin_websocket_endpoints as _;
use ferrowire_testkit::{Harness, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tungstenite::handshake::derive_accept_key;

/// Longer than any step of these tests.
const PATIENCE: Duration = Duration::from_secs(20);

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("waited {PATIENCE:?} for {what}"),
    }
}

struct Server(TcpListener);

impl Server {
    async fn start() -> Self {
        Server(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    fn url(&self, rest: &str) -> String {
        format!("ws://127.0.0.1:{}{rest}", self.0.local_addr().unwrap().port())
    }

    async fn nobody(&self) {
        tokio::task::yield_now().await;
        let waiting = futures_util::FutureExt::now_or_never(self.0.accept());
        assert!(waiting.is_none(), "unexpected connection");
    }

    /// The next handshake, which is accepted.
    async fn accept(&self) -> (TcpStream, String) {
        let (mut tcp, _) = soon("a connection", self.0.accept()).await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(soon("a request", tcp.read_u8()).await.unwrap());
        }
        let request = String::from_utf8(request).unwrap();
        let key =
            request.lines().find_map(|line| line.strip_prefix("sec-websocket-key: ")).unwrap();
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
             sec-websocket-accept: {}\r\n\r\n",
            derive_accept_key(key.as_bytes())
        );
        tcp.write_all(answer.as_bytes()).await.unwrap();
        (tcp, request)
    }
}

/// The opcode and payload of the next frame, which is short and masked.
async fn frame(tcp: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut head = [0; 6];
    soon("a frame", tcp.read_exact(&mut head)).await.unwrap();
    let mut payload = vec![0; usize::from(head[1] & 0x7f)];
    tcp.read_exact(&mut payload).await.unwrap();
    for (at, byte) in payload.iter_mut().enumerate() {
        *byte ^= head[2 + at % 4];
    }
    (head[0] & 0x0f, payload)
}

async fn client(config: serde_json::Value) -> Harness {
    let node = Harness::of("websocket-client").config(config).start().await;
    node.set_users(vec![User::named(NodeInfo { id: "in".to_owned(), ..NodeInfo::default() })]);
    node
}

#[tokio::test]
async fn credentials_are_sent_as_the_node_says_and_appear_in_no_log() {
    let credentials = json!({"token": "s3 cret&", "user": "me", "password": "pw"});
    for (auth, name, path, expected) in [
        ("bearer", "", "/", "authorization: Bearer s3 cret&\r\n"),
        ("basic", "", "/", "authorization: Basic bWU6cHc=\r\n"),
        ("header", "X-Api-Key", "/", "x-api-key: s3 cret&\r\n"),
        ("query", "", "/a", "GET /a?token=s3+cret%26 HTTP/1.1\r\n"),
        ("query", "key", "/a?b=1", "GET /a?b=1&key=s3+cret%26 HTTP/1.1\r\n"),
    ] {
        let server = Server::start().await;
        let config = json!({"path": server.url(path), "auth": auth, "authName": name,
            "credentials": credentials});
        let node = client(config).await;
        let (tcp, request) = server.accept().await;
        assert!(request.contains(expected), "{auth}: {request}");
        drop(tcp);
        let stopped = node.stop().await;
        let shown = format!("{stopped:?}");
        assert!(!shown.contains("cret") && !shown.contains("pw"), "{auth}: {shown}");
    }
}

#[tokio::test]
async fn a_token_may_be_the_first_message() {
    let server = Server::start().await;
    let node = client(json!({"path": server.url("/"), "auth": "message", "open": "hello",
        "credentials": {"token": "{\"token\":\"s3cret\"}"}}))
    .await;
    let (mut tcp, request) = server.accept().await;
    assert!(!request.contains("s3cret"), "{request}");
    assert_eq!(frame(&mut tcp).await, (1, b"{\"token\":\"s3cret\"}".to_vec()));
    assert_eq!(frame(&mut tcp).await, (1, b"hello".to_vec()));
    drop(tcp);
    node.stop().await;
}

/// Waits until the client has the answer to its handshake.
async fn established(node: &mut Harness) {
    while node.next_status().await.text != "connected " {}
}

fn connected(answer: &Value) -> bool {
    answer.get("connected").and_then(Value::as_bool).unwrap()
}

#[tokio::test]
async fn a_client_connects_and_disconnects_when_it_is_told_to() {
    let server = Server::start().await;
    let mut node = client(json!({"path": server.url("/"), "autoConnect": "false"})).await;
    server.nobody().await;
    let answer = node.ask("control", json!({"action": "connect"})).await.unwrap();
    assert!(!connected(&answer), "not yet");
    let (mut tcp, _) = server.accept().await;
    established(&mut node).await;
    let asked = json!({"action": "disconnect", "code": 4001, "reason": "done"});
    node.ask("control", asked).await.unwrap();
    assert_eq!(frame(&mut tcp).await, (8, b"\x0f\xa1done".to_vec()));
    drop(tcp);
    server.nobody().await;
    node.ask("control", json!({"action": "connect"})).await.unwrap();
    let (mut tcp, _) = server.accept().await;
    established(&mut node).await;
    node.ask("control", json!({"action": "disconnect"})).await.unwrap();
    assert_eq!(frame(&mut tcp).await, (8, b"\x03\xe8".to_vec()));
    drop(tcp);
    node.stop().await;
}

#[tokio::test]
async fn another_url_closes_the_connection_and_is_used_from_then_on() {
    let (first, second) = (Server::start().await, Server::start().await);
    let config = json!({"path": first.url("/"), "reconnectDelay": "0.02"});
    let mut node = client(config).await;
    let (mut tcp, _) = first.accept().await;
    established(&mut node).await;
    let same = json!({"action": "connect", "url": first.url("/")});
    node.ask("control", same).await.unwrap();
    node.ask("control", json!({"action": "connect", "url": second.url("/x")})).await.unwrap();
    assert_eq!(frame(&mut tcp).await, (8, b"\x03\xe8".to_vec()), "closed once");
    drop(tcp);
    for _ in 0..2 {
        let (_lost, request) = second.accept().await;
        assert!(request.starts_with("GET /x "), "{request}");
    }
    first.nobody().await;
    node.stop().await;
}

#[tokio::test]
async fn a_client_without_a_url_waits_for_one() {
    let server = Server::start().await;
    let node = client(json!({"path": "", "autoConnect": "false"})).await;
    node.ask("control", json!({"action": "connect", "url": server.url("/")})).await.unwrap();
    let (tcp, _) = server.accept().await;
    drop(tcp);
    node.stop().await;
}

#[tokio::test]
async fn requests_that_make_no_sense_are_errors_that_show_no_token() {
    let server = Server::start().await;
    let node = client(json!({"path": server.url("/"), "autoConnect": "false"})).await;
    for (request, error) in [
        (json!({"action": "join"}), "expected `connect` or `disconnect` as the action"),
        (json!({"action": "connect", "url": 1}), "invalid URL: expected a text"),
        (json!({"action": "connect", "url": "http://me:pw@h/?t=x"}), "invalid URL `http://h/?…`"),
        (json!({"action": "disconnect", "code": 1006}), "expected 1000, or one from 3000 to 4999"),
        (json!({"action": "disconnect", "reason": "x".repeat(124)}), "expected at most 123 bytes"),
    ] {
        let found = node.ask("control", request).await.unwrap_err().to_string();
        assert!(found.contains(error), "{found}");
    }
    node.stop().await;
}
