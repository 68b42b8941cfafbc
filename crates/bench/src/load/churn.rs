//! Churn: opens connections, closes them as in RFC 6455, and opens new ones.
//!
//! Works on a batch of connections, one step for all of them at a time, so that the load wakes up
//! once per step rather than once per connection.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use anyhow::{Result, ensure};

use super::{Meter, Target, Window, client, frame};
use crate::flow::Flow;
use crate::sample::Sample;

/// The limit of one measurement, so that the system does not run out of ports.
const MOST: usize = 20_000;

/// Measures the server.
pub(super) fn run(clients: usize, target: Target, window: Window) -> Result<Sample> {
    ensure!(clients > 0, "expected at least one client");
    let request = client::request(target.addr, &Flow::Echo.path());
    let close = frame::close();
    let mut streams = Vec::with_capacity(clients);
    let mut meter = Meter::new(target, window)?;
    for _ in 0..MOST.div_ceil(clients) {
        let start = Instant::now();
        for _ in 0..clients {
            let mut stream = client::open(target.addr)?;
            stream.write_all(request.as_bytes())?;
            streams.push(stream);
        }
        // In reverse order: when the last one is ready, most others are.
        for stream in streams.iter_mut().rev() {
            client::expect_accepted(stream, &Flow::Echo.path())?;
        }
        let took = start.elapsed();
        for stream in &mut streams {
            stream.write_all(&close)?;
        }
        for stream in streams.drain(..).rev() {
            expect_closed(stream)?;
        }
        meter.record(took, clients as u64);
        if !meter.go_on(Instant::now())? {
            break;
        }
    }
    meter.finish()
}

fn expect_closed(mut stream: TcpStream) -> Result<()> {
    let mut answer = [0; 64];
    let mut length = 0;
    loop {
        let room = answer.get_mut(length..).unwrap_or_default();
        let read = stream.read(room)?;
        if read == 0 {
            break;
        }
        length += read;
    }
    let answer = answer.get(..length).unwrap_or_default();
    ensure!(answer == [0x88, 2, 0x03, 0xe8], "the server did not answer the close frame");
    Ok(())
}
