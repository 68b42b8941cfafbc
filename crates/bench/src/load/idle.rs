//! Idle connections: the server's memory for each after it has echoed one message.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::Target;
use super::client;
use super::frame::Ring;
use crate::flow::Flow;
use crate::process::{pause, resident};
use crate::sample::{Metric, Sample};

/// Runs the measurement.
pub(super) fn run(connections: usize, path: &str, target: Target) -> Result<Sample> {
    ensure!(connections > 0, "expected at least one connection");
    // The first connections include one-time allocations.
    let mut open = client::connect_all(target.addr, path, 20)?;
    echo_once(&mut open)?;
    let before = settled(target.pid)?;
    let mut idle = client::connect_all(target.addr, path, connections)?;
    echo_once(&mut idle)?;
    let after = settled(target.pid)?;
    let each = (after as f64 - before as f64) / connections as f64;
    Ok(Sample::default()
        .with(Metric::RssPerConnection, each / 1_024.0)
        .with(Metric::Rss, after as f64 / f64::from(1 << 20)))
}

fn echo_once(streams: &mut [TcpStream]) -> Result<()> {
    for (tag, stream) in streams.iter_mut().enumerate() {
        let ring = Ring::new(Flow::Echo, tag, 1, 32)?;
        stream.write_all(ring.to_send(0, ring.sent_frame()))?;
        let mut answer = vec![0; ring.answered_frame() as usize];
        stream.read_exact(&mut answer).with_context(|| format!("connection `{tag}`"))?;
        ring.compare(0, &answer)?;
    }
    Ok(())
}

/// The server's memory once it is stable, or after two seconds.
pub(super) fn settled(pid: u32) -> Result<u64> {
    let mut last = resident(pid)?;
    for _ in 0..10 {
        pause(Duration::from_millis(200));
        let now = resident(pid)?;
        if now.abs_diff(last) < 64 << 10 {
            return Ok(now);
        }
        last = now;
    }
    Ok(last)
}
