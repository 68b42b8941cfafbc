//! An upgrade without a gap: the program file starts again with the port, and begins when this process has
//! ended.
//!
//! The flows run in one process at a time, since contexts, timers and logins at brokers cannot be shared. So
//! the new process prepares all that has no effect, and waits for the end of the old one. The end of their
//! common stream tells it: then the locks are free and contexts are written. Clients that connect meanwhile
//! wait in the queue of the socket, which is open all the time.

use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Pair;
use std::os::unix::process::parent_id;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use command_fds::{CommandFdExt as _, FdMapping};
use ferrowire_core::Registry;
use ferrowire_engine::{Environment, Severity, check};
use ferrowire_http::ServerTls;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::process::Child;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::flows::{self, Places};
use crate::settings::Settings;
use crate::signals::Asked;
use crate::{npm_nodes, process_env, systemd};

/// How long the new process may take to prepare.
const PREPARE: Duration = Duration::from_secs(30);

/// How long the old process may take to go when its stream has ended, and how often that is looked at.
const GO: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(2);

/// The first file that is passed to a process.
const FIRST_FILE: i32 = 3;

/// What was called, to be started again.
#[derive(Clone, Debug)]
pub(crate) struct ProgramFile {
    path: PathBuf,
    arguments: Vec<OsString>,
}

impl ProgramFile {
    /// That of this process: the path it was called with, so that a link may lead to another version by
    /// then; if it was found by its name, where it was.
    ///
    /// # Errors
    /// If it cannot be found.
    pub(crate) fn of(mut arguments: impl Iterator<Item = OsString>) -> std::io::Result<Self> {
        let called = PathBuf::from(arguments.next().unwrap_or_default());
        let path = match called.components().count() {
            0 | 1 => std::env::current_exe()?,
            _ => std::path::absolute(called)?,
        };
        Ok(ProgramFile { path, arguments: arguments.collect() })
    }
}

/// The new process. Killed on drop, unless it was told to begin.
#[derive(Debug)]
pub(crate) struct Successor {
    child: Option<Child>,
    /// Its end tells that process to begin.
    stream: Option<UnixStream>,
}

impl Successor {
    /// Starts the program with the port, and waits until it is prepared.
    ///
    /// # Errors
    /// If it does not start, refuses the settings or flows, or takes too long.
    async fn start(program: &ProgramFile, port: OwnedFd) -> anyhow::Result<Self> {
        let (ours, theirs) = Pair::pair().context("cannot make a pair of sockets")?;
        ours.set_nonblocking(true)?;
        let mut stream = UnixStream::from_std(ours)?;
        let child = spawn(program, [port, theirs.into()])?;
        let mut successor = Successor { child: Some(child), stream: None };
        match tokio::time::timeout(PREPARE, stream.read_u8()).await {
            Ok(Ok(_)) => {
                successor.stream = Some(stream);
                Ok(successor)
            }
            Ok(Err(_)) => Err(successor.ended().await),
            Err(_) => bail!("it was not prepared within {PREPARE:?}"),
        }
    }

    async fn ended(&mut self) -> anyhow::Error {
        let Some(child) = &mut self.child else { return anyhow!("it has ended") };
        match child.wait().await {
            Ok(status) => anyhow!("it ended with {status}; its log says why"),
            Err(error) => error.into(),
        }
    }

    /// Lets it begin when what this returns is dropped, unless the program is asked to end altogether.
    async fn succeed(mut self, asked: &Asked) -> Option<UnixStream> {
        if asked.stop.is_cancelled() {
            info!("the new process ends, too");
            return None;
        }
        let Some(id) = self.child.as_ref().and_then(Child::id) else {
            error!("the new process has ended, so nothing takes the port over");
            return None;
        };
        systemd::hand_over(id).await;
        info!("process {id} takes over");
        self.child = None;
        self.stream.take()
    }
}

