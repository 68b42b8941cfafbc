//! `Door`: lets a client in by its handshake, or refuses it: limits, origin, access.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use ferrowire_core::port::{ByteStream, Response};
use ferrowire_core::{Level, Map, NodeConfig, NodeContext};
use hyper::header::SEC_WEBSOCKET_EXTENSIONS;
use hyper::http::request::Parts;

use crate::frame::Close;
use crate::listener::access::first_message::{self, Unknown};
use crate::listener::access::flow::Waiting;
use crate::listener::access::{Access, AccessOptions, Decision};
use crate::listener::guest::Guest;
use crate::listener::handshake::Accepted;
use crate::listener::identity::Identity;
use crate::listener::limits::{Gate, Most, Tickets};
use crate::listener::origins::Origins;
use crate::listener::refusal::{Kind, Refusal};
use crate::listener::sessions::Sessions;
use crate::metrics;

/// The properties of a listener that concern handshakes.
#[derive(Clone, Debug)]
pub(crate) struct DoorOptions {
    most: Most,
    origins: Origins,
    access: AccessOptions,
}

impl DoorOptions {
    /// Reads them.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        DoorOptions {
            most: Most::from_config(config),
            origins: Origins::from_config(config),
            access: AccessOptions::from_config(config),
        }
    }
}

/// Lets clients of a listener in.
#[derive(Debug)]
pub(crate) struct Door {
    cx: NodeContext,
    gate: Gate,
    origins: Origins,
    access: Access,
}

/// A client that may connect.
#[derive(Debug)]
pub(crate) struct Entrance {
    /// `None` if its first message says who it is.
    pub(crate) identity: Option<Identity>,
    /// What counts it until its connection ends.
    pub(crate) tickets: Tickets,
}

impl Door {
    /// The door of a listener that starts.
    pub(crate) fn new(options: &DoorOptions, cx: &NodeContext) -> Self {
        Door {
            gate: Gate::new(options.most, cx),
            origins: options.origins.clone(),
            access: Access::new(&options.access, cx),
            cx: cx.clone(),
        }
    }

    /// Lets the client of a handshake in. Its tokens are taken out of `head`. `request` makes the
    /// handshake a value for the flow.
    ///
    /// # Errors
    /// The response that refuses it.
    pub(crate) async fn enter(
        &self,
        head: &mut Parts,
        peer: SocketAddr,
        request: impl FnOnce(&Parts) -> Map + Send,
    ) -> Result<Entrance, Response> {
        let entered = self.decide(head, peer, request).await;
        entered.map_err(|refusal| {
            self.note(&refusal, peer);
            metrics::REFUSED.increment();
            refusal.response()
        })
    }

    async fn decide(
        &self,
        head: &mut Parts,
        peer: SocketAddr,
        request: impl FnOnce(&Parts) -> Map + Send,
    ) -> Result<Entrance, Refusal> {
        let tickets = self.gate.enter(peer.ip())?;
        if !self.origins.allow(&head.headers) {
            return Err(Refusal::new(Kind::Origin, "pages of this origin may not connect"));
        }
        let identity = match self.access.decide(head, peer.ip()).await? {
            Decision::Admitted(identity) => Some(identity),
            Decision::AsksFlow(waiting) => Some(waiting.ask(request(head)).await?),
            Decision::AwaitsMessage => {
                // The first message is read here, without extensions.
                head.headers.remove(SEC_WEBSOCKET_EXTENSIONS);
                None
            }
        };
        Ok(Entrance { identity, tickets })
    }

    /// Counts a refusal and logs it, without anything that the client has sent.
    fn note(&self, refusal: &Refusal, peer: SocketAddr) {
        refusal.kind.counter().increment();
        let (status, reason) = (refusal.status().as_u16(), &refusal.reason);
        let address = peer.ip().to_canonical();
        self.cx.log(
            Level::Debug,
            format_args!("refused a handshake of {address} with {status}: {reason}"),
        );
    }

    /// The handshakes that wait for the flow, if it decides.
    pub(crate) fn waiting(&self) -> Option<&Arc<Waiting>> {
        self.access.waiting()
    }

    /// Waits for the first message of a client, which becomes a session if its token is accepted.
    pub(crate) async fn meet(
        self: Arc<Self>,
        (stream, early): (ByteStream, Bytes),
        answer: Bytes,
        guest: Guest,
        sessions: Arc<Sessions>,
    ) {
        let mut unknown = Unknown::new(stream, early);
        let met = tokio::select! {
            met = self.identify(&mut unknown, &answer, guest.peer) => met,
            () = self.cx.stopping().cancelled() => {
                Err(Some(sessions.farewell()))
            }
        };
        match met {
            Ok(identity) => {
                let (stream, early) = unknown.admitted();
                let accepted = Accepted { answer: Bytes::new(), compression: None };
                sessions.connected(stream, accepted, early, Guest { identity, ..guest });
            }
            Err(Some(close)) => unknown.close(&close).await,
            Err(None) => {}
        }
    }

    /// Who sent the first message; otherwise the close frame to send, if the client is still there.
    async fn identify(
        &self,
        unknown: &mut Unknown,
        answer: &[u8],
        peer: SocketAddr,
    ) -> Result<Identity, Option<Close>> {
        let Some(bearer) = self.access.bearer() else { return Err(None) };
        let Ok(token) = tokio::time::timeout(bearer.time, unknown.token(answer)).await else {
            let refusal = Refusal::new(Kind::Timeout, "no token came in time");
            self.note(&refusal, peer);
            return Err(Some(first_message::too_late()));
        };
        let token = token.map_err(Some)?.ok_or(None)?;
        let checked = bearer.check(&token, peer.ip()).await;
        checked.map_err(|refusal| {
            self.note(&refusal, peer);
            Some(match refusal.kind {
                Kind::Unauthorized => first_message::unauthorized(&refusal.reason),
                _ => first_message::try_later(&refusal.reason),
            })
        })
    }
}
