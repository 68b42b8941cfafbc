//! The connection of a client: dialled, served, and dialled again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ferrowire_core::{MutexExt as _, NodeContext, NodeError, Value};
use ferrowire_net::{Backoff, Failures, Stream, wanted};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::client::attempt::{Failed, establish};
use crate::client::details::details;
use crate::client::dial::Opened;
use crate::client::options::Options;
use crate::client::queue::Queue;
use crate::client::wish::{Request, Wish};
use crate::connection::closing::going_away;
use crate::connection::{Connection, Ended, Limits};
use crate::events::By;
use crate::frame::Close;
use crate::payload::Session;
use crate::settings::Settings;
use crate::status;

/// The connection and its options.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) cx: NodeContext,
    pub(crate) options: Arc<Options>,
    pub(crate) limits: Limits,
    /// The delay between the end of a connection and the next attempt, unless the node has its own.
    first_delay: Duration,
    /// The time limit from the first packet to the end of the handshake.
    pub(crate) handshake: Duration,
    outlet: Mutex<Outlet>,
    /// Notified when messages go to the connection again, or it has ended.
    pub(crate) opened: Notify,
    wish: watch::Sender<Wish>,
    pub(crate) stop: CancellationToken,
    ended: CancellationToken,
}

/// Where messages go.
#[derive(Debug)]
pub(crate) struct Outlet {
    pub(crate) current: Option<Current>,
    /// What waits for a connection.
    pub(crate) queue: Option<Queue>,
    /// A warning said that the queue is full; one is enough until the next connection.
    pub(crate) is_full_told: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Current {
    pub(crate) session: Session,
    pub(crate) connection: Arc<Connection<Stream>>,
    /// The opening messages and those of the queue have been sent.
    pub(crate) is_open: bool,
}

/// How an attempt to be connected ended.
enum End {
    /// No node uses the client, or it was told something else.
    Unwanted,
    Failed(Failed),
    Served {
        session: Session,
        ended: Ended,
        time: Duration,
    },
}

impl Link {
    /// Not connected yet.
    pub(crate) fn new(cx: NodeContext, options: Arc<Options>) -> Self {
        let settings = Settings::of(&cx);
        let limits = options.overrides.over(settings.limits);
        let queue = options.queue.map(|queue| Queue::new(queue, limits.max_queue));
        Link {
            cx,
            limits,
            first_delay: settings.reconnect,
            handshake: options.handshake.unwrap_or(settings.handshake),
            outlet: Mutex::new(Outlet { current: None, queue, is_full_told: false }),
            opened: Notify::new(),
            wish: watch::Sender::new(Wish::first(options.is_automatic, options.url.clone())),
            options,
            stop: CancellationToken::new(),
            ended: CancellationToken::new(),
        }
    }

    /// Runs until [`stop`](Self::stop).
    pub(crate) async fn run(&self) {
        self.keep_up().await;
        self.ended.cancel();
    }

    /// Connects while a node uses this one, and reconnects after every end, until it stops.
    async fn keep_up(&self) {
        let mut backoff = Backoff::new(self.options.backoff, self.first_delay);
        let mut failures = Failures::default();
        while self.wanted().await {
            let wish = self.wish.borrow().clone();
            let end = self.connect_once(&wish, &mut failures).await;
            let mut asked = None;
            match &end {
                End::Unwanted => {}
                End::Failed(failed) => asked = failed.retry_after,
                End::Served { time, .. } => backoff.connected_for(*time),
            }
            if self.stops_after(&end) {
                backoff.reset();
                continue;
            }
            tokio::select! {
                _why = self.unwanted(wish.round) => backoff.reset(),
                () = tokio::time::sleep(backoff.next(asked)) => {}
            }
        }
    }

    /// Waits until a node uses this one and the flow wants a connection; `false` if it stops.
    async fn wanted(&self) -> bool {
        let (users, wish) = (self.cx.users(), self.wish.subscribe());
        wanted(&self.stop, users, wish, |wish| wish.on).await
    }

