//! Upgrades: SIGUSR2 has the program file take the port over.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::http_nodes::http_in;
use crate::support::{Runtime, echo, listener, node, soon, tab, ws_in, ws_out};
use crate::systemd::Notified;
use crate::talking::talk;

/// A folder with a program file that can be replaced.
struct Installed {
    folder: tempfile::TempDir,
}

impl Installed {
    fn new() -> Self {
        let installed = Installed { folder: tempfile::tempdir().unwrap() };
        installed.replace_by(Path::new(crate::program("run").get_program()));
        installed
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ferrowire")
    }

    /// Puts another file in its place, as package managers do.
    fn replace_by(&self, program: &Path) {
        let new = self.folder.path().join("new");
        std::fs::copy(program, &new).unwrap();
        std::fs::rename(new, self.file()).unwrap();
    }

    fn program(&self) -> Command {
        let mut program = Command::new(self.file());
        program.arg("run");
        program
    }
}

/// A process that is not a child of the test, ended with it.
struct Process(u32);

impl Process {
    /// The one that takes over.
    async fn of_log(runtime: &mut Runtime) -> Self {
        let line = runtime.log_line("takes over").await;
        let (_, rest) = line.split_once("process ").unwrap();
        Process(rest.split(' ').next().unwrap().parse().unwrap())
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.0.to_string()]).status().unwrap();
        assert!(sent.success());
    }

    fn file(&self) -> PathBuf {
        std::fs::read_link(format!("/proc/{}/exe", self.0)).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _gone = Command::new("kill").args(["-KILL", &self.0.to_string()]).output();
    }
}

/// Counts requests at `/count` in the flow's context, and echoes at `/ws`.
fn counting() -> Value {
    let code = "const n = (flow.get('n') || 0) + 1; flow.set('n', n); msg.payload = String(n); \
                return msg;";
    json!([
        tab("tab"),
        http_in("in", "get", "/count", &["count"]),
        node("count", "function", json!({"func": code, "outputs": 1}), &["respond"]),
        node("respond", "http response", json!({"statusCode": ""}), &[]),
        listener("l", "/ws"),
        ws_in("ws", "l", &["out"]),
        ws_out("out", "l"),
    ])
}

