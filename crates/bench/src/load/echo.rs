//! Echo: every message must come back on its connection, in order, byte for byte.

use std::collections::VecDeque;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use super::client::{self, PATIENCE};
use super::frame::Ring;
use super::in_flight::{self, Peer as _};
use super::poll::Poll;
use super::{Meter, Target, Window};
use crate::flow::Flow;
use crate::sample::Sample;

/// The maximum number of messages in flight per connection with a fixed schedule.
const SCHEDULED_IN_FLIGHT: usize = 256;

/// The messages to send.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) connections: usize,
    pub(super) in_flight: usize,
    pub(super) size: usize,
    pub(super) rate: Option<f64>,
    pub(super) flow: Flow,
}

/// Measures the server.
pub(super) fn run(load: &Load, target: Target, window: Window) -> Result<Sample> {
    ensure!(load.connections > 0 && load.in_flight > 0, "expected at least one message");
    let in_flight = load.rate.map_or(load.in_flight, |_| SCHEDULED_IN_FLIGHT);
    let streams = connect(load, target)?;
    let mut peers = streams
        .into_iter()
        .enumerate()
        .map(|(tag, stream)| {
            Peer::new(stream, Ring::new(load.flow, tag, in_flight + 1, load.size)?, in_flight)
        })
        .collect::<Result<Vec<_>>>()?;
    let Some(rate) = load.rate else { return in_flight::run(&mut peers, target, window) };
    let poll = Poll::new(peers.iter().map(|peer| &peer.stream))?;
    by_the_clock(&mut peers, poll, Meter::new(target, window)?, rate)
}

fn connect(load: &Load, target: Target) -> Result<Vec<TcpStream>> {
    if load.flow.is_plain() {
        return (0..load.connections).map(|_| client::open(target.addr)).collect();
    }
    client::connect_all(target.addr, &load.flow.path(), load.connections)
}

/// Messages are sent on a fixed schedule, whatever the server does; the time of a delayed message
/// counts from its scheduled time.
fn by_the_clock(peers: &mut [Peer], mut poll: Poll, mut meter: Meter, rate: f64) -> Result<Sample> {
    let between = Duration::try_from_secs_f64(1.0 / rate)?;
    let mut buffer = vec![0; 256 << 10];
    let mut now = Instant::now();
    let (mut due, mut turn, mut heard) = (now, 0, now);
    while meter.go_on(now)? {
        while due <= now {
            let Some(peer) = peers.get_mut(turn) else { bail!("no connection to send on") };
            if !peer.send(due)? {
                break;
            }
            due += between;
            turn = (turn + 1) % peers.len();
        }
        let patience = due.saturating_duration_since(Instant::now());
        for position in poll.wait(patience.min(Duration::from_millis(100)))? {
            let Some(peer) = peers.get_mut(position) else { bail!("an unknown socket is ready") };
            peer.receive(&mut buffer, &mut meter)?;
            peer.write()?;
            heard = Instant::now();
        }
        now = Instant::now();
        ensure!(now - heard < PATIENCE, "the server has stopped answering");
    }
    meter.finish()
}

/// One connection: positions in the endless stream of its messages.
struct Peer {
    stream: TcpStream,
    ring: Ring,
    in_flight: usize,
    /// When each message in flight was sent.
    under_way: VecDeque<Instant>,
    /// The number of bytes that may be sent.
    allowed: u64,
    written: u64,
    read: u64,
}

impl Peer {
    fn new(stream: TcpStream, ring: Ring, in_flight: usize) -> Result<Self> {
        let under_way = VecDeque::with_capacity(in_flight);
        Ok(Self { stream, ring, in_flight, under_way, allowed: 0, written: 0, read: 0 })
    }

    /// Sends one message, unless the limit in flight is reached.
    fn send(&mut self, due: Instant) -> Result<bool> {
        if self.under_way.len() >= self.in_flight {
            return Ok(false);
        }
        self.under_way.push_back(due);
        self.allowed += self.ring.sent_frame();
        self.write().map(|()| true)
    }

    fn write(&mut self) -> Result<()> {
        while self.written < self.allowed {
            let bytes = self.ring.to_send(self.written, self.allowed);
            let written = client::write_ready(&mut self.stream, bytes)?;
            self.written += written as u64;
            if written < bytes.len() {
                break;
            }
        }
        Ok(())
    }
}

impl in_flight::Peer for Peer {
    fn stream(&self) -> &TcpStream {
        &self.stream
    }

    fn refill(&mut self, now: Instant) -> Result<()> {
        let more = self.in_flight - self.under_way.len();
        self.under_way.extend(std::iter::repeat_n(now, more));
        self.allowed += more as u64 * self.ring.sent_frame();
        self.write()
    }

    fn receive(&mut self, buffer: &mut [u8], meter: &mut Meter) -> Result<()> {
        loop {
            let room = buffer.len();
            let read = client::read_ready(&mut self.stream, buffer)?;
            let before = self.read / self.ring.answered_frame();
            self.ring.compare(self.read, read)?;
            self.read += read.len() as u64;
            let now = Instant::now();
            for _ in before..self.read / self.ring.answered_frame() {
                let Some(sent) = self.under_way.pop_front() else {
                    bail!("the server answered more than was sent");
                };
                meter.record(now - sent, 1);
            }
            if read.len() < room {
                return Ok(());
            }
        }
    }
}
