//! The workloads that need more than running loads on servers with the same flow.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::flow::Flow;
use crate::many;
use crate::plan::{echo, exchange, idle};
use crate::process::resident;
use crate::rounds::{Bench, Options, SMALL};
use crate::sample::{Metric, Sample};
use crate::server::{LOADED, NODE_RED, Running, Server};

/// The name of the start-up case.
const STARTED: &str = "start to first handshake";

impl Bench<'_> {
    /// The time from starting a program to its first handshake.
    pub(crate) fn startup(&mut self) -> Result<()> {
        for server in self.servers(SMALL) {
            let running = server.start(self.workload.flow(), &self.options.out, None)?;
            self.report.add(STARTED, server.name, start_of(&running)?);
        }
        let counts = if self.options.quick { &[1_000][..] } else { &[1_000, 10_000] };
        for &count in counts {
            self.startup_of_functions(count)?;
        }
        Ok(())
    }

    /// The same with many function nodes that get no message.
    fn startup_of_functions(&mut self, count: usize) -> Result<()> {
        let Options { flows, out, ferrowire, .. } = self.options;
        let flow = self.workload.flow();
        let flows = many::functions(flow, flows, out, count)?;
        let types = ferrowire.as_deref().map(node_types).transpose()?.unwrap_or_default();
        for server in self.runtimes(types.iter().any(|known| known == "function")) {
            let running = server.with_flows(&flows).start(flow, out, None)?;
            let case = format!("{STARTED}, {count} functions");
            self.report.add(&case, server.name, start_of(&running)?);
        }
        Ok(())
    }

    /// All servers get the same rate: half of what the slowest can do. Node-RED, which is much
    /// slower, gets half of its own maximum.
    pub(crate) fn latency(&mut self) -> Result<()> {
        let running = self.start_all(self.servers(SMALL), self.workload.flow())?;
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

    /// Two workers against one. The load runs on the same cores, so the work per CPU time is
    /// compared.
    pub(crate) fn cores(&mut self) -> Result<()> {
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

    /// One node between `websocket in` and `websocket out`, and the same flow without it.
    pub(crate) fn nodes(&mut self) -> Result<()> {
        let ferrowire = self.options.ferrowire.as_deref();
        let types = ferrowire.map(node_types).transpose()?.unwrap_or_default();
        let flows = if self.options.quick { &Flow::NODES[..3] } else { &Flow::NODES };
        for &flow in flows {
            let missing = flow.node_type().filter(|it| !types.iter().any(|known| known == it));
            let servers = self.runtimes(missing.is_none());
            if let (Some(missing), Some(_)) = (missing, ferrowire) {
                println!("{}: skipping Ferrowire, which has no node `{missing}`", flow.name());
            }
            let running = self.start_all(servers, flow)?;
            let size = if flow == Flow::JsonNodes { 256 } else { 32 };
            self.compare(&[1, 16].map(|in_flight| exchange(flow, 50, in_flight, size)), &running)?;
        }
        Ok(())
    }

    /// Idle connections; with a heartbeat at Ferrowire alone.
    pub(crate) fn idle(&mut self) -> Result<()> {
        self.loads()?;
        let servers = self.runtimes(true).into_iter().filter(|it| it.name != NODE_RED).collect();
        let running = self.start_all(servers, self.workload.flow())?;
        self.compare(&[idle(self.options.quick, true)], &running)
    }

    /// A node in Node.js, and the same flow in Node-RED alone.
    pub(crate) fn hosted(&mut self) -> Result<()> {
        let Some(modules) = self.options.node_red.clone() else {
            println!("skipped: requires --node-red");
            return Ok(());
        };
        let servers = self.runtimes(true).into_iter().map(|it| it.with_modules(&modules)).collect();
        let running = self.start_all(servers, self.workload.flow())?;
        let cases = self.workload.cases(self.options.quick);
        for (server, running) in &running {
            // The first message waits until Node.js has started.
            let Some(first) = cases.first() else { continue };
            self.measure(first, server, running)?;
        }
        self.compare(&cases, &running)
    }

    /// Rooms, which only Ferrowire has. The load runs on one server, since sockets are scarce.
    pub(crate) fn rooms(&mut self) -> Result<()> {
        let servers = self.runtimes(true).into_iter().filter(|it| it.name != NODE_RED).collect();
        let running = self.start_all(servers, self.workload.flow())?;
        self.compare(&self.workload.cases(self.options.quick), &running)
    }

    /// The servers that read flows.
    pub(crate) fn runtimes(&self, with_ferrowire: bool) -> Vec<Server> {
        let Options { flows, ferrowire, before, node_red, .. } = self.options;
        let [before, ferrowire] =
            [before, ferrowire].map(|it| it.clone().filter(|_| with_ferrowire));
        let mut servers = Vec::new();
        servers.extend(before.map(|it| Server::before(it, flows.clone())));
        servers.extend(ferrowire.map(|it| Server::ferrowire(it, flows.clone())));
        servers.extend(node_red.clone().map(|it| Server::node_red(it, flows.clone())));
        servers
    }

    /// The same nodes linked in, and loaded by a program without them.
    pub(crate) fn plugins(&mut self) -> Result<()> {
        let Options { flows, ferrowire, ferrowire_without, plugins, .. } = self.options;
        let (Some(linked), Some(without), Some(plugins)) = (ferrowire, ferrowire_without, plugins)
        else {
            println!("skipped: requires --ferrowire, --ferrowire-without and --plugins");
            return Ok(());
        };
        let servers = vec![
            Server::ferrowire(linked.clone(), flows.clone()),
            Server::loaded(without.clone(), flows.clone(), plugins.clone()),
        ];
        let running = self.start_all(servers, self.workload.flow())?;
        let case = format!("{STARTED}, {} libraries", libraries(without, plugins)?);
        let mut linked = None;
        for (server, running) in &running {
            let sample = start_of(running)?;
            let took = sample.get(Metric::StartMillis).unwrap_or_default();
            let linked = *linked.get_or_insert(took);
            let sample = match server.name {
                LOADED => sample.with(Metric::ExtraMillis, took - linked),
                _ => sample,
            };
            self.report.add(&case, server.name, sample);
        }
        self.compare(&self.workload.cases(self.options.quick), &running)
    }
}

/// The time and memory from exec to the first handshake.
fn start_of(running: &Running) -> Result<Sample> {
    let rss = resident(running.target().pid)? as f64;
    Ok(Sample::default()
        .with(Metric::StartMillis, running.took().as_secs_f64() * 1_000.0)
        .with(Metric::Rss, rss / f64::from(1 << 20)))
}

/// The node types of a `ferrowire` program.
fn node_types(program: &Path) -> Result<Vec<String>> {
    let nodes = list(Command::new(program).args(["nodes", "--json"]))?;
    Ok(nodes.iter().filter_map(|node| Some(node["type"].as_str()?.to_owned())).collect())
}

/// The number of libraries that a `ferrowire` program loads from a folder.
fn libraries(program: &Path, folder: &Path) -> Result<usize> {
    let mut command = Command::new(program);
    let plugins = list(command.args(["plugin", "list", "--json", "--plugins"]).arg(folder))?;
    Ok(plugins.iter().filter(|plugin| plugin["state"] == "loaded").count())
}

/// The output of a command that lists something as JSON.
fn list(command: &mut Command) -> Result<Vec<Value>> {
    let output = command.output().with_context(|| format!("could not start `{command:?}`"))?;
    ensure!(output.status.success(), "`{command:?}` failed: {}", output.status);
    serde_json::from_slice(&output.stdout)
        .with_context(|| format!("`{command:?}` did not print a list"))
}