/// One request on a connection of its own; the body of its response.
async fn count(address: &str) -> io::Result<u64> {
    let mut stream = TcpStream::connect(address).await?;
    stream
        .write_all(b"GET /count HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    let body = response.strip_prefix("HTTP/1.1 200").and_then(|rest| rest.split_once("\r\n\r\n"));
    let number = body.and_then(|(_, body)| body.parse().ok());
    number.ok_or_else(|| io::Error::other(format!("expected a number: {response}")))
}

/// What clients met.
#[derive(Default)]
struct Seen {
    numbers: BTreeSet<u64>,
    longest: Duration,
}

/// Asks for numbers until `stop`.
async fn ask(address: String, stop: CancellationToken) -> Seen {
    let mut seen = Seen::default();
    while !stop.is_cancelled() {
        let began = Instant::now();
        let number = soon("a number", count(&address)).await.unwrap();
        assert!(seen.numbers.insert(number), "{number} came twice");
        seen.longest = seen.longest.max(began.elapsed());
    }
    seen
}

/// A settings file with a context store in files that is written at the end only.
fn settings(folder: &Path) -> String {
    let file = folder.join("settings.toml");
    let store = "[context-storage.default]\nmodule = 'localfilesystem'\n\
                 config = {flushInterval = 3600}\n";
    std::fs::write(&file, format!("user-dir = '{}'\n{store}", folder.display())).unwrap();
    file.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_see_nothing_of_upgrades_but_1012_and_a_counter_in_a_file_goes_on() {
    let (installed, user_dir) = (Installed::new(), tempfile::tempdir().unwrap());
    let settings = settings(user_dir.path());
    let args = ["--settings", settings.as_str(), "--log", "info"];
    let mut runtime = Runtime::start_of(installed.program(), counting(), &args, &[]).await;
    let (stop, closes) = (CancellationToken::new(), Arc::new(AtomicUsize::new(0)));
    let (mut asking, mut talking) = (JoinSet::new(), JoinSet::new());
    for _ in 0..4 {
        asking.spawn(ask(runtime.address.clone(), stop.clone()));
        talking.spawn(talk(runtime.url("/ws"), stop.clone(), Arc::clone(&closes)));
    }
    runtime.signal("-USR2");
    let mut processes = vec![Process::of_log(&mut runtime).await];
    for at in 0..2 {
        runtime.log_line("listening on").await;
        count(&runtime.address).await.unwrap();
        installed.replace_by(Path::new(crate::program("run").get_program()));
        processes[at].signal("-USR2");
        processes.push(Process::of_log(&mut runtime).await);
    }
    let current = processes.last().unwrap();
    runtime.log_line("listening on").await;
    let last = count(&runtime.address).await.unwrap();
    assert_eq!(current.file(), installed.file(), "the new file runs");
    stop.cancel();
    let (mut numbers, mut longest) = (BTreeSet::new(), Duration::ZERO);
    while let Some(seen) = asking.join_next().await {
        let seen = seen.unwrap();
        longest = longest.max(seen.longest);
        numbers.extend(seen.numbers);
    }
    while let Some(ended) = talking.join_next().await {
        ended.unwrap();
    }
    // Three requests of the test itself: two after upgrades, and the last.
    let highest = numbers.iter().next_back().copied().unwrap().max(last);
    assert_eq!(numbers.len() as u64 + 3, highest, "each request was counted once");
    assert!(closes.load(Ordering::Relaxed) >= 8, "{closes:?}");
    assert!(longest < Duration::from_secs(5), "a request took {longest:?}");
    current.signal("-TERM");
    runtime.log_line("stopped").await;
}

#[tokio::test]
async fn a_program_that_does_not_start_leaves_all_as_it_is() {
    let installed = Installed::new();
    let mut runtime = Runtime::start_of(installed.program(), echo(), &[], &[]).await;
    let mut client = runtime.connect("/ws").await;
    let broken = installed.folder.path().join("broken");
    std::fs::write(&broken, "#!/bin/sh\nexit 3\n").unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&broken, executable).unwrap();
    installed.replace_by(&broken);
    runtime.signal("-USR2");
    let line = runtime.log_line("no upgrade, this process goes on").await;
    assert!(line.contains("exit status: 3"), "{line}");
    client.echo("served").await;
    std::fs::remove_file(installed.file()).unwrap();
    runtime.signal("-USR2");
    runtime.log_line("cannot start `").await;
    client.echo("served").await;
    let (_, code) = runtime.terminate().await;
    assert_eq!(code, Some(0));
}

#[tokio::test]
async fn a_program_that_would_not_run_the_flows_does_not_take_over() {
    let mut runtime = Runtime::start(echo()).await;
    let mut client = runtime.connect("/ws").await;
    let unknown = json!([tab("tab"), node("n", "nobody knows it", json!({}), &[])]);
    std::fs::write(&runtime.flows, unknown.to_string()).unwrap();
    runtime.signal("-USR2");
    runtime.log_line("the flows would not run: ").await;
    runtime.log_line("no upgrade, this process goes on").await;
    client.echo("served").await;
    let (_, code) = runtime.terminate().await;
    assert_eq!(code, Some(0));
}

#[tokio::test]
async fn systemd_hears_which_process_is_the_main_one_and_of_no_stop() {
    let notified = Notified::new();
    let env = [("NOTIFY_SOCKET", notified.path.as_str())];
    let mut runtime = Runtime::start_with(echo(), &[], &env).await;
    assert_eq!(notified.until("READY=").await, ["READY=1"]);
    runtime.signal("-USR2");
    let new = Process::of_log(&mut runtime).await;
    loop {
        let lines = notified.until("").await;
        assert!(!lines.iter().any(|line| line == "STOPPING=1"), "{lines:?}");
        if lines[0].starts_with("MAINPID=") {
            assert_eq!(lines, [format!("MAINPID={}", new.0)]);
            break;
        }
    }
    assert_eq!(notified.until("READY=").await, ["READY=1"]);
    runtime.connect("/ws").await.echo("served by the new one").await;
    new.signal("-TERM");
    assert_eq!(notified.until("STOPPING=").await, ["STOPPING=1"]);
}
