//! A server scripted by the test, byte by byte, to observe connections as well as requests.

#![allow(dead_code, reason = "each test program uses its part")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "what goes wrong here fails the test")]

use std::time::Duration;

use ferrowire::{Message, Value};
use ferrowire_plugin_http_request as _;
use ferrowire_testkit::{Harness, HarnessBuilder, json};
use futures_util::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Longer than any step of these tests.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for `future`; fails the test if it takes too long.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("waited {PATIENCE:?} for {what}"),
    }
}

pub(crate) struct Server {
    listener: TcpListener,
    pub(crate) url: String,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        Server { listener, url }
    }

    /// The next connection.
    pub(crate) async fn accept(&self) -> Peer {
        Peer(soon("a connection", self.listener.accept()).await.unwrap().0)
    }

    /// Asserts that there is no new connection.
    pub(crate) fn nobody(&self) {
        assert!(self.listener.accept().now_or_never().is_none(), "unexpected connection");
    }

    /// Accepts a connection and answers its only request with `payload`.
    pub(crate) async fn one(&self, payload: &str) -> Request {
        let mut peer = self.accept().await;
        let request = peer.request().await;
        peer.answer(payload).await;
        request
    }
}

/// A received request.
#[derive(Debug)]
pub(crate) struct Request {
    /// The lines of its head.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Request {
    /// The value of a header, case-insensitive.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap()
    }
}

/// The server's end of a connection.
pub(crate) struct Peer(TcpStream);

impl Peer {
    pub(crate) async fn request(&mut self) -> Request {
        let read = async {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(self.0.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            let mut request = Request { head, body: String::new() };
            let len = request.header("content-length").map_or(0, |len| len.parse().unwrap());
            let mut body = vec![0; len];
            self.0.read_exact(&mut body).await.unwrap();
            request.body = String::from_utf8(body).unwrap();
            request
        };
        soon("a request", read).await
    }

    /// Responds with a payload.
    pub(crate) async fn answer(&mut self, payload: &str) {
        let len = payload.len();
        self.write(&format!("HTTP/1.1 200 OK\r\nContent-Length: {len}\r\n\r\n{payload}")).await;
    }

    pub(crate) async fn write(&mut self, response: &str) {
        self.0.write_all(response.as_bytes()).await.unwrap();
    }

    /// Closes the connection and waits until the client has noticed.
    pub(crate) async fn end(mut self) {
        self.0.shutdown().await.unwrap();
        self.closed().await;
    }

    /// Waits until the client has closed the connection.
    pub(crate) async fn closed(&mut self) {
        let read = soon("the end of the connection", self.0.read(&mut [0])).await;
        assert!(matches!(read, Ok(0) | Err(_)), "more was sent");
    }
}

/// An `http request` with default properties and these.
pub(crate) fn request(properties: serde_json::Value) -> HarnessBuilder {
    let mut all = json!({"method": "GET", "ret": "txt", "paytoqs": "ignore", "url": "", "tls": "",
        "persist": false, "proxy": "", "insecureHTTPParser": false, "authType": "",
        "senderr": false, "headers": []});
    for (name, value) in properties.as_object().unwrap() {
        all[name] = value.clone();
    }
    Harness::of("http request").config(all).patience(PATIENCE)
}

/// The payload of the node's next message.
pub(crate) async fn payload(node: &mut Harness) -> String {
    text(&node.next_output(0).await, "payload")
}

pub(crate) fn text(msg: &Message, property: &str) -> String {
    msg.get(property).and_then(Value::as_str).unwrap_or_else(|| panic!("{msg:?}")).to_owned()
}