/// Lets the new process begin when what this returns is dropped, if there is one.
pub(crate) async fn leave_to(successor: Option<Successor>, asked: &Asked) -> Option<UnixStream> {
    successor?.succeed(asked).await
}

impl Drop for Successor {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It has ended already, or it must not begin.
            let _ended = child.start_kill();
        }
    }
}

/// Starts the program with these files. What systemd has told this process does not hold for the new one.
fn spawn(program: &ProgramFile, files: [OwnedFd; 2]) -> anyhow::Result<Child> {
    let mut command = Command::new(&program.path);
    let count = files.len().to_string();
    let mappings = files.into_iter().zip(FIRST_FILE..);
    let mappings =
        mappings.map(|(parent_fd, child_fd)| FdMapping { parent_fd, child_fd }).collect();
    command.args(&program.arguments).env("LISTEN_FDS", count).fd_mappings(mappings)?;
    for name in ["LISTEN_PID", "LISTEN_FDNAMES", "WATCHDOG_PID"] {
        command.env_remove(name);
    }
    let path = program.path.display();
    let child = tokio::process::Command::from(command).spawn();
    child.with_context(|| format!("cannot start `{path}`"))
}

/// Waits until an upgrade is asked for and a new process is prepared for it. If one fails, all goes on.
pub(crate) async fn when_asked(asked: &Asked, program: &ProgramFile, port: &OwnedFd) -> Successor {
    loop {
        asked.upgrade.notified().await;
        info!("starting `{}` for an upgrade", program.path.display());
        let started = match port.try_clone() {
            Ok(port) => Successor::start(program, port).await,
            Err(error) => Err(error.into()),
        };
        match started {
            Ok(successor) => return successor,
            Err(error) => error!("no upgrade, this process goes on: {error:#}"),
        }
    }
}

/// The old process, as the new one sees it.
#[derive(Debug)]
pub(crate) struct Predecessor(pub(crate) Pair);

impl Predecessor {
    /// Tells it that this process is prepared, and waits for its end. Returns whether it is this
    /// process's turn: it may be asked to end before.
    ///
    /// # Errors
    /// If the stream between them is unusable.
    pub(crate) async fn wait_for_end(self, stop: &CancellationToken) -> anyhow::Result<bool> {
        let parent = parent_id();
        self.0.set_nonblocking(true)?;
        let mut stream = UnixStream::from_std(self.0)?;
        stream.write_u8(0).await.context("the old process has gone")?;
        info!("prepared, waiting for the end of the old process");
        // Nothing is sent: any result is its end.
        let ended = stop.run_until_cancelled(stream.read_u8()).await;
        if ended.is_none() {
            return Ok(false);
        }
        has_gone(parent).await;
        Ok(true)
    }
}

/// Waits until the process that started this one has gone. A process that is killed closes its files one
/// after the other, the locks perhaps later than the stream.
async fn has_gone(parent: u32) {
    let gone = async {
        while parent_id() == parent {
            tokio::time::sleep(LOOK).await;
        }
    };
    if tokio::time::timeout(GO, gone).await.is_err() {
        warn!("process {parent} is still there; beginning anyway");
    }
}

/// Checks what would prevent flows from running, without effects.
///
/// # Errors
/// What that is.
pub(crate) fn prepare(
    settings: &Settings,
    mut registry: Registry,
    places: &Places,
) -> anyhow::Result<()> {
    settings.tls.clone().map(ServerTls::load).transpose()?;
    let _missing_runtime = npm_nodes::add_types(settings, &places.user_dir, &mut registry);
    let exists = |path: &&PathBuf| Path::exists(path);
    let files: Vec<PathBuf> = places.flow_files.iter().filter(exists).cloned().collect();
    let problems = check(&flows::read(&files)?, &registry, &Environment::new(process_env));
    match problems.iter().find(|problem| problem.severity == Severity::MissingType) {
        Some(problem) => bail!("the flows would not run: {problem}"),
        None => Ok(()),
    }
}
