//! `Watch`: the connections of a listener in the order in which something is due for them.
//!
//! One task of the listener looks at the connections that are due, so a connection needs no timer.
//! A frame only sets a flag or a time; it does not move its connection in the queue.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferrowire_core::{Level, MutexExt as _, NodeContext};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::events::By;
use crate::listener::alive::AliveOptions;
use crate::listener::alive::check::{Check, Signs, Verdict};
use crate::listener::member::Client;

/// How many connections are looked at before other tasks of the thread go on.
const SHARE: usize = 64;

/// Between two looks at the queue passes a part of the shortest time limit, within these bounds.
const PART: u32 = 32;
const PAUSE: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(250));

/// When something is due, and the connection's number.
type Due = (Instant, u64);

/// The connections of a listener that requires its clients to be alive.
pub(crate) struct Watch {
    options: AliveOptions,
    began: Instant,
    numbers: AtomicU64,
    queue: Mutex<BTreeMap<Due, Arc<Patient>>>,
    /// Notified when a connection is due before all others.
    earlier: Notify,
}

/// A watched connection.
struct Patient {
    client: Client,
    /// Milliseconds from the beginning of the watch.
    last_message: AtomicU64,
    times: Mutex<Times>,
}

#[derive(Debug)]
struct Times {
    check: Check,
    /// The key in the queue; changed with the queue locked.
    due: Due,
    has_left: bool,
}

/// Keeps a connection in the queue until dropped.
pub(crate) struct Watched {
    watch: Arc<Watch>,
    patient: Arc<Patient>,
}

impl Watch {
    /// A watch with `options`; `None` if they require nothing.
    pub(crate) fn new(options: AliveOptions) -> Option<Arc<Self>> {
        options.is_any().then(|| {
            Arc::new(Watch {
                options,
                began: Instant::now(),
                numbers: AtomicU64::new(0),
                queue: Mutex::default(),
                earlier: Notify::new(),
            })
        })
    }

    /// Watches a connection that has just been opened.
    pub(crate) fn add(self: &Arc<Self>, client: &Client) -> Watched {
        let now = Instant::now();
        let check = Check::new(&self.options, now, fastrand::f64());
        let due = (check.next(now).unwrap_or(now), self.numbers.fetch_add(1, Ordering::Relaxed));
        let patient = Arc::new(Patient {
            client: client.clone(),
            last_message: AtomicU64::new(self.to_millis(now)),
            times: Mutex::new(Times { check, due, has_left: false }),
        });
        let mut queue = self.queue.locked();
        let is_first = queue.first_key_value().is_none_or(|(first, _)| due < *first);
        queue.insert(due, Arc::clone(&patient));
        drop(queue);
        if is_first {
            self.earlier.notify_one();
        }
        Watched { watch: Arc::clone(self), patient }
    }

    fn to_millis(&self, at: Instant) -> u64 {
        u64::try_from((at - self.began).as_millis()).unwrap_or(u64::MAX)
    }

    /// Looks at connections when they are due, without end.
    pub(crate) async fn run(&self, cx: &NodeContext) {
        let shortest = self.options.shortest().unwrap_or_default();
        let pause = (shortest / PART).clamp(PAUSE.0, PAUSE.1);
        loop {
            self.until_due().await;
            let now = Instant::now();
            loop {
                let due = self.take_due(now);
                for patient in &due {
                    self.look_at(patient, now, cx);
                }
                if due.len() < SHARE {
                    break;
                }
                tokio::task::yield_now().await;
            }
            tokio::time::sleep(pause).await;
        }
    }

    async fn until_due(&self) {
        loop {
            let first = self.queue.locked().first_key_value().map(|((at, _), _)| *at);
            tokio::select! {
                () = self.earlier.notified() => {}
                () = tokio::time::sleep_until(first.unwrap_or(self.began)), if first.is_some() => {
                    return;
                }
            }
        }
    }

    /// Takes the first connections that are due.
    fn take_due(&self, now: Instant) -> Vec<Arc<Patient>> {
        let mut queue = self.queue.locked();
        let mut due = Vec::new();
        while due.len() < SHARE
            && let Some(first) = queue.first_entry().filter(|first| first.key().0 <= now)
        {
            due.push(first.remove());
        }
        due
    }

    /// Looks at a connection that is not in the queue, and puts it back there if it stays.
    fn look_at(&self, patient: &Arc<Patient>, now: Instant, cx: &NodeContext) {
        let connection = &patient.client.connection;
        if !connection.is_open() {
            return;
        }
        if connection.is_busy() {
            patient.last_message.store(self.to_millis(now), Ordering::Relaxed);
        }
        let last_message = Duration::from_millis(patient.last_message.load(Ordering::Relaxed));
        let signs =
            Signs { is_active: connection.take_active(), last_message: self.began + last_message };
        let verdict = patient.times.locked().check.at(now, signs);
        match verdict {
            Verdict::Stay { ping, until } => {
                if ping {
                    connection.ping();
                }
                self.put_back(patient, until);
            }
            Verdict::Leave(reason) => {
                reason.counter().increment();
                let (session, close) = (&patient.client.member.session.id, reason.close());
                let text = &close.reason;
                cx.log(Level::Debug, format_args!("session {session} is closed: {text}"));
                patient.client.close(&close, By::Runtime);
            }
        }
    }

    fn put_back(&self, patient: &Arc<Patient>, until: Instant) {
        let mut queue = self.queue.locked();
        let mut times = patient.times.locked();
        if !times.has_left {
            times.due.0 = until;
            queue.insert(times.due, Arc::clone(patient));
        }
    }
}

impl Watched {
    /// A message of the client has arrived.
    pub(crate) fn message(&self) {
        if self.watch.options.idle.is_some() {
            let now = self.watch.to_millis(Instant::now());
            self.patient.last_message.store(now, Ordering::Relaxed);
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let mut queue = self.watch.queue.locked();
        let mut times = self.patient.times.locked();
        times.has_left = true;
        queue.remove(&times.due);
    }
}
