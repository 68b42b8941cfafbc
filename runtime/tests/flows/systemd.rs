//! systemd's protocols: a socket that is passed, and what the runtime tells.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use serde_json::json;
use tokio::net::UnixDatagram;
use tokio::task::JoinSet;

use crate::support::{Client, Runtime, echo, node, soon, tab};

/// systemd's end of the protocol.
pub(crate) struct Notified {
    socket: UnixDatagram,
    pub(crate) path: String,
    _folder: tempfile::TempDir,
}

impl Notified {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        Notified { socket, path: path.to_str().unwrap().to_owned(), _folder: folder }
    }

    /// The lines of the next message that has one which begins with `start`.
    pub(crate) async fn until(&self, start: &str) -> Vec<String> {
        let mut buffer = [0; 512];
        let find = async {
            loop {
                let length = self.socket.recv(&mut buffer).await.unwrap();
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                let lines: Vec<String> = text.lines().map(str::to_owned).collect();
                if lines.iter().any(|line| line.starts_with(start)) {
                    return lines;
                }
            }
        };
        soon(start, find).await
    }
}

#[tokio::test]
async fn systemd_is_told_the_state_and_its_watchdog_is_answered() {
    let notified = Notified::new();
    let env = [("NOTIFY_SOCKET", notified.path.as_str()), ("WATCHDOG_USEC", "100000")];
    let mut runtime = Runtime::start_with(echo(), &[], &env).await;
    assert_eq!(notified.until("READY=").await, ["READY=1"]);
    assert_eq!(notified.until("STATUS=").await, ["STATUS=ready"]);
    for _ in 0..3 {
        assert_eq!(notified.until("WATCHDOG=").await, ["WATCHDOG=1"]);
    }
    runtime.redeploy(json!([tab("tab"), node("n", "nobody knows it", json!({}), &[])])).await;
    let reloading = notified.until("RELOADING=").await;
    assert_eq!(reloading[0], "RELOADING=1");
    assert!(reloading[1].starts_with("MONOTONIC_USEC="), "{reloading:?}");
    assert_eq!(notified.until("READY=").await, ["READY=1"]);
    assert_eq!(notified.until("STATUS=").await, ["STATUS=not ready: flows-not-deployed"]);
    runtime.signal("-TERM");
    assert_eq!(notified.until("STOPPING=").await, ["STOPPING=1"]);
    assert_eq!(notified.until("STATUS=").await, ["STATUS=not ready: draining"]);
    assert_eq!(runtime.ended().await, Some(0));
}

/// The program with a socket as its third file, as systemd passes it; `count` is what it says.
fn activated(socket: TcpListener, count: u32) -> Command {
    let script =
        format!("LISTEN_PID=$$ LISTEN_FDS={count} exec \"$0\" \"$@\" 3<&0 4<&0 0</dev/null");
    let mut program = Command::new("sh");
    program.args(["-c", &script]).arg(crate::program("run").get_program()).arg("run");
    program.stdin(Stdio::from(OwnedFd::from(socket)));
    program
}

#[tokio::test]
async fn clients_of_a_passed_socket_wait_until_the_program_runs() {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    let mut early = JoinSet::new();
    early.spawn(Client::connect(format!("ws://{address}/ws")));
    let runtime = Runtime::start_of(activated(socket, 1), echo(), &[], &[]).await;
    assert_eq!(runtime.address, address);
    let mut early = early.join_next().await.unwrap().unwrap();
    early.echo("from before the start").await;
    runtime.connect("/ws").await.echo("from after the start").await;
    let (_, code) = runtime.terminate().await;
    assert_eq!(code, Some(0));
}

#[tokio::test]
async fn a_passed_socket_must_be_one_that_the_settings_protect() {
    for (at, count, refusal) in [
        ("0.0.0.0:0", 1, "set `listen` to `0.0.0.0:"),
        ("127.0.0.1:0", 2, "2 sockets were passed (`LISTEN_FDS`)"),
    ] {
        let program = activated(TcpListener::bind(at).unwrap(), count);
        let mut runtime = Runtime::begin_of(program, echo(), &[]);
        let (log, code) = runtime.rest_of_log().await;
        assert_eq!(code, Some(2), "{log}");
        assert!(log.contains(refusal), "{log}");
    }
}
