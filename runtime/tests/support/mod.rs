//! Drives the real binary over real sockets.

#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "this is test code")]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, Command};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Nothing here takes long; who waits longer waits for something that does not come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Ends, or fails the test.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("waited {PATIENCE:?} for {what}"),
    }
}

/// A running `ferrowire run`.
pub struct Runtime {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
    pub address: String,
    pub flows: PathBuf,
    _folder: tempfile::TempDir,
}

impl Runtime {
    /// Starts the binary with a flow file that holds `nodes`, and waits until it listens.
    pub async fn start(nodes: Value) -> Self {
        Self::start_with(nodes, &[], &[]).await
    }

    pub async fn start_with(nodes: Value, args: &[&str], env: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let flows = folder.path().join("flows.json");
        std::fs::write(&flows, nodes.to_string()).unwrap();
        let mut runtime = Self::spawn(&flows, folder, args, env);
        let line = runtime.log_line("listening on").await;
        let (_, rest) = line.split_once("://").unwrap();
        runtime.address = rest.split(',').next().unwrap().to_owned();
        runtime
    }

    /// Starts the binary on an existing flow file.
    pub async fn start_file(file: &Path, env: &[(&str, &str)]) -> Self {
        let nodes = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
        Self::start_with(nodes, &[], env).await
    }

    fn spawn(flows: &Path, folder: tempfile::TempDir, args: &[&str], env: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_ferrowire"))
            .arg("run")
            .arg(flows)
            .args(["--listen", "127.0.0.1:0", "--log", "debug"])
            .args(args)
            .env_remove("http_proxy")
            .env_remove("https_proxy")
            .env_remove("all_proxy")
            .envs(env.iter().copied())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        Runtime { child, log, address: String::new(), flows: flows.to_owned(), _folder: folder }
    }

    /// The next log line that contains `part`; those before it are skipped.
    pub async fn log_line(&mut self, part: &str) -> String {
        let mut before = String::new();
        let find = async {
            while let Some(line) = self.log.next_line().await.unwrap() {
                if line.contains(part) {
                    return line;
                }
                before.push_str(&line);
                before.push('\n');
            }
            panic!("the runtime ended without logging `{part}`:\n{before}");
        };
        soon(part, find).await
    }

    /// All log lines until the runtime ends, and its exit code.
    pub async fn rest_of_log(&mut self) -> (String, Option<i32>) {
        let mut all = String::new();
        let collect = async {
            while let Some(line) = self.log.next_line().await.unwrap() {
                all.push_str(&line);
                all.push('\n');
            }
            self.child.wait().await.unwrap().code()
        };
        let code = soon("the end of the runtime", collect).await;
        (all, code)
    }

    pub fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    /// Connects a WebSocket client.
    pub async fn connect(&self, path: &str) -> Client {
        Client::connect(self.url(path)).await
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// Sends SIGTERM and waits for the end: the log so far, and the exit code.
    pub async fn terminate(mut self) -> (String, Option<i32>) {
        self.signal("-TERM");
        self.rest_of_log().await
    }

    /// Writes other flows and has them deployed.
    pub async fn redeploy(&mut self, nodes: Value) {
        std::fs::write(&self.flows, nodes.to_string()).unwrap();
        self.signal("-HUP");
        self.log_line("deployed the flow files again").await;
    }

    /// Sends a raw HTTP request and returns the whole response.
    pub async fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = Vec::new();
        soon("a response", stream.read_to_end(&mut response)).await.unwrap();
        String::from_utf8_lossy(&response).into_owned()
    }

    /// Watches what the runtime's event stream says.
    pub async fn events(&self) -> Events {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let request = "GET /ferrowire/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut lines = BufReader::new(stream).lines();
        while !soon("headers", lines.next_line()).await.unwrap().unwrap().is_empty() {}
        Events(lines)
    }
}

/// The event stream of a runtime.
pub struct Events(Lines<BufReader<TcpStream>>);

impl Events {
    /// The next event that `matches`.
    pub async fn next(&mut self, what: &str, matches: impl Fn(&Value) -> bool) -> Value {
        let find = async {
            loop {
                let line = self.0.next_line().await.unwrap().unwrap();
                let Some(data) = line.strip_prefix("data: ") else { continue };
                let event: Value = serde_json::from_str(data).unwrap();
                if matches(&event) {
                    return event;
                }
            }
        };
        soon(what, find).await
    }

    /// The data of the next event of a topic from a node.
    pub async fn of(&mut self, topic: &str, node: &str) -> Value {
        let what = format!("{topic} of {node}");
        let event = self.next(&what, |e| e["topic"] == topic && e["node"]["id"] == node).await;
        event["data"].clone()
    }

