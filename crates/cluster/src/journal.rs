//! `MemberJournal`: a journal as a member uses it, whatever keeps it.
//!
//! One task looks at the journal whenever there is a connection, one writes the queue, and each place that is followed
//! has one.

mod follow;
mod queue;
mod write;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use ferrowire_core::MutexExt as _;
use ferrowire_core::cluster::{Appended, Follower, Interest, Journal, JournalError, Shape, Topic};
use futures_util::future::BoxFuture;
use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::{info, warn};

use crate::archive::{Archive, Opened};
use crate::bucket::HEADERS;
use crate::link::until;
use crate::member::Shared;
use crate::names::{self, JournalNames};
use queue::Queue;

/// The longest subject of a message below the journal's.
const LONGEST: usize = 1024;

/// The largest message until there is a connection: what NATS takes unless it is configured.
const USUAL: usize = 1024 * 1024 - HEADERS;

/// How many places are read at once.
const READING: usize = 16;

/// How long a journal is left alone that could not be opened.
const PAUSE: Duration = Duration::from_secs(1);

/// How often a journal is looked at while all is well.
const LOOK: Duration = Duration::from_secs(60);

/// A journal of the cluster that a member is in.
pub(crate) struct MemberJournal {
    inner: Arc<Inner>,
    _closes: DropGuard,
}

/// What the tasks of a journal share.
struct Inner {
    shared: Arc<Shared>,
    names: JournalNames,
    shape: Shape,
    queue: Queue,
    state: watch::Sender<State>,
    /// Somebody found that the journal is not what it was.
    suspect: Notify,
    reading: Semaphore,
    /// Tells its messages from those of an earlier one.
    number: u64,
    /// Nothing is appended any more.
    closed: CancellationToken,
    was_open: AtomicBool,
    /// The last number of the journal after the last pin.
    pinned: AtomicU64,
    /// The last problem, so that it is told once.
    problem: Mutex<String>,
}

/// Whether the journal can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Not known yet, or away.
    Closed,
    /// With another round everything has to be read again.
    Open {
        epoch: Arc<str>,
        round: u64,
    },
    Unusable(Arc<str>),
}

impl std::fmt::Debug for MemberJournal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemberJournal").field("names", &self.inner.names).finish_non_exhaustive()
    }
}

impl MemberJournal {
    pub(crate) fn new(shared: &Arc<Shared>, name: Topic<'_>, shape: Shape) -> Self {
        let options = &shared.options;
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let closed = CancellationToken::new();
        let inner = Arc::new(Inner {
            names: JournalNames::new(&options.prefix, &options.cluster, name),
            shape,
            queue: Queue::new(options.queue),
            state: watch::Sender::new(State::Closed),
            suspect: Notify::new(),
            reading: Semaphore::new(READING),
            number: NUMBER.fetch_add(1, Ordering::Relaxed),
            closed: closed.clone(),
            was_open: AtomicBool::new(false),
            pinned: AtomicU64::new(0),
            problem: Mutex::default(),
            shared: Arc::clone(shared),
        });
        let written = inner.shared.writers.track_future(write::run(Arc::clone(&inner)));
        let kept = Arc::clone(&inner).keep();
        shared.spawn(async move {
            tokio::select! { () = kept => {}, () = written => {} }
        });
        MemberJournal { inner, _closes: closed.drop_guard() }
    }
}

impl Journal for MemberJournal {
    fn append(
        &self,
        place: Topic<'_>,
        key: &str,
        parts: &[&[u8]],
    ) -> Result<BoxFuture<'static, Result<Appended, JournalError>>, JournalError> {
        let inner = &self.inner;
        if let State::Unusable(why) = &*inner.state.borrow() {
            return Err(JournalError::Unusable(why.to_string()));
        }
        let below = format!("{}.{}", names::key(place), names::key(&[key]));
        let message = Bytes::from(parts.concat());
        inner.check(&below, message.len())?;
        let subject = format!("{}{below}", inner.names.appended);
        let mut outcome = inner.queue.push(subject, message)?;
        let mut connected = inner.shared.connected.subscribe();
        let limit = inner.shared.options.timeout;
        Ok(Box::pin(async move {
            tokio::select! {
                biased;
                outcome = &mut outcome => outcome.unwrap_or(Err(JournalError::Away)).map(|()| Appended::Kept),
                () = until(&mut connected, false) => Ok(Appended::Waits),
                () = tokio::time::sleep(limit) => Ok(Appended::Waits),
            }
        }))
    }

    fn follow(&self, place: Topic<'_>, follower: Box<dyn Follower>) -> Interest {
        let ended = self.inner.closed.child_token();
        let task = follow::run(Arc::clone(&self.inner), names::key(place), follower);
        let until_ended = ended.clone().run_until_cancelled_owned(task);
        self.inner.shared.spawn(async move {
            until_ended.await;
        });
        Interest::new(ended.drop_guard())
    }
}

