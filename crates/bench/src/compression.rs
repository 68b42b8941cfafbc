//! The workload `compression`: servers that compress, and zlib alone with the same messages.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};

use crate::flow::Flow;
use crate::load::{Window, deflated};
use crate::plan::exchange;
use crate::process::cpu_time;
use crate::rounds::Bench;
use crate::sample::{Metric, Sample};
use crate::server::{Server, ZLIB};

/// Bytes in a message.
const SIZE: usize = 1_024;

/// Messages between two looks at the clock.
const BATCH: usize = 256;

impl Bench<'_> {
    /// Echoes of compressed messages, with and without context takeover.
    pub(crate) fn compression(&mut self) -> Result<()> {
        for flow in [Flow::Compressed, Flow::CompressedTakeover] {
            let Some(program) = self.options.ferrowire.clone() else {
                println!("skipped: requires --ferrowire");
                return Ok(());
            };
            let mut servers = vec![Server::ferrowire(program, self.options.flows.clone())];
            servers.extend(self.options.ws.clone().map(Server::ws));
            let running = self.start_all(servers, flow)?;
            let in_flight: &[usize] = if self.options.quick { &[16] } else { &[1, 16] };
            for &in_flight in in_flight {
                let case = exchange(flow, 50, in_flight, SIZE);
                self.report.add(&case.to_string(), ZLIB, zlib(flow, self.window())?);
                self.compare(&[case], &running)?;
            }
            // The contexts of many would exceed `max-compression-memory`, beyond which none is agreed on.
            let few = self.options.quick || flow == Flow::CompressedTakeover;
            let connections = if few { 200 } else { 1_000 };
            for (server, running) in &running {
                let sample = deflated::idle(flow, connections, running.target())?;
                let case = format!("{connections} idle connections, {}", flow.name());
                self.report.add(&case, server.name, sample);
            }
        }
        Ok(())
    }
}

/// What zlib needs for the messages of an echo, on one thread: each is decompressed and compressed
/// again.
fn zlib(flow: Flow, window: Window) -> Result<Sample> {
    let takeover = flow == Flow::CompressedTakeover;
    let mut messages = Vec::new();
    for number in 0..BATCH {
        messages.push(deflated::compressed(&flow.exchange(0, number, SIZE)?.0)?);
    }
    let mut compressor = Compress::new(Compression::new(6), false);
    let mut decompressor = Decompress::new(false);
    let (mut plain, mut out) = (Vec::with_capacity(2 * SIZE), Vec::with_capacity(2 * SIZE));
    let pid = std::process::id();
    let (began, cpu, mut count) = (Instant::now(), cpu_time(pid)?, 0.0);
    while began.elapsed() < window.measured {
        for message in &messages {
            plain.clear();
            out.clear();
            decompressor.decompress_vec(message, &mut plain, FlushDecompress::Sync)?;
            compressor.compress_vec(&plain, &mut out, FlushCompress::Sync)?;
            if !takeover {
                decompressor.reset(false);
                compressor.reset();
            }
            ensure!(plain.len() == SIZE && out.len() < SIZE, "zlib did not compress a message");
        }
        count += messages.len() as f64;
    }
    let used = cpu_time(pid)?.checked_sub(cpu).context("the clock runs backwards")?;
    let per_second = count / used.as_secs_f64().max(0.01);
    Ok(Sample::default().with(Metric::PerCpuSecond, per_second))
}
