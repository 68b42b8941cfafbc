//! The load: precomputed frames over epoll on one thread; every payload is compared.
//!
//! Frames are masked before the measurement starts, and the server's answers are known byte for
//! byte, so sending is one write, and checking one comparison of all available bytes.

mod churn;
mod client;
pub(crate) mod deflated;
mod echo;
mod fanout;
mod frame;
mod idle;
mod in_flight;
mod mqtt;
mod packet;
mod poll;
mod rooms;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Result;
use hdrhistogram::Histogram;

use crate::flow::Flow;
use crate::plan::Work;
use crate::process::cpu_time;
use crate::sample::{Metric, Sample};

pub(crate) use client::connect;

/// The server under load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    /// The address it listens on.
    pub(crate) addr: SocketAddr,
    /// Its process id.
    pub(crate) pid: u32,
}

/// The duration of a measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// The time before anything is counted.
    pub(crate) warm_up: Duration,
    /// The time that is counted.
    pub(crate) measured: Duration,
}

impl Window {
    /// A window with a warm-up of a fifth of its length.
    pub(crate) fn of(measured: Duration) -> Self {
        Self { warm_up: measured / 5, measured }
    }
}

/// Runs the load on the server and returns the measured numbers.
pub(crate) fn run(work: &Work, target: Target, window: Window) -> Result<Sample> {
    match *work {
        Work::Echo {
            connections,
            in_flight,
            size,
            flow: flow @ (Flow::Compressed | Flow::CompressedTakeover),
            ..
        } => deflated::run(&deflated::Load { connections, in_flight, size, flow }, target, window),
        Work::Echo { connections, in_flight, size, rate, flow } => {
            echo::run(&echo::Load { connections, in_flight, size, rate, flow }, target, window)
        }
        Work::Fanout { subscribers, burst, size } => {
            fanout::run(&fanout::Load { subscribers, burst, size }, target, window)
        }
        Work::Rooms { rooms, members, size } => {
            rooms::run(&rooms::Load { rooms, members, size }, target, window)
        }
        Work::Idle { connections, heartbeat } => {
            let path = if heartbeat { "/echo-heartbeat" } else { "/echo" };
            idle::run(connections, path, target)
        }
        Work::Mqtt { connections, in_flight, size, qos } => {
            mqtt::run(&mqtt::Load { connections, in_flight, size, qos }, target, window)
        }
        Work::Churn { clients } => churn::run(clients, target, window),
    }
}

/// Counts events within the window.
struct Meter {
    target: Target,
    count: u64,
    latency: Histogram<u64>,
    opens: Instant,
    ends: Instant,
    open: Option<Opened>,
}

/// The CPU time used before the window opened.
struct Opened {
    at: Instant,
    server: Duration,
    load: Duration,
}

impl Meter {
    fn new(target: Target, window: Window) -> Result<Self> {
        let opens = Instant::now() + window.warm_up;
        let latency = Histogram::new_with_bounds(100, 60_000_000_000, 3)?;
        let ends = opens + window.measured;
        Ok(Self { target, count: 0, latency, opens, ends, open: None })
    }

    /// Opens the window when it is time; returns whether to continue.
    fn go_on(&mut self, now: Instant) -> Result<bool> {
        if self.open.is_none() && now >= self.opens {
            self.count = 0;
            self.latency.reset();
            self.open = Some(Opened {
                at: Instant::now(),
                server: cpu_time(self.target.pid)?,
                load: cpu_time(std::process::id())?,
            });
        }
        // A slow server has time for at least one answer; the loads' time limits end that.
        Ok(self.count == 0 || now < self.ends)
    }

    /// Counts messages with the same duration.
    fn record(&mut self, took: Duration, messages: u64) {
        self.count += messages;
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.latency.saturating_record_n(nanos, messages);
    }

    /// The numbers since the window opened.
    fn finish(self) -> Result<Sample> {
        let server = cpu_time(self.target.pid)?;
        let load = cpu_time(std::process::id())?;
        let open = self.open.ok_or_else(|| anyhow::anyhow!("the load ended while warming up"))?;
        anyhow::ensure!(self.count > 0, "the server answered nothing while it was measured");
        let seconds = open.at.elapsed().as_secs_f64();
        // At least one clock tick: the CPU time of an idle server would be 0.
        let server = server.saturating_sub(open.server).as_secs_f64().max(0.01);
        let load = load.saturating_sub(open.load).as_secs_f64();
        let count = self.count as f64;
        let rss = crate::process::resident(self.target.pid)? as f64;
        Ok(Sample::default()
            .with(Metric::PerCpuSecond, count / server)
            .with(Metric::PerSecond, count / seconds)
            .with(Metric::LoadCpu, load / server)
            .with(Metric::CpuUse, server / seconds)
            .with(Metric::Rss, rss / f64::from(1 << 20))
            .with_latency(&self.latency))
    }
}
