//! `Inbound`: what a session's client sends becomes messages of the flow, as fast as it may come.

use std::sync::Arc;
use std::time::Duration;

use ferrowire_core::trace::Remote;
use ferrowire_core::{Level, Sending};

use crate::connection::Receive;
use crate::events::By;
use crate::frame::Payload;
use crate::listener::alive::Watched;
use crate::listener::member::Client;
use crate::listener::rates::{Admission, Meter, too_fast};
use crate::listener::sessions::Sessions;
use crate::listener::terms::Terms;
use crate::metrics;
use crate::payload::incoming;

/// Sends a session's messages into the flow.
pub(crate) struct Inbound<'a> {
    sessions: &'a Arc<Sessions>,
    client: Client,
    watched: Option<Watched>,
    meter: Option<Meter>,
    terms: &'a Terms,
}

impl<'a> Inbound<'a> {
    /// The receiver of `client`, which is watched and measured as the rules say.
    pub(crate) fn new(sessions: &'a Arc<Sessions>, client: Client, terms: &'a Terms) -> Self {
        let watched = sessions.watch.as_ref().map(|watch| watch.add(&client));
        Inbound { sessions, client, watched, meter: sessions.rules.rates.meter(), terms }
    }

    /// Counts what the client has sent; how long it is to wait, or `None` if it is not taken.
    fn admit(&self, length: usize) -> Option<Duration> {
        let Some(meter) = &self.meter else { return Some(Duration::ZERO) };
        match meter.admit(length) {
            Admission::Pass => Some(Duration::ZERO),
            Admission::Wait(time) => Some(time),
            Admission::Drop => None,
            Admission::Close => {
                let (cx, id) = (&self.sessions.cx, &self.client.member.session.id);
                cx.log(Level::Debug, format_args!("session {id} is closed: it sends too fast"));
                self.client.close(&too_fast(), By::Runtime);
                None
            }
        }
    }
}

impl Receive for Inbound<'_> {
    fn message(&self, payload: Payload) -> Sending {
        metrics::RECEIVED.increment();
        self.terms.spoke();
        if let Some(watched) = &self.watched {
            watched.message();
        }
        let Some(delay) = self.admit(payload.as_bytes().len()) else { return Sending::done() };
        if let Some(answered) = self.sessions.join_by_message(&self.client, &payload) {
            return later(delay, answered);
        }
        let cx = &self.sessions.cx;
        let mut msg = incoming(self.sessions.rules.mode, payload, self.client.member.value());
        if let Some(remote) = &self.client.member.trace {
            cx.begin_trace(&mut msg, Some(Remote::clone(remote)));
        }
        if delay.is_zero() {
            return cx.send(0, msg);
        }
        let cx = cx.clone();
        Sending::later(Box::pin(async move {
            tokio::time::sleep(delay).await;
            cx.send(0, msg).await;
        }))
    }

    fn ping(&self, length: usize) -> Option<Sending> {
        let delay = self.admit(length)?;
        if delay.is_zero() {
            return Some(Sending::done());
        }
        Some(Sending::later(Box::pin(tokio::time::sleep(delay))))
    }
}

/// Waits after `sending`.
fn later(delay: Duration, sending: Sending) -> Sending {
    if delay.is_zero() {
        return sending;
    }
    Sending::later(Box::pin(async move {
        sending.await;
        tokio::time::sleep(delay).await;
    }))
}
