//! Runs the real binary over real sockets.

use std::path::PathBuf;
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

/// Longer than any step of these tests.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for `future`; fails the test if it takes too long.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("waited {PATIENCE:?} for {what}"),
    }
}

/// A running `ferrowire run`.
pub(crate) struct Runtime {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
    /// Lines that were read while waiting for another one.
    passed: Vec<String>,
    pub(crate) address: String,
    pub(crate) flows: PathBuf,
    _folder: tempfile::TempDir,
}

impl Runtime {
    /// Starts the binary with a flow file of `nodes` and waits until it listens.
    pub(crate) async fn start(nodes: Value) -> Self {
        Self::start_with(nodes, &[], &[]).await
    }

    pub(crate) async fn start_with(nodes: Value, args: &[&str], env: &[(&str, &str)]) -> Self {
        Self::start_of(crate::program("run"), nodes, args, env).await
    }

    /// Starts a runtime that may differ from the other tests'.
    pub(crate) async fn start_of(
        program: std::process::Command,
        nodes: Value,
        args: &[&str],
        env: &[(&str, &str)],
    ) -> Self {
        let args = [&["--listen", "127.0.0.1:0"], args].concat();
        let mut runtime = Self::spawn(program, nodes, &args, env);
        let line = runtime.log_line("listening on http").await;
        let (_, rest) = line.split_once("://").unwrap();
        runtime.address = rest.split(',').next().unwrap().to_owned();
        runtime
    }

    /// Starts the binary, with `args` that set its address, without waiting.
    pub(crate) fn begin(nodes: Value, args: &[&str]) -> Self {
        Self::begin_of(crate::program("run"), nodes, args)
    }

    /// Starts another program, without waiting.
    pub(crate) fn begin_of(program: std::process::Command, nodes: Value, args: &[&str]) -> Self {
        Self::spawn(program, nodes, args, &[])
    }

    fn spawn(
        program: std::process::Command,
        nodes: Value,
        args: &[&str],
        env: &[(&str, &str)],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let flows = folder.path().join("flows.json");
        std::fs::write(&flows, nodes.to_string()).unwrap();
        let is_chosen = args.iter().any(|arg| ["--log", "--log-format"].contains(arg));
        let mut child = Command::from(program)
            .arg(&flows)
            .args(if is_chosen { &[][..] } else { &["--log", "debug"] })
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
        Runtime { child, log, passed: Vec::new(), address: String::new(), flows, _folder: folder }
    }

    /// A log line that contains `part`: an earlier one, or the next one.
    pub(crate) async fn log_line(&mut self, part: &str) -> String {
        if let Some(at) = self.passed.iter().position(|line| line.contains(part)) {
            return self.passed.remove(at);
        }
        let find = async {
            while let Some(line) = self.log.next_line().await.unwrap() {
                if line.contains(part) {
                    return line;
                }
                self.passed.push(line);
            }
            panic!("the runtime ended without logging `{part}`:\n{}", self.passed.join("\n"));
        };
        soon(part, find).await
    }

    /// The lines that were read while others were waited for.
    pub(crate) fn passed(&self) -> &[String] {
        &self.passed
    }

    /// All log lines until the runtime ends, and its exit code.
    pub(crate) async fn rest_of_log(&mut self) -> (String, Option<i32>) {
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

    /// The exit code, without reading the log any more.
    pub(crate) async fn ended(&mut self) -> Option<i32> {
        soon("the end of the runtime", self.child.wait()).await.unwrap().code()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    /// Connects a WebSocket client.
    pub(crate) async fn connect(&self, path: &str) -> Client {
        Client::connect(self.url(path)).await
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// A value in bytes from the process's status, such as `VmHWM`, the peak memory.
    pub(crate) fn memory(&self, line: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id().unwrap()));
        let status = status.unwrap();
        let value = status.lines().find_map(|it| it.strip_prefix(line)?.strip_prefix(':')).unwrap();
        value.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1_024
    }

    /// Sends SIGTERM and waits for the end; returns the log so far and the exit code.
    pub(crate) async fn terminate(mut self) -> (String, Option<i32>) {
        self.signal("-TERM");
        self.rest_of_log().await
    }

    /// Writes another flow file and has it deployed.
    pub(crate) async fn redeploy(&mut self, nodes: Value) {
        std::fs::write(&self.flows, nodes.to_string()).unwrap();
        self.signal("-HUP");
        self.log_line("deployed the flow files again").await;
    }

    /// Sends a raw HTTP request and returns the complete response.
    pub(crate) async fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = Vec::new();
        soon("a response", stream.read_to_end(&mut response)).await.unwrap();
        String::from_utf8_lossy(&response).into_owned()
    }

    /// Sends JSON to a path and returns the complete response.
    pub(crate) async fn post_json(&self, path: &str, body: &str) -> String {
        self.raw(&format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ))
        .await
    }

    /// Subscribes to the runtime's event stream.
    pub(crate) async fn events(&self) -> Events {
        let mut stream = TcpStream::connect(&self.address).await.unwrap();
        let request = "GET /ferrowire/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut lines = BufReader::new(stream).lines();
        while !soon("headers", lines.next_line()).await.unwrap().unwrap().is_empty() {}
        Events(lines)
    }
}

