//! The protocols of systemd: the socket that it passes to the program, and what the program tells it.
//!
//! A thread of its own talks to it, since a message waits if nobody reads. It also answers systemd's
//! watchdog, each time after a task and a timer of the workers have come to an end.

use std::net::{IpAddr, TcpListener};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail};
use listenfd::ListenFd;
use rustix::net::{AddressFamily, SocketType};
use sd_notify::NotifyState;
use tokio::runtime::Handle;
use tracing::warn;

use crate::health::Health;
use crate::upgrade::Predecessor;

/// How often the status is looked at if systemd has no watchdog for the program.
const PERIOD: Duration = Duration::from_secs(10);

/// What may wait to be told. More is dropped: systemd does not read then.
const QUEUE: usize = 16;

/// How long systemd may take to read which process is the main one.
const TELL: Duration = Duration::from_secs(1);

/// How much longer than the limits for draining and stopping systemd waits.
const MARGIN: Duration = Duration::from_secs(5);

/// What was passed to this process.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    /// The port.
    pub(crate) socket: Option<TcpListener>,
    /// The process that this one replaces.
    pub(crate) predecessor: Option<Predecessor>,
}

/// What systemd, or the same program at an upgrade, passed to this process; `listen` is the setting.
///
/// # Errors
/// If anything else was passed than one TCP socket that listens, and the stream of an upgrade, or a
/// socket that others reach although `listen` says that only this machine does.
pub(crate) fn passed(listen: IpAddr) -> anyhow::Result<Passed> {
    let mut passed = ListenFd::from_env();
    let predecessor = match passed.len() {
        0 => return Ok(Passed::default()),
        1 => None,
        2 => predecessor(&mut passed)?,
        more => bail!("{more} sockets were passed (`LISTEN_FDS`), but only one is used; pass one"),
    };
    let socket = passed_socket(&mut passed, listen)?;
    Ok(Passed { socket, predecessor })
}

/// The second socket, which must be the stream of an upgrade.
fn predecessor(passed: &mut ListenFd) -> anyhow::Result<Option<Predecessor>> {
    let (family, kind) = (AddressFamily::UNIX.as_raw(), SocketType::STREAM.as_raw());
    let stream = passed.take_custom(1, family.into(), kind as i32, "stream of an upgrade");
    let stream = stream.map_err(|_| {
        anyhow!("2 sockets were passed (`LISTEN_FDS`), but only one is used; pass one")
    })?;
    Ok(stream.map(Predecessor))
}

fn passed_socket(passed: &mut ListenFd, listen: IpAddr) -> anyhow::Result<Option<TcpListener>> {
    let socket = passed.take_tcp_listener(0).context("the socket that was passed is unusable")?;
    let Some(socket) = socket else { return Ok(None) };
    let address = socket.local_addr().context("cannot read the address of the passed socket")?;
    if listen.is_loopback() && !address.ip().is_loopback() {
        bail!(
            "the socket that was passed listens on `{address}`, but `listen` is `{listen}`, so the editor \
             would be reached without the protection that it needs; set `listen` to `{address}`"
        );
    }
    socket.set_nonblocking(true).context("the socket that was passed is unusable")?;
    Ok(Some(socket))
}

/// What the thread is told.
enum Event {
    /// The program entered another state.
    State(State),
    /// A task of the workers has run.
    Alive,
}

/// The states that systemd distinguishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Ready,
    Reloading,
    /// And how long that may take, if it takes longer than the stop alone.
    Stopping(Option<Duration>),
}

/// Tells systemd the state of the program, until dropped.
#[derive(Debug)]
pub(crate) struct Systemd(Option<SyncSender<Event>>);

impl Systemd {
    /// Begins to talk to systemd, if `is_there`. Must be called in the runtime of the workers.
    ///
    /// # Errors
    /// If there can be no further thread.
    pub(crate) fn start(is_there: bool, health: Health) -> anyhow::Result<Self> {
        if !is_there {
            return Ok(Systemd(None));
        }
        let (told, events) = sync_channel(QUEUE);
        let watchdog = sd_notify::watchdog_enabled().map(|limit| limit / 2);
        let talk = Talk {
            health,
            watch: watchdog.map(|_| Watch::new(Handle::current(), told.clone())),
            period: watchdog.unwrap_or(PERIOD),
            status: String::new(),
        };
        std::thread::Builder::new()
            .name("ferrowire-systemd".to_owned())
            .spawn(move || talk.run(&events))
            .context("cannot start the thread for systemd")?;
        Ok(Systemd(Some(told)))
    }

