//! `Guest`: what a handshake leaves for its session.

use std::net::SocketAddr;

use ferrowire_core::Map;
use ferrowire_core::trace::Remote;

use crate::listener::history::Ask;
use crate::listener::identity::Identity;
use crate::listener::limits::Tickets;

/// A client whose handshake was accepted.
#[derive(Debug)]
pub(crate) struct Guest {
    /// Its address, through trusted proxies.
    pub(crate) peer: SocketAddr,
    /// What the handshake said, as properties of `msg._session`; `None` if the listener's `details`
    /// is off.
    pub(crate) details: Option<Map>,
    /// The trace that it is part of, if those of handshakes are taken.
    pub(crate) trace: Option<Box<Remote>>,
    /// Who it is.
    pub(crate) identity: Identity,
    /// What it asks for of the listener's history.
    pub(crate) history: Ask,
    /// What counts it until its connection ends.
    pub(crate) tickets: Tickets,
}
