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
    let mut audience = Audience {
        peers: streams.into_iter().map(|stream| Peer { stream, read: 0 }).collect(),
        poll,
        ring,
        buffer: vec![0; 256 << 10],
        published: 0,
        written: 0,
        reached: 0,
    };
    let mut meter = Meter::new(target, window)?;
    while meter.go_on(Instant::now())? {
        audience.publish(load.burst, &mut meter)?;
    }
    meter.finish()
}

/// The publisher, who is the first of the peers, and everybody else.
struct Audience {
    peers: Vec<Peer>,
    poll: Poll,
    ring: Ring,
    buffer: Vec<u8>,
    published: u64,
    written: u64,
    reached: u64,
}

impl Audience {
    /// Publishes a burst and waits until it has reached everybody. Nothing is left under way that
    /// a later load on the same server could get.
    fn publish(&mut self, burst: usize, meter: &mut Meter) -> Result<()> {
        let sent = Instant::now();
        self.published += burst as u64;
        while self.reached < self.published * self.peers.len() as u64 {
            self.write()?;
            for position in self.poll.wait(Duration::from_millis(100))? {
                let Some(peer) = self.peers.get_mut(position) else {
                    bail!("an unknown socket is ready")
                };
                let messages = peer.receive(&self.ring, &mut self.buffer)?;
                self.reached += messages;
                meter.record(sent.elapsed(), messages);
            }
            ensure!(sent.elapsed() < PATIENCE, "a message did not reach all subscribers");
        }
        Ok(())
    }

    fn write(&mut self) -> Result<()> {
        let Some(publisher) = self.peers.first_mut() else { bail!("nobody publishes") };
        let allowed = self.published * self.ring.sent_frame();
        while self.written < allowed {
            let piece = self.ring.to_send(self.written, allowed);
            let written = client::write_ready(&mut publisher.stream, piece)?;
            self.written += written as u64;
            if written == 0 {
                break;
            }
        }
        Ok(())
    }
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
        let probe = Ring::new(attempt, 1, 32)?;
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
