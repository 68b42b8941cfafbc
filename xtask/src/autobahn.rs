//! `cargo xtask autobahn`: runs the Autobahn test suite through flows, as server and as client.
//!
//! The suite requires Python 2.7. It is installed below cargo's target folder; nothing of it is part
//! of this repository, only the result: a table in `docs/websockets.md`.

mod flows;
mod report;
mod suite;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Args, ValueEnum};

use crate::cargo::Metadata;
use crate::program::Program;
use report::Report;
use suite::Suite;

/// The name of the runtime in reports.
const AGENT: &str = "Ferrowire";

/// Longer than any case takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(900);

/// The log line of a client whose connection has ended.
const ENDED: &str = "the connection ended";

/// What to test.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Python 2.7, with pip
    #[arg(long, value_name = "PROGRAM", default_value = "python2.7")]
    python: PathBuf,
    /// Only this side; prints the table and does not change the documentation
    #[arg(long)]
    side: Option<Side>,
    /// Only these cases, such as `7.1.*`; prints the table and does not change the documentation
    #[arg(long, value_name = "PATTERN", num_args = 1..)]
    cases: Vec<String>,
    /// A `ferrowire` to test instead of a release build
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

/// The side of the runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Side {
    Server,
    Client,
}

/// Builds, installs, tests, and writes the table.
pub(crate) fn run(options: &Options) -> Result<()> {
    let target = Metadata::read()?.target()?;
    let suite = Suite::install(&options.python, &target.join("autobahn"))?;
    let test = Test {
        program: match &options.program {
            Some(program) => fs::canonicalize(program)
                .with_context(|| format!("there is no `{}`", program.display()))?,
            None => Metadata::read()?.build_program("release")?,
        },
        suite,
        cases: match options.cases.as_slice() {
            [] => vec!["*".to_owned()],
            cases => cases.to_vec(),
        },
    };
    let wants = |side| options.side.is_none_or(|only| only == side);
    let server = wants(Side::Server).then(|| test.server()).transpose()?;
    let client = wants(Side::Client).then(|| test.client()).transpose()?;
    let table = report::table(server.as_ref(), client.as_ref());
    println!("\n{table}");
    if options.side.is_none() && options.cases.is_empty() {
        report::write(&table)?;
    }
    let failed: Vec<String> = [("server", &server), ("client", &client)]
        .into_iter()
        .filter_map(|(side, report)| Some((side, report.as_ref()?)))
        .flat_map(|(side, report)| report.failed().map(move |case| format!("{side} {case}")))
        .collect();
    ensure!(failed.is_empty(), "{} cases failed: {}", failed.len(), failed.join(", "));
    Ok(())
}

/// What both sides need.
struct Test {
    program: PathBuf,
    suite: Suite,
    cases: Vec<String>,
}

impl Test {
    /// The suite's client tests a listener.
    fn server(&self) -> Result<Report> {
        let folder = self.suite.folder("server")?;
        let flows = flows::write(&folder, &flows::server())?;
        let program = self.start(&folder, &flows, |_| {})?;
        let url = format!("ws://{}{}", program.address(), flows::PATH);
        self.suite.test_server(&folder, &url, &self.cases)?;
        Report::read(&folder)
    }

    /// A client in a flow connects to the suite's server, once for each case.
    fn client(&self) -> Result<Report> {
        let folder = self.suite.folder("client")?;
        let server = self.suite.serve(&folder, &self.cases)?;
        let flows = flows::write(&folder, &flows::nothing())?;
        let (ended, log) = channel();
        let program = self.start(&folder, &flows, move |line| {
            if line.contains(ENDED) {
                // Nobody waits any more if this fails.
                let _ended = ended.send(());
            }
        })?;
        let count = self.suite.count(&self.cases)?;
        for case in 1..=count {
            let url = server.url(&format!("runCase?case={case}&agent={AGENT}"));
            connect(&program, &flows, &url, &log).with_context(|| format!("case {case}"))?;
            if case % 50 == 0 || case == count {
                println!("{case} of {count} cases as client");
            }
        }
        let url = server.url(&format!("updateReports?agent={AGENT}"));
        connect(&program, &flows, &url, &log)?;
        Report::read(&folder)
    }

    fn start(
        &self,
        folder: &Path,
        flows: &Path,
        log: impl FnMut(&str) + Send + 'static,
    ) -> Result<Program> {
        // A client must not connect again to a case that has ended.
        let arguments = ["--log", "debug", "--reconnect-delay", "3600"].map(std::ffi::OsStr::new);
        let arguments = arguments.into_iter().chain([flows.as_os_str()]);
        Program::start_built(&self.program, folder, arguments, log)
    }
}

/// Deploys a client of `url` and waits until its connection has ended.
fn connect(program: &Program, flows: &Path, url: &str, log: &Receiver<()>) -> Result<()> {
    fs::write(flows, flows::client(url).to_string())?;
    program.redeploy()?;
    if log.recv_timeout(PATIENCE).is_err() {
        bail!("the connection to `{url}` did not end within {PATIENCE:?}");
    }
    Ok(())
}
