//! `Comms`: the WebSocket at `/comms` that sends events to editors.

mod encode;
mod events;
mod hub;
mod queue;
mod session;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use ferrowire_core::async_trait;
use ferrowire_core::port::{Origin, Response, TakeOver, Upgrade};
use ferrowire_http::text;
use ferrowire_websocket::accept;
use hyper::StatusCode;
use hyper::http::request::Parts;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use self::events::Reporter;
use self::hub::Hub;
use self::session::EditorSession;
use crate::{Admin, Auth, Reply};

pub use encode::{Encoded, MAX_LENGTH, encode};

/// The largest number of connected editors. Further ones get 503.
const EDITORS: usize = 256;

/// Sends events of the flows to editors. Cloning gives another handle.
#[derive(Clone, Debug)]
pub struct Comms {
    shared: Arc<Shared>,
}

/// The state that all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) auth: Arc<Auth>,
    pub(crate) hub: Arc<Hub>,
    pub(crate) stop: CancellationToken,
    /// The time of the start in milliseconds since 1970, which heartbeats carry.
    pub(crate) started: u128,
    tasks: TaskTracker,
    editors: AtomicUsize,
}

impl Comms {
    /// Subscribes to the engine's events. Call it before the engine starts, so that none are missed.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(admin: &Admin) -> Self {
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let shared = Arc::new(Shared {
            auth: Arc::clone(admin.auth()),
            hub: Arc::default(),
            stop: CancellationToken::new(),
            started: time.as_millis(),
            tasks: TaskTracker::new(),
            editors: AtomicUsize::new(0),
        });
        let events = admin.engine().events();
        let reporter = Reporter::new(admin, Arc::clone(&shared.hub));
        let stop = shared.stop.clone();
        shared.tasks.spawn(async move {
            tokio::select! {
                () = reporter.run(events) => {}
                () = stop.cancelled() => {}
            }
        });
        Comms { shared }
    }

    /// Sends `data`, any JSON except `null`, to all connected editors under a topic such as
    /// `event-log/1`. An editor that reads too slowly may miss debug messages and outdated statuses,
    /// or is disconnected.
    pub fn publish(&self, topic: &str, data: &serde_json::Value) {
        self.shared.hub.publish(topic, &data.to_string());
    }

    /// Sends `data` to all connected editors, and to those that connect later, until the next message
    /// of the topic.
    pub fn publish_retained(&self, topic: &str, data: &serde_json::Value) {
        self.shared.hub.retain(topic, &data.to_string());
    }

    /// Publishes a line for the editor's event log. `kind` is `out` or `err`.
    pub(crate) fn event_log(&self, kind: &str, line: &str) {
        self.shared.hub.event_log(kind, line);
    }

    /// Closes all connections and waits until they have ended.
    pub async fn stop(&self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
    }
}

#[async_trait]
impl Upgrade for Comms {
    async fn upgrade(&self, head: Parts, _: Origin) -> Result<TakeOver, Response> {
        let refused = |reply: Reply| reply.into_response(&head);
        self.shared.auth.guard(&head).map_err(refused)?;
        let answer = accept(&head, &[]).map_err(|refusal| *refusal)?;
        let Some(seat) = Seat::take(&self.shared) else {
            let reason = format!("{EDITORS} editors are connected already");
            return Err(text(StatusCode::SERVICE_UNAVAILABLE, reason));
        };
        Ok(Box::new(move |stream, early| {
            let shared = Arc::clone(&seat.0);
            shared.tasks.spawn(async move {
                EditorSession::run(Arc::clone(&seat.0), stream, &answer, early).await;
                drop(seat);
            });
        }))
    }
}

/// One of the [`EDITORS`] connections, until it is dropped.
struct Seat(Arc<Shared>);

impl Seat {
    fn take(shared: &Arc<Shared>) -> Option<Self> {
        let taken = shared.editors.fetch_add(1, Ordering::Relaxed);
        let seat = Seat(Arc::clone(shared));
        (taken < EDITORS).then_some(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.editors.fetch_sub(1, Ordering::Relaxed);
    }
}
