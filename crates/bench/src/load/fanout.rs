//! Fan-out: what one connection publishes must reach every connection, in order, byte for byte.
//!
//! Sockets are read in the reverse of the order in which they were opened. Servers write in that
//! order, so once the first socket read has its data, all others have theirs: the load sleeps once
//! and then reads without waiting, one call per socket, and stays cheaper than the server.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::client::{self, PATIENCE};
use super::frame::Ring;
use super::{Meter, Target, Window};
use crate::flow::Flow;
use crate::sample::Sample;

/// The messages to publish.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) subscribers: usize,
    pub(super) burst: usize,
    pub(super) size: usize,
}

/// A burst of this size fits into a server's buffers before anything is read.
const LONGEST_BURST: usize = 1 << 20;

/// Runs the measurement: a burst is published when the previous one has reached all connections;
/// the time of a message is the time until then. Nothing is left in flight that a later load on the
/// same server could receive.
pub(super) fn run(load: &Load, target: Target, window: Window) -> Result<Sample> {
    let &Load { subscribers, burst, size } = load;
    ensure!(subscribers > 0 && burst > 0, "expected at least one subscriber and one message");
    ensure!(burst * size <= LONGEST_BURST, "a burst is at most `{LONGEST_BURST}` bytes long");
    // The publisher is the first connection, and receives its own messages as well.
    let mut streams = client::connect_all(target.addr, &Flow::Fanout.path(), subscribers + 1)?;
    gather(&mut streams)?;
    let ring = Ring::new(Flow::Fanout, 0, 4 * burst, size)?;
    let mut buffer = vec![0; 64 << 10];
    let mut published = 0;
    let mut meter = Meter::new(target, window)?;
    let mut now = Instant::now();
    while meter.go_on(now)? {
        let sent = now;
        let until = published + burst as u64;
        publish(&mut streams, &ring, published, until)?;
        for stream in streams.iter_mut().rev() {
            receive(stream, &ring, published, until, &mut buffer)
                .context("a message did not reach all subscribers")?;
        }
        published = until;
        now = Instant::now();
        meter.record(now - sent, (burst * streams.len()) as u64);
    }
    meter.finish()
}

fn publish(streams: &mut [TcpStream], ring: &Ring, from: u64, until: u64) -> Result<()> {
    let Some(publisher) = streams.first_mut() else { bail!("no connection to publish on") };
    let (mut at, end) = (from * ring.sent_frame(), until * ring.sent_frame());
    while at < end {
        let piece = ring.to_send(at, end);
        publisher.write_all(piece).context("the server did not take a burst")?;
        at += piece.len() as u64;
    }
    Ok(())
}

/// Reads and compares the messages of one burst.
fn receive(
    stream: &mut TcpStream,
    ring: &Ring,
    from: u64,
    until: u64,
    buffer: &mut [u8],
) -> Result<()> {
    let (mut at, end) = (from * ring.answered_frame(), until * ring.answered_frame());
    while at < end {
        // With more room than needed, to detect duplicates at once.
        let read = stream.read(buffer)?;
        ensure!(read > 0, "the server closed a connection");
        ring.compare(at, buffer.get(..read).unwrap_or_default())?;
        at += read as u64;
    }
    ensure!(at == end, "the server sent more than was published");
    Ok(())
}

/// Publishes until one message has reached all connections: a server may respond to the handshake
/// before it has subscribed the connection.
fn gather(streams: &mut [TcpStream]) -> Result<()> {
    for attempt in 1..=20 {
        let probe = Ring::new(Flow::Fanout, attempt, 1, 32)?;
        publish(streams, &probe, 0, 1)?;
        let mut everybody = true;
        for stream in streams.iter_mut() {
            stream.set_read_timeout(Some(Duration::from_millis(500)))?;
            everybody = everybody && reaches(stream, &probe)?;
            stream.set_read_timeout(Some(PATIENCE))?;
        }
        if everybody {
            return Ok(());
        }
    }
    bail!("no message reached all subscribers")
}

/// Whether the probe arrives in time; older probes are skipped.
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
