//! Sending messages of the flow to the server of a client, or keeping them until it is connected.

use std::sync::Arc;

use ferrowire_core::{Handled, Message, NodeError};
use ferrowire_net::Stream;

use crate::client::link::{Current, Link, Outlet};
use crate::client::queue::{Put, Queue};
use crate::connection::{Connection, NotSent};
use crate::frame::Payload;
use crate::metrics;
use crate::payload::{Session, outgoing};

impl Link {
    /// Sends to the server, unless the message is for another session.
    pub(crate) fn send(self: &Arc<Self>, msg: Message) -> Handled {
        let outlet = self.lock();
        let current = outlet.current.clone();
        let has_queue = outlet.queue.is_some();
        drop(outlet);
        if current.is_none() && !has_queue {
            metrics::DROPPED_GONE.increment();
            self.cx.warn("not connected; the message was dropped");
            return Handled::Done;
        }
        let session = current.as_ref().map(|current| &current.session.id);
        if Session::id_in(&msg).is_some_and(|id| session.is_none_or(|session| session != id)) {
            self.cx.debug("the message is for another session; it was dropped");
            return Handled::Done;
        }
        let payload = match outgoing(self.options.mode, msg) {
            Ok(Some(payload)) => payload,
            Ok(None) => return Handled::Done,
            Err(error) => return Handled::Failed(error.into()),
        };
        match current {
            Some(Current { connection, is_open: true, .. }) => self.send_now(connection, payload),
            Some(_) if !has_queue => {
                Handled::Later(Box::pin(Arc::clone(self).send_opened(payload)))
            }
            _ => self.send_queued(payload),
        }
    }

    fn send_now(
        self: &Arc<Self>,
        connection: Arc<Connection<Stream>>,
        payload: Payload,
    ) -> Handled {
        // Only a queue needs the message again.
        let again = self.options.queue.map(|_| payload.clone());
        match connection.send(payload) {
            Ok(()) => {
                metrics::SENT_CLIENTS.increment();
                Handled::Done
            }
            Err(NotSent::Closed) => match again {
                Some(payload) => self.queue(&mut self.lock(), payload),
                None => {
                    metrics::DROPPED_GONE.increment();
                    self.cx.warn("the connection is closing; the message was dropped");
                    Handled::Done
                }
            },
            Err(NotSent::Full(payload)) => {
                Handled::Later(Box::pin(when_possible(Arc::clone(self), connection, payload)))
            }
        }
    }

    /// Not connected, or the messages that waited for the connection are still being sent.
    fn send_queued(self: &Arc<Self>, payload: Payload) -> Handled {
        let mut outlet = self.lock();
        match &outlet.current {
            // Opened meanwhile.
            Some(Current { connection, is_open: true, .. }) => {
                let connection = Arc::clone(connection);
                drop(outlet);
                self.send_now(connection, payload)
            }
            // The server takes what waits, so the sender may wait for it.
            Some(_) if outlet.is_full_for(&payload) => {
                Handled::Later(Box::pin(Arc::clone(self).send_opened(payload)))
            }
            _ => self.queue(&mut outlet, payload),
        }
    }

    fn queue(&self, outlet: &mut Outlet, payload: Payload) -> Handled {
        let Some(queue) = &mut outlet.queue else { return Handled::Done };
        let dropped = match queue.put(payload) {
            Put::Queued { dropped: 0 } => return Handled::Done,
            Put::Queued { dropped } => dropped,
            Put::Dropped => 1,
            Put::Failed => {
                return Handled::Failed(NodeError::new(match queue.is_empty() {
                    true => "not connected; the message was not sent".to_owned(),
                    false => format!(
                        "not connected, and the queue is full with {} messages; the message was \
                         not sent",
                        queue.len()
                    ),
                }));
            }
        };
        metrics::DROPPED_QUEUE.add(dropped);
        if !std::mem::replace(&mut outlet.is_full_told, true) {
            self.cx.warn("not connected, and the queue is full; messages are dropped");
        }
        Handled::Done
    }

    /// Sends a message once the connection is open for it.
    async fn send_opened(self: Arc<Self>, payload: Payload) -> Result<(), NodeError> {
        let sending = loop {
            let mut opened = std::pin::pin!(self.opened.notified());
            opened.as_mut().enable();
            let current = self.lock().current.clone();
            match current {
                Some(Current { connection, is_open: true, .. }) => {
                    break self.send_now(connection, payload);
                }
                Some(_) => opened.await,
                None if self.options.queue.is_some() => {
                    break self.queue(&mut self.lock(), payload);
                }
                None => {
                    metrics::DROPPED_GONE.increment();
                    self.cx.warn("the connection ended; the message was dropped");
                    return Ok(());
                }
            }
        };
        match sending {
            Handled::Later(sending) => sending.await,
            Handled::Failed(error) => Err(error),
            _ => Ok(()),
        }
    }

    /// Sends the opening messages, then those that waited; what comes meanwhile waits behind them.
    pub(crate) async fn open(&self, connection: &Arc<Connection<Stream>>) {
        for payload in &self.options.opening {
            if push(connection, payload.clone()).await.is_err() {
                return;
            }
        }
        while let Some(payload) = self.next_queued() {
            if push(connection, payload.clone()).await.is_err() {
                if let Some(queue) = &mut self.lock().queue {
                    queue.put_back(payload);
                }
                return;
            }
        }
        self.opened.notify_waiters();
    }
}

impl Link {
    /// The next message that waits; after the last one, messages go to the connection at once.
    fn next_queued(&self) -> Option<Payload> {
        let mut outlet = self.lock();
        let next = outlet.queue.as_mut().and_then(Queue::take);
        if let (None, Some(current)) = (&next, &mut outlet.current) {
            current.is_open = true;
        }
        next
    }
}

impl Outlet {
    fn is_full_for(&self, payload: &Payload) -> bool {
        let length = payload.as_bytes().len();
        self.queue.as_ref().is_some_and(|queue| !queue.has_room(length))
    }
}

/// The connection ended.
struct Closed;

/// Sends a message, waiting for room.
async fn push(connection: &Arc<Connection<Stream>>, mut payload: Payload) -> Result<(), Closed> {
    loop {
        match connection.send(payload) {
            Ok(()) => {
                metrics::SENT_CLIENTS.increment();
                return Ok(());
            }
            Err(NotSent::Full(again)) => payload = again,
            Err(NotSent::Closed) => return Err(Closed),
        }
        connection.room().await;
    }
}

/// Waits until the server reads; with a single peer, the senders may wait for it.
async fn when_possible(
    link: Arc<Link>,
    connection: Arc<Connection<Stream>>,
    payload: Payload,
) -> Result<(), NodeError> {
    let again = link.options.queue.map(|_| payload.clone());
    connection.room().await;
    let sent = push(&connection, payload).await;
    match (sent, again) {
        (Ok(()), _) => Ok(()),
        (Err(Closed), Some(payload)) => match link.queue(&mut link.lock(), payload) {
            Handled::Failed(error) => Err(error),
            _ => Ok(()),
        },
        (Err(Closed), None) => {
            metrics::DROPPED_GONE.increment();
            link.cx.warn("the connection ended; the message was dropped");
            Ok(())
        }
    }
}
