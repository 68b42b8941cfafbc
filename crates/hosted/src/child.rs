//! `Child`: the Node.js process, its folder, and its sockets.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::fs::{CWD, Mode, mkfifoat};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::shared::Options;

/// The program of the child.
const PROGRAM: &str = include_str!("child.js");

/// How long the child may take until it connects.
const CONNECT_LIMIT: Duration = Duration::from_secs(30);

/// Longer lines of the child's output are logged in parts of this many bytes.
const MAX_LINE: u64 = 16 << 10;

/// The target of log lines from packages.
pub(crate) const TARGET: &str = "ferrowire::npm";

/// Why there is no child.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotStarted {
    #[error("cannot run `{}`: {source}; install Node.js 18 or later, or name it with `--node-js`", program.display())]
    Program { program: PathBuf, source: std::io::Error },
    #[error("cannot prepare the folder of Node.js")]
    Folder(#[from] std::io::Error),
    #[error("Node.js ended at once ({0})")]
    Ended(ExitStatus),
    #[error("Node.js did not connect within {} seconds", CONNECT_LIMIT.as_secs())]
    Silent,
}

/// A Node.js process that has connected. It is killed when this is dropped, and the folder removed.
pub(crate) struct Child {
    process: tokio::process::Child,
    folder: TempDir,
    /// What logs the output; it ends with the process.
    _logging: JoinSet<()>,
}

impl Child {
    /// Starts Node.js in the user directory. Returns the child and the connection to it.
    pub(crate) async fn start(options: &Options) -> Result<(Self, UnixStream), NotStarted> {
        // Only this user may enter it.
        let folder = tempfile::Builder::new().prefix("ferrowire-npm-").tempdir()?;
        let program = folder.path().join("child.js");
        std::fs::write(&program, PROGRAM)?;
        let socket = folder.path().join("socket");
        let listener = UnixListener::bind(&socket)?;
        let memory = options.memory.map(|mib| format!("--max-old-space-size={mib}"));
        let mut process = Command::new(&options.node_js)
            .args(memory)
            .arg(&program)
            .arg(&socket)
            .current_dir(&options.user_dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| NotStarted::Program { program: options.node_js.clone(), source })?;
        let mut logging = JoinSet::new();
        process.stdout.take().into_iter().for_each(|output| drop(logging.spawn(log_lines(output))));
        process.stderr.take().into_iter().for_each(|output| drop(logging.spawn(log_lines(output))));
        let child = Child { process, folder, _logging: logging };
        child.connected(&listener).await
    }

    async fn connected(
        mut self,
        listener: &UnixListener,
    ) -> Result<(Self, UnixStream), NotStarted> {
        let stream = tokio::select! {
            accepted = listener.accept() => accepted?.0,
            status = self.process.wait() => return Err(NotStarted::Ended(status?)),
            () = tokio::time::sleep(CONNECT_LIMIT) => return Err(NotStarted::Silent),
        };
        Ok((self, stream))
    }

    /// The folder for sockets and pipes.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The socket at which the child serves HTTP.
    pub(crate) fn http(&self) -> PathBuf {
        self.folder.path().join("http")
    }

    /// Creates a named pipe in the folder.
    ///
    /// # Errors
    /// If the file system has no named pipes.
    pub(crate) fn pipe(&self, name: &str) -> std::io::Result<PathBuf> {
        let path = self.folder.path().join(name);
        mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR)?;
        Ok(path)
    }

    /// How the process ended, if it does so within `limit`. Cancel-safe.
    pub(crate) async fn ended(&mut self, limit: Duration) -> String {
        match tokio::time::timeout(limit, self.process.wait()).await {
            Ok(Ok(status)) => status.to_string(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it closed its connection".to_owned(),
        }
    }

    /// Asks the process to end, and kills it if it does not within `limit`.
    pub(crate) async fn terminate(mut self, limit: Duration) {
        let pid = self.process.id().and_then(|pid| i32::try_from(pid).ok());
        if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
            // Fails only if the process has ended.
            let _ended = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        if tokio::time::timeout(limit, self.process.wait()).await.is_err() {
            let _ended = self.process.kill().await;
        }
    }
}

/// Logs what the child prints. Ends with its output.
async fn log_lines(output: impl AsyncRead + Unpin) {
    let (mut output, mut line) = (BufReader::new(output), Vec::new());
    while let Ok(1..) = (&mut output).take(MAX_LINE).read_until(b'\n', &mut line).await {
        let text = String::from_utf8_lossy(&line);
        if !text.trim().is_empty() {
            tracing::info!(target: TARGET, "{}", text.trim_end());
        }
        line.clear();
    }
}
