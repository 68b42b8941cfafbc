//! A nats-server of a test.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStderr, Command};
use tokio::task::JoinSet;

use crate::support::soon;

/// Where Debian's package installs it.
const PROGRAM: &str = "/usr/sbin/nats-server";

/// A running nats-server, which ends with the test.
pub(crate) struct Nats {
    child: Child,
    port: u16,
    arguments: Vec<String>,
    _reading: JoinSet<()>,
}

/// What JetStream keeps, longer than a server runs.
pub(crate) struct Storage(tempfile::TempDir);

impl Storage {
    pub(crate) fn new() -> Self {
        Storage(tempfile::tempdir().unwrap())
    }
}

impl Nats {
    /// Starts a server with JetStream.
    pub(crate) async fn with_storage(storage: &Storage) -> Self {
        let folder = storage.0.path().to_str().unwrap();
        Self::start_with(&["-js", "-sd", folder]).await
    }

    /// Starts a server with JetStream that says what it does at another port.
    pub(crate) async fn monitored(storage: &Storage, port: &str) -> Self {
        let folder = storage.0.path().to_str().unwrap();
        Self::start_with(&["-js", "-sd", folder, "-m", port]).await
    }

    /// Makes a stream, as another program could.
    pub(crate) async fn make_stream(&self, config: Value) {
        let (name, config) = (config["name"].as_str().unwrap().to_owned(), config.to_string());
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).await.unwrap();
        let options = json!({"verbose": false, "pedantic": false, "name": "test"});
        let request = format!(
            "CONNECT {options}\r\nSUB answer 1\r\nPUB $JS.API.STREAM.CREATE.{name} answer {}\r\n\
             {config}\r\n",
            config.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let read = async {
            let mut bytes = [0; 4096];
            while !answer.contains("\"did_create\":true") {
                let count = stream.read(&mut bytes).await.unwrap();
                answer.push_str(&String::from_utf8_lossy(&bytes[..count]));
                assert!(count > 0 && !answer.contains("\"error\""), "{answer}");
            }
        };
        soon("a stream", read).await;
    }

    /// Starts a server at a free port.
    pub(crate) async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub(crate) async fn start_with(arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|it| (*it).to_owned()).collect();
        Self::start_at(0, arguments).await
    }

    async fn start_at(port: u16, arguments: Vec<String>) -> Self {
        // For the server, -1 is a free port.
        let wish = if port == 0 { "-1".to_owned() } else { port.to_string() };
        let mut child = Command::new(PROGRAM)
            .args(["--addr", "127.0.0.1", "--port", &wish])
            .args(&arguments)
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = line_with(&mut log, "Listening for client connections on").await;
        let port = line.rsplit(':').next().unwrap().parse().unwrap();
        line_with(&mut log, "Server is ready").await;
        // A full pipe would stop the server.
        let mut reading = JoinSet::new();
        reading.spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
        Nats { child, port, arguments, _reading: reading }
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Ends the server; its port stays known.
    pub(crate) async fn stop(&mut self) {
        self.child.start_kill().unwrap();
        soon("the end of nats-server", self.child.wait()).await.unwrap();
    }

    /// Starts a stopped server at its port.
    pub(crate) async fn start_again(&mut self) {
        *self = Self::start_at(self.port, self.arguments.clone()).await;
    }
}

async fn line_with(log: &mut Lines<BufReader<ChildStderr>>, part: &str) -> String {
    let find = async {
        loop {
            let line = log.next_line().await.unwrap().expect("nats-server ended");
            if line.contains(part) {
                return line;
            }
        }
    };
    soon(part, find).await
}
