//! A nats-server of a test.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
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

impl Nats {
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
