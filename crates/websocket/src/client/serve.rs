//! One connection of a client, from the handshake to the end of its stream.

use std::pin::pin;
use std::sync::Arc;

use ferrowire_core::{Key, Map, Sending, Value};
use ferrowire_net::Backlog;
use tokio::time::Instant;

use crate::client::dial::Opened;
use crate::client::link::Link;
use crate::connection::{Connection, Ended, Receive};
use crate::events::By;
use crate::frame::{Close, Payload, Role};
use crate::payload::{Session, incoming};
use crate::{events, metrics, status};

/// Why a connection without a heartbeat is dropped.
const SILENT: &str = "it did not answer a ping in time";

impl Link {
    /// Serves a connection until it ends, or is unwanted in this round.
    pub(crate) async fn serve(&self, session: &Session, opened: Opened, round: u64) -> Ended {
        let since = Instant::now();
        let Opened { stream, early, protocol, compression } = opened;
        let connection = Connection::new(stream, Role::Client, self.limits, Backlog::of_process());
        if let Some(agreed) = compression {
            connection.compress(agreed);
        }
        let is_open = self.enter(session, &connection);
        metrics::OPEN_CLIENTS.add(1);
        let _open = Open;
        self.cx.status_of_users(status::connected("", "connect", session));
        let connected = events::tell(&self.cx, session.value.clone(), "connect", &agreed(protocol));
        let receiver = Inbound { link: self, session };
        let mut run = pin!(async {
            // Before the first message.
            connected.await;
            Arc::clone(&connection).run(early, &receiver).await
        });
        let alive = async {
            if !is_open {
                self.open(&connection).await;
            }
            self.options.heartbeat.run(&connection).await;
        };
        let (ended, closed) = tokio::select! {
            ended = &mut run => (ended, None),
            () = alive => {
                let silent = Close { code: Some(events::LOST), reason: SILENT.into() };
                (Ended::Lost(SILENT), Some((silent, By::Runtime)))
            }
            (close, by) = self.unwanted(round) => {
                connection.close(&close);
                (run.await, Some((close, by)))
            }
        };
        metrics::client_closed_with::counter(status::counted_code(&ended)).increment();
        connection.abort();
        self.lock().current = None;
        self.opened.notify_waiters();
        self.cx.debug(format_args!("the connection ended: {}", status::describe(&ended)));
        if !matches!(ended, Ended::Closed(_)) {
            self.cx.status_of_users(status::error(session));
        }
        self.cx.status_of_users(status::disconnected(session));
        let closed = closed.as_ref().map(|(close, by)| (close, *by));
        let payload = events::disconnect(&ended, closed, since.elapsed());
        self.tell_end(session, payload).await;
        ended
    }

    async fn tell_end(&self, session: &Session, payload: Map) {
        let told = events::tell(&self.cx, session.value.clone(), "disconnect", &payload);
        // A flow that does not take it does not hold up a stop.
        tokio::select! {
            biased;
            () = told => {}
            () = self.stop.cancelled() => {}
        }
    }
}

/// The payload of `connect`: the agreed subprotocol, empty without one.
fn agreed(protocol: Option<String>) -> Map {
    Map::from_iter([(Key::new_static("protocol"), Value::from(protocol.unwrap_or_default()))])
}

/// Counts as an open connection until dropped, even if the task is cancelled.
struct Open;

impl Drop for Open {
    fn drop(&mut self) {
        metrics::OPEN_CLIENTS.add(-1);
    }
}

/// Sends the server's messages into the flow.
struct Inbound<'a> {
    link: &'a Link,
    session: &'a Session,
}

impl Receive for Inbound<'_> {
    fn message(&self, payload: Payload) -> Sending {
        metrics::RECEIVED_CLIENTS.increment();
        self.link.cx.send(0, incoming(self.link.options.mode, payload, self.session.value.clone()))
    }
}
