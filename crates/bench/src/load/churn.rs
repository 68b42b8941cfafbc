//! Churn: connections are opened, closed as RFC 6455 asks, and opened again.
//!
//! A few at a time, each step for all of them before the next: the load is woken once where the
//! server works for several connections.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use anyhow::{Result, ensure};

use super::{Meter, Target, Window, client, frame};
use crate::flow::Flow;
use crate::sample::Sample;

/// No more than this in one measurement, so that the system does not run out of ports.
const MOST: usize = 20_000;

/// Measures the server.
pub(super) fn run(clients: usize, target: Target, window: Window) -> Result<Sample> {
    ensure!(clients > 0, "nobody to connect");
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
        // The last one first: when it is ready, most others are.
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