    /// Tells systemd a state.
    pub(crate) fn enter(&self, state: State) {
        if let Some(told) = &self.0
            && told.try_send(Event::State(state)).is_err()
        {
            warn!("systemd does not take what it is told; it misses the state `{state:?}`");
        }
    }
}

/// The thread's side.
struct Talk {
    health: Health,
    watch: Option<Watch>,
    period: Duration,
    /// What was said last.
    status: String,
}

impl Talk {
    fn run(mut self, events: &Receiver<Event>) {
        let mut next = Instant::now() + self.period;
        loop {
            match events.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(Event::State(state)) => self.tell(state),
                Ok(Event::Alive) => {
                    self.watch.iter_mut().for_each(Watch::answered);
                    say(&[NotifyState::Watchdog]);
                }
                Err(RecvTimeoutError::Timeout) => {
                    next = Instant::now() + self.period;
                    self.watch.iter_mut().for_each(Watch::ask);
                    self.say_status();
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn tell(&mut self, state: State) {
        match state {
            State::Ready => say(&[NotifyState::Ready]),
            State::Stopping(None) => say(&[NotifyState::Stopping]),
            State::Stopping(Some(limit)) => {
                let microseconds = u32::try_from((limit + MARGIN).as_micros()).unwrap_or(u32::MAX);
                say(&[NotifyState::Stopping, NotifyState::ExtendTimeoutUsec(microseconds)]);
            }
            // systemd 253 and later compare the time with that of their request.
            State::Reloading => match NotifyState::monotonic_usec_now() {
                Ok(now) => say(&[NotifyState::Reloading, now]),
                Err(_) => say(&[NotifyState::Reloading]),
            },
        }
        self.say_status();
    }

    fn say_status(&mut self) {
        let status = match self.health.reason() {
            None => "ready".to_owned(),
            Some(reason) => format!("not ready: {reason}"),
        };
        if status != self.status {
            say(&[NotifyState::Status(&status)]);
            self.status = status;
        }
    }
}

/// Tells systemd, if it is there, which process is the main one from now on.
pub(crate) async fn hand_over(process: u32) {
    let told = tokio::task::spawn_blocking(move || say(&[NotifyState::MainPid(process)]));
    // A message waits if nobody reads.
    if tokio::time::timeout(TELL, told).await.is_err() {
        warn!("systemd does not take what it is told; it misses the new main process");
    }
}

fn say(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!("systemd cannot be told the state of the program: {error}");
    }
}

/// Asks the workers for a sign of life.
struct Watch {
    workers: Handle,
    answer: SyncSender<Event>,
    asked: bool,
}

impl Watch {
    fn new(workers: Handle, answer: SyncSender<Event>) -> Self {
        Watch { workers, answer, asked: false }
    }

    /// Gives the workers a task that sends [`Event::Alive`], unless they have one.
    fn ask(&mut self) {
        if self.asked {
            return warn!("the worker threads do not run tasks; systemd's watchdog gets no answer");
        }
        self.asked = true;
        let answer = self.answer.clone();
        self.workers.spawn(async move {
            // A timer needs the driver, which waits for the sockets as well.
            tokio::time::sleep(Duration::from_millis(1)).await;
            // If the queue is full, the next question has no answer, and systemd decides.
            let _full = answer.try_send(Event::Alive);
        });
    }

    fn answered(&mut self) {
        self.asked = false;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::TryRecvError;

    use super::*;

    #[test]
    fn workers_that_are_held_give_no_sign_of_life() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .unwrap();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let (begin, began) = std::sync::mpsc::channel();
        runtime.spawn(async move {
            begin.send(()).unwrap();
            let _released = released.recv();
        });
        began.recv().unwrap();
        let (answer, events) = sync_channel(QUEUE);
        let mut watch = Watch::new(runtime.handle().clone(), answer);
        watch.ask();
        watch.ask();
        assert!(matches!(events.try_recv(), Err(TryRecvError::Empty)));
        release.send(()).unwrap();
        assert!(matches!(events.recv().unwrap(), Event::Alive));
        assert!(matches!(events.try_recv(), Err(TryRecvError::Empty)), "it was asked once");
        watch.answered();
        watch.ask();
        assert!(matches!(events.recv().unwrap(), Event::Alive));
    }
}