    /// Waits until a node shows a status with `text`.
    pub async fn status(&mut self, node: &str, text: &str) -> Value {
        let what = format!("the status `{text}` of {node}");
        let event = self
            .next(&what, |e| {
                e["topic"] == "status" && e["node"]["id"] == node && e["data"]["text"] == text
            })
            .await;
        event["data"].clone()
    }
}

/// A WebSocket client of the tests.
pub struct Client(pub WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    pub async fn connect(request: impl IntoClientRequest + Unpin) -> Self {
        let (stream, _) = soon("a connection", connect_async(request)).await.unwrap();
        Client(stream)
    }

    pub async fn send(&mut self, text: &str) {
        self.send_message(Message::text(text)).await;
    }

    pub async fn send_message(&mut self, message: Message) {
        soon("a message to be sent", self.0.send(message)).await.unwrap();
    }

    pub async fn next(&mut self) -> Message {
        soon("a message", self.0.next()).await.unwrap().unwrap()
    }

    pub async fn text(&mut self) -> String {
        match self.next().await {
            Message::Text(text) => text.as_str().to_owned(),
            other => panic!("a text was expected, not {other:?}"),
        }
    }

    pub async fn json(&mut self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }

    /// Shows that nothing else came before a message that is known to come.
    pub async fn echo(&mut self, text: &str) {
        self.send(text).await;
        assert_eq!(self.text().await, text);
    }

    /// The close frame that comes next, and then the end.
    pub async fn closed(&mut self) -> Option<CloseFrame> {
        match self.next().await {
            Message::Close(close) => close,
            other => panic!("a close was expected, not {other:?}"),
        }
    }

    pub async fn close(mut self) {
        self.0.close(None).await.unwrap();
        while soon("the end", self.0.next()).await.is_some_and(|message| message.is_ok()) {}
    }
}

/// Nodes of a flow file, with the properties that matter.
pub fn tab(id: &str) -> Value {
    json!({"id": id, "type": "tab", "label": id})
}

pub fn listener(id: &str, path: &str) -> Value {
    json!({"id": id, "type": "websocket-listener", "path": path, "wholemsg": "false"})
}

pub fn ws_in(id: &str, server: &str, wires: &[&str]) -> Value {
    node(id, "websocket in", json!({"server": server, "client": ""}), wires)
}

pub fn ws_out(id: &str, server: &str) -> Value {
    node(id, "websocket out", json!({"server": server, "client": ""}), &[])
}

pub fn delete_session(id: &str, wires: &[&str]) -> Value {
    let rules = json!([{"t": "delete", "p": "_session", "pt": "msg"}]);
    node(id, "change", json!({"rules": rules}), wires)
}

/// Sets `msg.payload`.
pub fn set_payload(id: &str, value: &str, kind: &str, wires: &[&str]) -> Value {
    set(id, "payload", value, kind, wires)
}

pub fn set(id: &str, property: &str, value: &str, kind: &str, wires: &[&str]) -> Value {
    let rules = json!([{"t": "set", "p": property, "pt": "msg", "to": value, "tot": kind}]);
    node(id, "change", json!({"rules": rules}), wires)
}

pub fn debug(id: &str) -> Value {
    let properties = json!({
        "active": true, "tosidebar": true, "console": false, "tostatus": false,
        "complete": "true", "targetType": "full",
    });
    node(id, "debug", properties, &[])
}

pub fn node(id: &str, kind: &str, properties: Value, wires: &[&str]) -> Value {
    let wires = if wires.is_empty() { json!([]) } else { json!([wires]) };
    let mut node = json!({"id": id, "type": kind, "z": "tab", "x": 1, "y": 1, "wires": wires});
    for (key, value) in properties.as_object().unwrap() {
        node[key] = value.clone();
    }
    node
}

/// `node` with other values for some properties.
pub fn with(mut node: Value, properties: Value) -> Value {
    for (key, value) in properties.as_object().unwrap() {
        node[key] = value.clone();
    }
    node
}

/// The flow of most tests: a listener that echoes at `/ws`.
pub fn echo() -> Value {
    json!([tab("tab"), listener("l", "/ws"), ws_in("in", "l", &["out"]), ws_out("out", "l")])
}

/// An echo of whole messages at `/ws`.
pub fn whole_echo() -> Value {
    let listener = with(listener("l", "/ws"), json!({"wholemsg": "true"}));
    json!([tab("tab"), listener, ws_in("in", "l", &["out"]), ws_out("out", "l")])
}