/// The event stream of a runtime.
pub(crate) struct Events(Lines<BufReader<TcpStream>>);

impl Events {
    /// The next event for which `matches` is true.
    pub(crate) async fn next(&mut self, what: &str, matches: impl Fn(&Value) -> bool) -> Value {
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
    pub(crate) async fn of(&mut self, topic: &str, node: &str) -> Value {
        let what = format!("{topic} of {node}");
        let event = self.next(&what, |e| e["topic"] == topic && e["node"]["id"] == node).await;
        event["data"].clone()
    }

    /// Waits until a node shows a status with `text`.
    pub(crate) async fn status(&mut self, node: &str, text: &str) -> Value {
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
pub(crate) struct Client(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    pub(crate) async fn connect(request: impl IntoClientRequest + Unpin) -> Self {
        let (stream, _) = soon("a connection", connect_async(request)).await.unwrap();
        Client(stream)
    }

    pub(crate) async fn send(&mut self, text: &str) {
        self.send_message(Message::text(text)).await;
    }

    pub(crate) async fn send_message(&mut self, message: Message) {
        soon("a message to be sent", self.0.send(message)).await.unwrap();
    }

    pub(crate) async fn next(&mut self) -> Message {
        soon("a message", self.0.next()).await.unwrap().unwrap()
    }

    pub(crate) async fn text(&mut self) -> String {
        match self.next().await {
            Message::Text(text) => text.as_str().to_owned(),
            other => panic!("expected a text, not {other:?}"),
        }
    }

    pub(crate) async fn json(&mut self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }

    /// Asserts that no other message arrives before the echo.
    pub(crate) async fn echo(&mut self, text: &str) {
        self.send(text).await;
        assert_eq!(self.text().await, text);
    }

    /// The next close frame, and the end of the connection.
    pub(crate) async fn closed(&mut self) -> Option<CloseFrame> {
        match self.next().await {
            Message::Close(close) => close,
            other => panic!("expected a close, not {other:?}"),
        }
    }

    pub(crate) async fn close(mut self) {
        self.0.close(None).await.unwrap();
        while soon("the end", self.0.next()).await.is_some_and(|message| message.is_ok()) {}
    }
}

/// Nodes of a flow file, with their relevant properties.
pub(crate) fn tab(id: &str) -> Value {
    json!({"id": id, "type": "tab", "label": id})
}

pub(crate) fn listener(id: &str, path: &str) -> Value {
    json!({"id": id, "type": "websocket-listener", "path": path, "wholemsg": "false"})
}

pub(crate) fn ws_in(id: &str, server: &str, wires: &[&str]) -> Value {
    node(id, "websocket in", json!({"server": server, "client": ""}), wires)
}

pub(crate) fn ws_out(id: &str, server: &str) -> Value {
    node(id, "websocket out", json!({"server": server, "client": ""}), &[])
}

pub(crate) fn delete_session(id: &str, wires: &[&str]) -> Value {
    let rules = json!([{"t": "delete", "p": "_session", "pt": "msg"}]);
    node(id, "change", json!({"rules": rules}), wires)
}

/// Sets `msg.payload`.
pub(crate) fn set_payload(id: &str, value: &str, kind: &str, wires: &[&str]) -> Value {
    set(id, "payload", value, kind, wires)
}

pub(crate) fn set(id: &str, property: &str, value: &str, kind: &str, wires: &[&str]) -> Value {
    let rules = json!([{"t": "set", "p": property, "pt": "msg", "to": value, "tot": kind}]);
    node(id, "change", json!({"rules": rules}), wires)
}

pub(crate) fn debug(id: &str) -> Value {
    let properties = json!({
        "active": true, "tosidebar": true, "console": false, "tostatus": false,
        "complete": "true", "targetType": "full",
    });
    node(id, "debug", properties, &[])
}

pub(crate) fn node(id: &str, kind: &str, properties: Value, wires: &[&str]) -> Value {
    let wires = if wires.is_empty() { json!([]) } else { json!([wires]) };
    let mut node = json!({"id": id, "type": kind, "z": "tab", "x": 1, "y": 1, "wires": wires});
    for (key, value) in properties.as_object().unwrap() {
        node[key] = value.clone();
    }
    node
}

/// `node` with other values for some properties.
pub(crate) fn with(mut node: Value, properties: Value) -> Value {
    for (key, value) in properties.as_object().unwrap() {
        node[key] = value.clone();
    }
    node
}

/// The flow of most tests: a listener that echoes at `/ws`.
pub(crate) fn echo() -> Value {
    json!([tab("tab"), listener("l", "/ws"), ws_in("in", "l", &["out"]), ws_out("out", "l")])
}

/// An echo of whole messages at `/ws`.
pub(crate) fn whole_echo() -> Value {
    let listener = with(listener("l", "/ws"), json!({"wholemsg": "true"}));
    json!([tab("tab"), listener, ws_in("in", "l", &["out"]), ws_out("out", "l")])
}

/// Sends `msg.payload` to all clients.
pub(crate) fn broadcaster() -> Value {
    json!([
        tab("tab"),
        listener("l", "/ws"),
        ws_in("in", "l", &["change"]),
        delete_session("change", &["out"]),
        ws_out("out", "l"),
    ])
}
