//! Runs the real binary on a user directory, and sends it HTTP requests.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, Command};

/// Longer than any step of these tests.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for `future`; fails the test if it takes too long.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("waited {PATIENCE:?} for {what}"),
    }
}

/// A settings file with the user `admin` of the editor and the user `me` of the flows, whose passwords
/// are `secret`.
pub(crate) fn settings(folder: &Path) -> PathBuf {
    let hash = bcrypt::hash("secret", 4).unwrap();
    let path = folder.join("settings.toml");
    let text = format!(
        "[[admin-auth.users]]\nusername = 'admin'\npassword = '{hash}'\npermissions = '*'\n\
         [http-node-auth]\nuser = 'me'\npass = '{hash}'\n"
    );
    std::fs::write(&path, text).unwrap();
    path
}

/// A running `ferrowire run --user-dir`.
pub(crate) struct Runtime {
    child: Child,
    log: Lines<BufReader<ChildStderr>>,
    /// The log lines that were read while waiting for others.
    passed: String,
    pub(crate) address: String,
}

/// Starts a runtime that refuses to run, and returns its exit code and its log.
pub(crate) async fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::from(crate::program("run"));
    command.args(["--listen", "127.0.0.1:0"]).args(arguments).kill_on_drop(true);
    let output = soon("the end of the runtime", command.output()).await.unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// A response.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Runtime {
    /// Starts it and waits until it listens.
    pub(crate) async fn start(user_dir: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::from(crate::program("run"))
            .args(["--listen", "127.0.0.1:0", "--user-dir"])
            .arg(user_dir)
            .args(arguments)
            .env("FERROWIRE_CREDENTIAL_SECRET", "s3cret")
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        let (passed, address) = (String::new(), String::new());
        let mut runtime = Runtime { child, log, passed, address };
        let line = runtime.log_line("listening on").await;
        runtime.address = line.split_once("://").unwrap().1.split(',').next().unwrap().to_owned();
        runtime
    }

    /// The next log line that contains `part`.
    pub(crate) async fn log_line(&mut self, part: &str) -> String {
        let find = async {
            while let Some(line) = self.log.next_line().await.unwrap() {
                if line.contains(part) {
                    return line;
                }
                self.passed.push_str(&line);
            }
            panic!("the runtime ended without logging `{part}`: {}", self.passed);
        };
        soon(part, find).await
    }

    /// The log lines that were read while waiting for others.
    pub(crate) fn passed(&self) -> &str {
        &self.passed
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id().unwrap()
    }

    pub(crate) fn signal(&self, name: &str) {
        let process = self.process().to_string();
        let sent = std::process::Command::new("kill").args([name, &process]).status().unwrap();
        assert!(sent.success());
    }

    /// Ends it in order.
    pub(crate) async fn stop(&mut self) {
        self.signal("-TERM");
        assert!(soon("the end of the runtime", self.child.wait()).await.unwrap().success());
    }

    pub(crate) async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let mut head = format!("{method} {path} HTTP/1.1\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            head.push_str(&format!("Host: {}\r\n", self.address));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\nConnection: close\r\n\r\n", body.len()));
        let exchange = async {
            let mut stream = TcpStream::connect(&self.address).await.unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
            // A server that refuses a body may close the connection while it is sent.
            let _refused = stream.write_all(body).await;
            let mut answer = Vec::new();
            let _reset = stream.read_to_end(&mut answer).await;
            answer
        };
        Answer::parse(&soon(path, exchange).await)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], b"").await
    }

    /// Whether the program was built with the editor.
    pub(crate) async fn has_editor(&self) -> bool {
        !self.get("/").await.text().contains("was built without it")
    }

    /// A deploy like the editor's.
    pub(crate) async fn deploy(&self, body: &Value) -> Answer {
        let headers = [("Content-Type", "application/json"), ("Node-RED-API-Version", "v2")];
        self.ask("POST", "/flows", &headers, body.to_string().as_bytes()).await
    }

    /// The deployed flows and their revision.
    pub(crate) async fn flows(&self) -> Value {
        self.ask("GET", "/flows", &[("Node-RED-API-Version", "v2")], b"").await.json()
    }
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head, body: bytes[end + 4..].to_vec() }
    }

    pub(crate) fn text(&self) -> &str {
        str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }
}

/// A flow with a button, a debug node, a configuration node, and unknown nodes and properties.
pub(crate) fn example() -> Value {
    json!([
        {"id": "t1", "type": "tab", "label": "T", "strange": {"b": [1.5, null], "a": ""}},
        {"id": "i1", "type": "inject", "z": "t1", "props": [{"p": "payload"}], "repeat": "",
         "payload": "x", "payloadType": "str", "x": 1, "y": 1, "wires": [["d1"]]},
        {"id": "d1", "type": "debug", "z": "t1", "active": true, "x": 2, "y": 2, "wires": []},
        {"id": "c1", "type": "tls-config", "name": "x"},
    ])
}
