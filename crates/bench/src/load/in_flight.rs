//! As many messages in flight as allowed: each answer is followed by the next message.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::client::PATIENCE;
use super::poll::Poll;
use super::{Meter, Target, Window};
use crate::sample::Sample;

/// A connection that sends messages and checks what comes back.
pub(super) trait Peer {
    /// Its socket, which becomes non-blocking.
    fn stream(&self) -> &TcpStream;
    /// Sends messages up to the limit in flight.
    fn refill(&mut self, now: Instant) -> Result<()>;
    /// Reads all that is available, and checks and counts the messages in it.
    fn receive(&mut self, buffer: &mut [u8], meter: &mut Meter) -> Result<()>;
}

/// Measures the server with these connections.
pub(super) fn run(peers: &mut [impl Peer], target: Target, window: Window) -> Result<Sample> {
    let mut poll = Poll::new(peers.iter().map(Peer::stream))?;
    let mut meter = Meter::new(target, window)?;
    let (mut buffer, mut now) = (vec![0; 256 << 10], Instant::now());
    for peer in peers.iter_mut() {
        peer.refill(now)?;
    }
    let mut heard = now;
    while meter.go_on(now)? {
        for position in poll.wait(Duration::from_millis(100))? {
            let Some(peer) = peers.get_mut(position) else { bail!("an unknown socket is ready") };
            peer.receive(&mut buffer, &mut meter)?;
            heard = Instant::now();
            peer.refill(heard)?;
        }
        now = Instant::now();
        ensure!(now - heard < PATIENCE, "the server has stopped answering");
    }
    meter.finish()
}
