//! A WebSocket server scripted by the test, and flows that connect to it.

use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use crate::support::{Runtime, node, soon, tab, with, ws_in, ws_out};

/// A server scripted by the test.
pub(crate) struct Server {
    listener: TcpListener,
    pub(crate) port: u16,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        Server { listener, port }
    }

    pub(crate) fn url(&self, rest: &str) -> String {
        format!("ws://127.0.0.1:{}{rest}", self.port)
    }

    pub(crate) async fn tcp(&self) -> TcpStream {
        soon("a connection", self.listener.accept()).await.unwrap().0
    }

    pub(crate) async fn accept(&self) -> Peer {
        self.accept_with(None).await.0
    }

    /// Accepts with a subprotocol; returns the client's request as well.
    pub(crate) async fn accept_with(&self, subprotocol: Option<&'static str>) -> (Peer, Request) {
        let tcp = self.tcp().await;
        let seen = Arc::new(Mutex::new(None));
        let keep = Arc::clone(&seen);
        #[expect(clippy::result_large_err, reason = "the library's signature")]
        let callback = move |request: &Request, mut response: Response| {
            *keep.lock().unwrap() = Some(request.clone());
            if let Some(name) = subprotocol {
                response.headers_mut().insert("Sec-WebSocket-Protocol", name.parse().unwrap());
            }
            Ok(response)
        };
        let stream = soon("a handshake", accept_hdr_async(tcp, callback)).await.unwrap();
        let request = seen.lock().unwrap().take().unwrap();
        (Peer(stream), request)
    }

    /// Answers the next handshake with a status, and keeps the connection open.
    pub(crate) async fn answer(&self, status: &str) -> TcpStream {
        self.answer_with(status, "", "").await
    }

    /// The same with further headers, each of which ends its line, and a body.
    pub(crate) async fn answer_with(&self, status: &str, headers: &str, body: &str) -> TcpStream {
        let mut request = BufReader::new(self.tcp().await);
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            soon("a request", request.read_line(&mut line)).await.unwrap();
        }
        let length = body.len();
        let answer =
            format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}");
        let mut tcp = request.into_inner();
        tcp.write_all(answer.as_bytes()).await.unwrap();
        tcp
    }

    /// Shows that nobody has connected before a connection that is known to come.
    pub(crate) async fn nobody(&self) {
        let waiting = futures_util::FutureExt::now_or_never(self.listener.accept());
        assert!(waiting.is_none(), "unexpected connection");
    }
}

pub(crate) struct Peer(pub(crate) WebSocketStream<TcpStream>);

impl Peer {
    pub(crate) async fn send(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    pub(crate) async fn next(&mut self) -> Message {
        soon("a message", self.0.next()).await.unwrap().unwrap()
    }

    pub(crate) async fn text(&mut self) -> String {
        self.next().await.into_text().unwrap().as_str().to_owned()
    }
}

pub(crate) fn client(id: &str, url: &str) -> Value {
    json!({
        "id": id, "type": "websocket-client", "path": url, "tls": "", "wholemsg": "false",
        "hb": "0", "subprotocol": "", "headers": [],
    })
}

pub(crate) fn client_in(id: &str, client: &str, wires: &[&str]) -> Value {
    with(ws_in(id, "", wires), json!({"client": client}))
}

pub(crate) fn client_out(id: &str, client: &str) -> Value {
    with(ws_out(id, ""), json!({"client": client}))
}

pub(crate) fn inject(id: &str, payload: &str, wires: &[&str]) -> Value {
    let properties = json!({
        "props": [{"p": "payload"}], "repeat": "", "crontab": "", "once": true,
        "onceDelay": "0.1", "topic": "", "payload": payload, "payloadType": "str",
    });
    node(id, "inject", properties, wires)
}

/// A client that echoes the server's messages, optionally without their session.
pub(crate) fn echo(url: &str) -> Value {
    json!([tab("tab"), client("c", url), client_in("in", "c", &["out"]), client_out("out", "c")])
}

pub(crate) const FAST: &[&str] = &["--reconnect-delay", "0.05"];

pub(crate) async fn start(nodes: Value) -> Runtime {
    Runtime::start_with(nodes, FAST, &[]).await
}
