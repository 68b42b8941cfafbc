//! Churn: connections are opened, closed as RFC 6455 asks, and opened again.

use std::io::{Read as _, Write as _};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::{Meter, Target, Window, client, frame};
use crate::sample::Sample;

/// No more than this in one measurement, so that the system does not run out of ports.
const MOST: usize = 20_000;

/// Measures the server.
pub(super) fn run(clients: usize, target: Target, window: Window) -> Result<Sample> {
    ensure!(clients > 0, "nobody to connect");
    let mut meter = Meter::new(target, window)?;
    thread::scope(|scope| {
        let (sender, results) = mpsc::sync_channel(clients);
        for _ in 0..clients {
            let sender = sender.clone();
            // A client ends when nobody wants its results any more.
            scope.spawn(move || while sender.send(once(target)).is_ok() {});
        }
        drop(sender);
        for _ in 0..MOST {
            let took = results.recv()??;
            meter.record(took, 1);
            if !meter.go_on(Instant::now())? {
                break;
            }
        }
        meter.finish()
    })
}

/// Opens and closes one connection; answers how long the handshake took.
fn once(target: Target) -> Result<Duration> {
    let start = Instant::now();
    let mut stream = client::connect(target.addr, "/echo")?;
    let took = start.elapsed();
    stream.write_all(&frame::close())?;
    let mut answer = Vec::new();
    (&mut stream).take(1_024).read_to_end(&mut answer)?;
    ensure!(answer == [0x88, 2, 0x03, 0xe8], "the server did not answer the close frame");
    Ok(took)
}
