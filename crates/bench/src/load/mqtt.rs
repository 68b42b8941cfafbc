//! Messages through a broker: published to one topic, and expected in order from another one.

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::client::{self, PATIENCE};
use super::in_flight;
use super::packet::{self, Packet};
use super::{Meter, Target, Window};
use crate::flow::Flow;
use crate::sample::Sample;

/// The number of loads so far.
static RUNS: AtomicUsize = AtomicUsize::new(0);

/// The messages to publish. The server forwards `in/QOS/CLIENT` to `out/QOS/CLIENT`.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) connections: usize,
    pub(super) in_flight: usize,
    pub(super) size: usize,
    /// The quality of service, 0 or 1, of all messages.
    pub(super) qos: u8,
}

/// Measures the server; the address of the target is that of the broker.
pub(super) fn run(load: &Load, target: Target, window: Window) -> Result<Sample> {
    ensure!(load.connections > 0 && load.in_flight > 0, "expected at least one message");
    ensure!(load.qos < 2, "expected QoS `0` or `1`");
    forwards(load.qos, target)?;
    // A slow server still forwards messages of an earlier load.
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let mut peers = (0..load.connections)
        .map(|tag| Peer::new(load, tag, &format!("{run}-{tag}"), target))
        .collect::<Result<Vec<_>>>()?;
    in_flight::run(&mut peers, target, window)
}

/// Waits until the server is subscribed: messages that are published before are lost.
fn forwards(qos: u8, target: Target) -> Result<()> {
    let mut stream = subscribed(qos, "probe", target)?;
    stream.set_read_timeout(Some(Duration::from_millis(100)))?;
    let began = Instant::now();
    let mut byte = [0];
    while began.elapsed() < PATIENCE {
        stream.write_all(&packet::publish(0, &topic("in", qos, "probe"), 0, b"probe"))?;
        if stream.read(&mut byte).is_ok_and(|read| read > 0) {
            return Ok(());
        }
    }
    bail!("the server does not forward messages")
}

fn topic(direction: &str, qos: u8, client: &str) -> String {
    format!("{direction}/{qos}/{client}")
}

/// A connection that gets what the server forwards to `client`.
fn subscribed(qos: u8, client: &str, target: Target) -> Result<TcpStream> {
    let mut stream = client::open(target.addr)?;
    let name = format!("bench-{}-{client}", std::process::id());
    stream.write_all(&packet::connect(&name))?;
    expect(&mut stream, &packet::CONNECTED).context("the broker refused the connection")?;
    stream.write_all(&packet::subscribe(&topic("out", qos, client), qos))?;
    expect(&mut stream, &packet::subscribed(qos)).context("the broker refused the subscription")?;
    Ok(stream)
}

fn expect(stream: &mut TcpStream, wanted: &[u8]) -> Result<()> {
    let mut answer = vec![0; wanted.len()];
    stream.read_exact(&mut answer)?;
    ensure!(answer == wanted, "unexpected answer `{answer:?}`");
    Ok(())
}

/// One connection, which publishes and is subscribed.
struct Peer {
    stream: TcpStream,
    /// Packets to publish, and the expected contents, by turns.
    packets: Vec<Vec<u8>>,
    expected: Vec<String>,
    topic: String,
    in_flight: usize,
    /// When each message in flight was published.
    under_way: VecDeque<Instant>,
    published: usize,
    received: usize,
    incoming: Vec<u8>,
    outgoing: Vec<u8>,
}

impl Peer {
    fn new(load: &Load, tag: usize, client: &str, target: Target) -> Result<Self> {
        let stream = subscribed(load.qos, client, target)?;
        let source = topic("in", load.qos, client);
        let (mut packets, mut expected) = (Vec::new(), Vec::new());
        // One more than are ever in flight: a lost, doubled or reordered message is noticed.
        for number in 0..=load.in_flight {
            let (message, _) = Flow::Echo.exchange(tag, number, load.size)?;
            let id = u16::try_from(number + 1).context("too many messages in flight")?;
            packets.push(packet::publish(load.qos, &source, id, message.as_bytes()));
            expected.push(message);
        }
        Ok(Peer {
            stream,
            packets,
            expected,
            topic: topic("out", load.qos, client),
            in_flight: load.in_flight,
            under_way: VecDeque::new(),
            published: 0,
            received: 0,
            incoming: Vec::new(),
            outgoing: Vec::new(),
        })
    }

    fn take_packets(&mut self, meter: &mut Meter) -> Result<()> {
        let incoming = std::mem::take(&mut self.incoming);
        let mut rest = &incoming[..];
        while let Some((packet, after)) = packet::read(rest)? {
            if let Packet::Publish { topic, id, contents } = packet {
                self.check(topic, contents)?;
                self.outgoing.extend(id.map(packet::acknowledge).into_iter().flatten());
                let Some(sent) = self.under_way.pop_front() else {
                    bail!("the server forwarded more than was published");
                };
                meter.record(sent.elapsed(), 1);
            }
            rest = after;
        }
        self.incoming.extend(rest);
        Ok(())
    }

    fn check(&mut self, topic: &[u8], contents: &[u8]) -> Result<()> {
        let expected = self.expected.get(self.received % self.expected.len());
        ensure!(
            topic == self.topic.as_bytes() && expected.is_some_and(|it| it.as_bytes() == contents),
            "message `{}` of a connection is not what was published",
            self.received
        );
        self.received += 1;
        Ok(())
    }
}

impl in_flight::Peer for Peer {
    fn stream(&self) -> &TcpStream {
        &self.stream
    }

    fn refill(&mut self, now: Instant) -> Result<()> {
        while self.under_way.len() < self.in_flight {
            let packet = self.packets.get(self.published % self.packets.len());
            self.outgoing.extend(packet.into_iter().flatten());
            self.published += 1;
            self.under_way.push_back(now);
        }
        let written = client::write_ready(&mut self.stream, &self.outgoing)?;
        self.outgoing.drain(..written);
        Ok(())
    }

    fn receive(&mut self, buffer: &mut [u8], meter: &mut Meter) -> Result<()> {
        loop {
            let room = buffer.len();
            let read = client::read_ready(&mut self.stream, buffer)?;
            self.incoming.extend(read);
            let complete = read.len() < room;
            self.take_packets(meter)?;
            if complete {
                return Ok(());
            }
        }
    }
}