impl Inner {
    fn check(&self, below: &str, length: usize) -> Result<(), JournalError> {
        let largest = self.shared.archive.get().map_or(USUAL, |archive| archive.largest());
        if length > largest {
            return Err(JournalError::Refused(format!(
                "the message has {length} bytes, NATS takes {largest} at most; raise `max_payload` there"
            )));
        }
        match below.len() <= LONGEST {
            true => Ok(()),
            false => Err(JournalError::Refused(format!(
                "the names of room and topic are longer than {LONGEST} bytes as a subject of NATS"
            ))),
        }
    }

    fn archive(&self) -> Result<&Arc<dyn Archive>, JournalError> {
        self.shared.archive.get().ok_or(JournalError::Away)
    }

    /// Looks at the journal whenever there is a connection, and from time to time.
    async fn keep(self: Arc<Self>) {
        let (mut connected, mut slow) =
            (self.shared.connected.subscribe(), self.shared.slow.subscribe());
        loop {
            until(&mut connected, true).await;
            let (mut anew, mut last) = (true, 0);
            while *connected.borrow() {
                // It may have been away while this task waited for an answer.
                let connects = self.shared.connects.load(Ordering::Relaxed);
                anew |= std::mem::replace(&mut last, connects) != connects;
                let opened = self.look(anew).await;
                if let Some(opened) = &opened {
                    self.pin(opened).await;
                }
                let pause = if opened.is_some() { self.period() } else { PAUSE };
                anew = tokio::select! {
                    () = until(&mut connected, false) => break,
                    Ok(()) = slow.changed() => {
                        tokio::time::sleep(PAUSE).await;
                        true
                    }
                    () = self.suspect.notified() => false,
                    () = tokio::time::sleep(pause) => false,
                };
            }
            self.state.send_if_modified(|state| match state {
                State::Open { .. } => {
                    *state = State::Closed;
                    true
                }
                _ => false,
            });
        }
    }

    /// Opens the journal. With `anew`, or if it is another one, everything is read again.
    async fn look(&self, anew: bool) -> Option<Opened> {
        static ROUND: AtomicU64 = AtomicU64::new(1);
        let opened = match self.archive() {
            Ok(archive) => archive.open(&self.names, &self.shape).await,
            Err(error) => Err(error),
        };
        match opened {
            Ok(opened) => {
                self.was_open.store(true, Ordering::Relaxed);
                let is_same = |state: &State| matches!(state, State::Open { epoch, .. } if **epoch == opened.epoch);
                self.state.send_if_modified(|state| {
                    let changes = anew || !is_same(state);
                    if changes {
                        let round = ROUND.fetch_add(1, Ordering::Relaxed);
                        *state = State::Open { epoch: opened.epoch.as_str().into(), round };
                    }
                    changes
                });
                let mut problem = self.problem.locked();
                if !std::mem::take(&mut *problem).is_empty() {
                    info!("the history `{}` of NATS can be used again", self.names.stream);
                }
                Some(opened)
            }
            Err(error) => {
                self.not_opened(error);
                None
            }
        }
    }

    fn not_opened(&self, error: JournalError) {
        match error {
            // Whoever has not begun with it can do without.
            JournalError::Unusable(why) if !self.was_open.load(Ordering::Relaxed) => {
                self.state.send_replace(State::Unusable(why.into()));
            }
            error => {
                let mut problem = self.problem.locked();
                if problem.is_empty() {
                    warn!(
                        "the history `{}` of NATS cannot be used: {error}; its messages wait",
                        self.names.stream
                    );
                }
                *problem = error.to_string();
                self.state.send_replace(State::Closed);
            }
        }
    }

    /// How often a journal is pinned.
    fn period(&self) -> Duration {
        let of_age = |age: Duration| (age / 8).clamp(Duration::from_secs(1), LOOK);
        self.shape.age.map_or(LOOK, of_age)
    }

    /// Appends a message that belongs to no place. The lowest number that is kept tells what was dropped for its
    /// age or the bytes of all places, but messages that others of their place replaced would raise it as well,
    /// were there not a pin before them.
    async fn pin(&self, opened: &Opened) {
        let may_be_dropped = self.shape.age.is_some() || opened.bytes * 2 > self.shape.bytes as u64;
        let wanted = opened.last == 0
            || may_be_dropped && self.pinned.load(Ordering::Relaxed) != opened.last;
        let Ok(archive) = self.archive() else { return };
        if !wanted {
            return;
        }
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let number =
            if opened.last == 0 { 0 } else { now.as_secs() / self.period().as_secs().max(1) };
        let id = format!("pin-{}-{number}", opened.epoch);
        let subject = format!("{}=pin.{number}", self.names.appended);
        if archive.append(&self.names, (subject, Bytes::new()), id).await.is_ok() {
            self.pinned.store(opened.last + 1, Ordering::Relaxed);
        }
    }
}

/// Waits until the journal can be used, or never.
async fn settled(state: &mut watch::Receiver<State>) -> State {
    let settled = state.wait_for(|state| *state != State::Closed).await;
    settled.map_or(State::Closed, |state| state.clone())
}