    /// Ends when no node uses this one any more, it stops, or the flow wants something else than in
    /// this round. Returns how the connection is to be closed, and for whom.
    pub(crate) async fn unwanted(&self, round: u64) -> (Close, By) {
        let (mut users, mut wish) = (self.cx.users(), self.wish.subscribe());
        tokio::select! {
            () = self.stop.cancelled() => (going_away(), By::Runtime),
            _ = users.wait_for(|users| users.is_empty()) => (going_away(), By::Runtime),
            changed = wish.wait_for(|wish| wish.round != round) => match changed {
                Ok(wish) => (wish.close.clone(), By::Flow),
                Err(_) => (going_away(), By::Runtime),
            },
        }
    }

    /// Does what a node that uses this one asks for.
    ///
    /// # Errors
    /// If the request is invalid.
    pub(crate) fn answer(&self, request: &Value) -> Result<Value, NodeError> {
        let request = Request::read(request)?;
        self.wish.send_modify(|wish| request.apply(wish));
        let is_connected = self.lock().current.is_some();
        let answer: ferrowire_core::Map =
            [("connected", Value::from(is_connected))].into_iter().collect();
        Ok(answer.into())
    }

    /// Whether the server said that the client is not to come back. It then waits to be told.
    fn stops_after(&self, end: &End) -> bool {
        let (code, why) = match end {
            End::Unwanted => return false,
            End::Failed(failed) => {
                (failed.status, failed.status.map(|it| format!("refused with {it}")))
            }
            End::Served { ended, .. } => (status::code(ended), Some(status::describe(ended))),
        };
        let (Some(code), Some(why)) = (code, why) else { return false };
        if !self.options.stops.contains(code) {
            return false;
        }
        self.wish.send_modify(|wish| wish.on = false);
        let session = match end {
            End::Served { session, .. } => session.clone(),
            _ => Session::new(),
        };
        self.cx.warn(format_args!(
            "{why}, one of the codes to stop at: it does not reconnect until it is deployed again \
             or told to connect"
        ));
        self.cx.status_of_users(status::stopped(&why, &session));
        true
    }

    /// Dials and serves one connection.
    async fn connect_once(&self, wish: &Wish, failures: &mut Failures) -> End {
        let established = tokio::select! {
            established = establish(self, wish.url.clone()) => established,
            _why = self.unwanted(wish.round) => return End::Unwanted,
        };
        match established {
            Ok(opened) => {
                let failed = failures.end();
                if failed > 0 {
                    self.cx.info_log(format_args!("connected, failed attempts before: {failed}"));
                }
                let since = Instant::now();
                let session = self.session(wish, &opened);
                let ended = self.serve(&session, opened, wish.round).await;
                End::Served { session, ended, time: since.elapsed() }
            }
            Err(failed) => {
                let session = Session::new();
                let text = failed.error.chain();
                match failures.add(&text) {
                    Some(warning) => self.cx.warn(warning),
                    None => self.cx.debug(text),
                }
                self.cx.status_of_users(status::error(&session));
                self.cx.status_of_users(status::disconnected(&session));
                End::Failed(failed)
            }
        }
    }

    /// The session of a connection, with what the flow is to know of it.
    fn session(&self, wish: &Wish, opened: &Opened) -> Session {
        match &wish.url {
            Some(url) if self.options.has_details => Session::with(details(url, opened)),
            _ => Session::new(),
        }
    }

    /// From now on messages belong to this connection; whether they go to it at once.
    pub(crate) fn enter(&self, session: &Session, connection: &Arc<Connection<Stream>>) -> bool {
        let mut outlet = self.lock();
        let is_open = self.options.opening.is_empty()
            && outlet.queue.as_ref().is_none_or(|queue| queue.is_empty());
        let (session, connection) = (session.clone(), Arc::clone(connection));
        outlet.current = Some(Current { session, connection, is_open });
        outlet.is_full_told = false;
        is_open
    }

    pub(crate) fn lock(&self) -> std::sync::MutexGuard<'_, Outlet> {
        self.outlet.locked()
    }

    /// Waits until the connection is closed.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.ended.cancelled().await;
    }
}
