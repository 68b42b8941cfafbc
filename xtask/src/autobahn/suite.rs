//! `Suite`: the Autobahn test suite in an environment of its own.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use super::AGENT;
use crate::cargo;

/// The last version that creates environments for Python 2.7.
const VIRTUALENV: &str = "virtualenv==20.15.1";
const SUITE: &str = "autobahntestsuite==25.10.1";

/// Until the suite's server listens.
const START: Duration = Duration::from_secs(30);

/// The installed suite.
pub(super) struct Suite {
    /// The folder of the environment and of the reports.
    root: PathBuf,
}

impl Suite {
    /// Installs the suite below `root`, unless it is there.
    pub(super) fn install(python: &Path, root: &Path) -> Result<Self> {
        let suite = Suite { root: root.to_owned() };
        if suite.program("wstest").exists() {
            return Ok(suite);
        }
        let works = Command::new(python).arg("--version").output();
        ensure!(
            works.is_ok_and(|output| output.status.success()),
            "`{}` does not work; the suite requires Python 2.7, see `--python`",
            python.display()
        );
        let tools = root.join("tools");
        let mut tool = Command::new(python);
        tool.args(["-m", "pip", "install", "--target"]).arg(&tools).arg(VIRTUALENV);
        cargo::succeed(&mut tool)?;
        let mut create = Command::new(python);
        create.env("PYTHONPATH", &tools).args(["-m", "virtualenv"]).arg(suite.environment());
        cargo::succeed(&mut create)?;
        cargo::succeed(Command::new(suite.program("pip")).args(["install", SUITE]))?;
        Ok(suite)
    }

    fn environment(&self) -> PathBuf {
        self.root.join("environment")
    }

    fn program(&self, name: &str) -> PathBuf {
        self.environment().join("bin").join(name)
    }

    /// An empty folder for a report.
    pub(super) fn folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.root.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir_all(&folder)?;
        Ok(folder)
    }

    /// The number of the suite's cases that match.
    pub(super) fn count(&self, cases: &[String]) -> Result<usize> {
        let script = "import sys\n\
            from autobahntestsuite.case import Cases\n\
            from autobahntestsuite.caseset import CaseSet\n\
            cases = CaseSet('', 'Case', Cases, {}, {})\n\
            print(len(cases.parseSpecCases({'cases': sys.argv[1:]})))";
        let output =
            Command::new(self.program("python")).args(["-c", script]).args(cases).output()?;
        ensure!(
            output.status.success(),
            "the suite does not list its cases: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        let count = String::from_utf8_lossy(&output.stdout);
        count.trim().parse().context("the suite does not count its cases")
    }

    /// Tests the server at `url`; the report is written into `folder`.
    pub(super) fn test_server(&self, folder: &Path, url: &str, cases: &[String]) -> Result<()> {
        let mut spec = spec(folder, cases);
        spec["servers"] = json!([{"agent": AGENT, "url": url}]);
        cargo::succeed(&mut self.command("fuzzingclient", folder, &spec)?)
    }

    /// Starts the server that tests clients; the report is written into `folder`.
    pub(super) fn serve(&self, folder: &Path, cases: &[String]) -> Result<Server> {
        // The suite cannot choose a free port by itself.
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut spec = spec(folder, cases);
        spec["url"] = format!("ws://127.0.0.1:{port}").into();
        let mut command = self.command("fuzzingserver", folder, &spec)?;
        let server = Server { child: command.stdout(Stdio::null()).spawn()?, port };
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if began.elapsed() > START {
                bail!("the suite's server does not listen after {START:?}");
            }
            std::thread::park_timeout(Duration::from_millis(100));
        }
        Ok(server)
    }

    fn command(&self, mode: &str, folder: &Path, spec: &Value) -> Result<Command> {
        let path = folder.join("spec.json");
        fs::write(&path, spec.to_string())?;
        let mut command = Command::new(self.program("wstest"));
        // Without its web page.
        command.args(["--webport", "0", "--mode", mode, "--spec"]).arg(path).current_dir(folder);
        Ok(command)
    }
}

fn spec(folder: &Path, cases: &[String]) -> Value {
    json!({
        "outdir": folder, "cases": cases, "exclude-cases": [], "exclude-agent-cases": {},
        "options": {"failByDrop": false},
    })
}

/// The running server of the suite; stopped on drop.
pub(super) struct Server {
    child: Child,
    port: u16,
}

impl Server {
    pub(super) fn url(&self, rest: &str) -> String {
        format!("ws://127.0.0.1:{}/{rest}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails if it has already exited.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
