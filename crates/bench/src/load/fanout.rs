//! Fan-out: what one connection publishes must reach every connection, in order, byte for byte.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::client::{self, PATIENCE};
use super::frame::Ring;
use super::poll::Poll;
use super::{Meter, Target, Window};
use crate::sample::Sample;

/// What to publish.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) subscribers: usize,
    pub(super) burst: usize,
    pub(super) size: usize,
}

/// Measures the server: a burst is published when the one before has reached everybody.
pub(super) fn run(load: &Load, target: Target, window: Window) -> Result<Sample> {
    ensure!(load.subscribers > 0 && load.burst > 0, "nothing to publish");
    // The publisher is the first connection, and gets what it publishes like everybody else.
    let mut streams = client::connect_all(target.addr, "/fanout", load.subscribers + 1)?;
    gather(&mut streams)?;
    let poll = Poll::new(streams.iter())?;
    let ring = Ring::new(0, 4 * load.burst, load.size)?;
    let burst = load.burst as u64 * ring.sent_frame();
    publish(streams, poll, &ring, burst, Meter::new(target, window)?)
}

fn publish(
    streams: Vec<TcpStream>,
    mut poll: Poll,
    ring: &Ring,
    burst: u64,
    mut meter: Meter,
) -> Result<Sample> {
    let mut peers: Vec<_> = streams.into_iter().map(|stream| Peer { stream, read: 0 }).collect();
    let everybody = peers.len() as u64;
    let mut buffer = vec![0; 256 << 10];
    let (mut allowed, mut written, mut reached) = (0, 0, 0);
    let mut now = Instant::now();
    let mut sent = now;
    while meter.go_on(now)? {
        if reached == everybody * (allowed / ring.sent_frame()) {
            allowed += burst;
            sent = Instant::now();
        }
        if let Some(publisher) = peers.first_mut() {
            while written < allowed {
                let piece = ring.to_send(written, allowed);
                match client::write_ready(&mut publisher.stream, piece)? {
                    0 => break,
                    some => written += some as u64,
                }
            }
        }
        for position in poll.wait(Duration::from_millis(100))? {
            let Some(peer) = peers.get_mut(position) else { bail!("an unknown socket is ready") };
            let messages = peer.receive(ring, &mut buffer)?;
            reached += messages;
            meter.record(sent.elapsed(), messages);
        }
        now = Instant::now();
        ensure!(now - sent < PATIENCE, "a message did not reach all subscribers");
    }
    meter.finish()
}

struct Peer {
    stream: TcpStream,
    read: u64,
}

impl Peer {
    /// Reads and compares all that has come; answers how many messages are complete now.
    fn receive(&mut self, ring: &Ring, buffer: &mut [u8]) -> Result<u64> {
        let before = self.read / ring.answered_frame();
        loop {
            let room = buffer.len();
            let read = client::read_ready(&mut self.stream, buffer)?;
            ring.compare(self.read, read)?;
            self.read += read.len() as u64;
            if read.len() < room {
                return Ok(self.read / ring.answered_frame() - before);
            }
        }
    }
}

/// Publishes until one message has reached everybody: a server may answer the handshake before
/// it has subscribed the connection.
fn gather(streams: &mut [TcpStream]) -> Result<()> {
    for attempt in 1..=20 {
        let probe = Ring::new(usize::MAX >> 40 | attempt, 1, 32)?;
        if let Some(publisher) = streams.first_mut() {
            publisher.write_all(probe.to_send(0, probe.sent_frame()))?;
        }
        let mut everybody = true;
        for stream in streams.iter_mut() {
            stream.set_read_timeout(Some(Duration::from_millis(500)))?;
            everybody = everybody && reaches(stream, &probe)?;
        }
        if everybody {
            return Ok(());
        }
    }
    bail!("no message reached all subscribers")
}

/// Whether the probe comes before the time is up; older probes are skipped.
fn reaches(stream: &mut TcpStream, probe: &Ring) -> Result<bool> {
    let mut frame = vec![0; probe.answered_frame() as usize];
    loop {
        match stream.read_exact(&mut frame) {
            Ok(()) if probe.compare(0, &frame).is_ok() => return Ok(true),
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        }
    }
}
