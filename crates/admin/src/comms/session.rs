//! `EditorSession`: one editor at `/comms`.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use ferrowire_core::port::ByteStream;
use ferrowire_core::{MutexExt as _, Sending, Value};
use ferrowire_websocket::{Backlog, Close, Connection, Limits, NotSent, Payload, Receive};
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior};

use crate::Auth;
use crate::comms::Shared;
use crate::comms::hub::{Present, item};
use crate::comms::queue::Queue;

/// Node-RED's `webSocketKeepAliveTime`: proxies close idle connections.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// The time within which an editor has to send its token.
const LOGIN: Duration = Duration::from_secs(30);

/// Small, since editors send small messages.
const LIMITS: Limits = Limits { max_message: 64 * 1024, max_queue: 1 << 20, ..Limits::DEFAULT };

const READ: &str = "status.read";

/// One editor.
pub(crate) struct EditorSession {
    shared: Arc<Shared>,
    connection: Arc<Connection<ByteStream>>,
    queue: Arc<Queue>,
    access: Mutex<Access>,
    access_changed: Notify,
}

/// Whether the editor receives messages.
enum Access {
    /// It has not sent a token.
    Unknown,
    /// It does, until the token expires or is revoked.
    Granted { token: Option<String>, until: Option<Instant>, _present: Present },
}

impl EditorSession {
    pub(crate) async fn run(shared: Arc<Shared>, stream: ByteStream, answer: &Bytes, early: Bytes) {
        let connection = Connection::accepted(stream, answer, LIMITS, Backlog::of_process());
        let session = EditorSession {
            shared,
            connection: Arc::clone(&connection),
            queue: Arc::default(),
            access: Mutex::new(Access::Unknown),
            access_changed: Notify::new(),
        };
        if !session.shared.auth.is_on() {
            session.grant(None, None);
        }
        let reading = connection.run(early, &session);
        let mut reading = std::pin::pin!(reading);
        let close = tokio::select! {
            _ended = reading.as_mut() => return,
            close = session.write() => close,
        };
        session.connection.close(&close);
        let _ended = reading.await;
    }

    fn auth(&self) -> &Auth {
        &self.shared.auth
    }

    fn access(&self) -> MutexGuard<'_, Access> {
        self.access.locked()
    }

    fn grant(&self, token: Option<String>, remaining: Option<Duration>) {
        let until = remaining.map(|remaining| Instant::now() + remaining);
        let present = self.shared.hub.enter(&self.queue);
        *self.access() = Access::Granted { token, until, _present: present };
        self.access_changed.notify_one();
    }

    /// Sends published messages, until the connection has to be closed.
    async fn write(&self) -> Close {
        let mut heartbeat = tokio::time::interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let feed = async {
            loop {
                match self.queue.batch().await {
                    Ok(batch) => self.send(batch).await,
                    Err(_) => return close(1008, "reading too slowly"),
                }
            }
        };
        let beat = async {
            loop {
                heartbeat.tick().await;
                if matches!(*self.access(), Access::Granted { .. }) {
                    self.queue.push(item("hb", &self.shared.started.to_string()));
                }
            }
        };
        tokio::select! {
            close = feed => close,
            () = beat => close(1001, "going away"),
            () = self.access_ends() => {
                self.send(FAIL.to_owned()).await;
                close(1000, "the login has ended")
            }
            () = self.shared.stop.cancelled() => close(1001, "going away"),
        }
    }

    /// Ends when the editor has to be disconnected: it did not log in in time, its token has expired,
    /// or it was logged out.
    async fn access_ends(&self) {
        let mut logouts = self.auth().logouts();
        let mut login_by = Some(Instant::now() + LOGIN);
        loop {
            let end = match &*self.access() {
                Access::Unknown => login_by,
                Access::Granted { until, .. } => {
                    login_by = None;
                    *until
                }
            };
            let time_is_up = async {
                match end {
                    Some(end) => tokio::time::sleep_until(end).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = time_is_up => return,
                () = self.access_changed.notified() => {}
                changed = logouts.changed() => {
                    if changed.is_err() || self.is_logged_out() {
                        return;
                    }
                }
            }
        }
    }

    fn is_logged_out(&self) -> bool {
        match &*self.access() {
            Access::Granted { token: Some(token), .. } => self.auth().identity(token).is_none(),
            _ => false,
        }
    }

    async fn send(&self, text: String) {
        let mut payload = Payload::Text(text.into());
        while let Err(NotSent::Full(again)) = self.connection.send(payload) {
            self.connection.room().await;
            payload = again;
        }
    }

    /// Answers without waiting: an editor that does not read answers is disconnected.
    fn answer(&self, text: &'static str) {
        if let Err(NotSent::Full(_)) = self.connection.send(Payload::Text(text.into())) {
            self.connection.close(&close(1008, "reading too slowly"));
        }
    }

    fn refuse(&self) {
        self.answer(FAIL);
        self.connection.close(&close(1000, "not authorized"));
    }

    fn handle(&self, frame: &Value) {
        if let Some(token) = frame.get("auth").filter(|token| token.is_truthy()) {
            return self.log_in(token.as_str().unwrap_or_default());
        }
        if matches!(*self.access(), Access::Unknown) {
            match self.auth().anonymous() {
                Some(user) if user.permissions.allow(READ) => self.grant(None, None),
                _ => return self.refuse(),
            }
        }
        if let Some(pattern) = frame.get("subscribe").and_then(Value::as_str) {
            self.shared.hub.replay(pattern, &self.queue);
        }
    }

    fn log_in(&self, token: &str) {
        if !self.auth().is_on() {
            // The editor has a token from a time when the runtime needed logins.
            return self.answer(OK);
        }
        match self.auth().identity(token) {
            Some(identity) if identity.user.permissions.allow(READ) => {
                self.grant(Some(token.to_owned()), identity.remaining);
                self.answer(OK);
            }
            _ => self.refuse(),
        }
    }
}

impl Receive for EditorSession {
    fn message(&self, payload: Payload) -> Sending {
        // As in Node-RED, a frame that is not JSON is ignored.
        if let Ok(frame) = Value::from_json(payload.as_bytes()) {
            self.handle(&frame);
        }
        Sending::done()
    }
}

const OK: &str = r#"{"auth":"ok"}"#;
const FAIL: &str = r#"{"auth":"fail"}"#;

fn close(code: u16, reason: &'static str) -> Close {
    Close { code: Some(code), reason: reason.into() }
}
