//! A Mosquitto of the test's own.

pub(crate) use ferrowire_testkit::free_port;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// Where Debian's package installs it.
const PROGRAM: &str = "/usr/sbin/mosquitto";

/// A running broker; killed when dropped.
pub(crate) struct Mosquitto {
    pub(crate) port: u16,
    folder: TempDir,
    child: Child,
}

impl Mosquitto {
    /// A broker that lets everybody in.
    pub(crate) async fn start() -> Self {
        Self::with("").await
    }

    /// A broker with further lines of configuration. Files are in its folder: `FOLDER` in a line.
    pub(crate) async fn with(lines: &str) -> Self {
        Self::in_folder(tempfile::tempdir().unwrap(), lines).await
    }

    /// A broker with a folder that has files already.
    pub(crate) async fn in_folder(folder: TempDir, lines: &str) -> Self {
        let port = free_port();
        let path = folder.path().display().to_string();
        let access = if lines.contains("password_file") { "false" } else { "true" };
        let config = format!(
            "listener {port} 127.0.0.1\nallow_anonymous {access}\nuser root\nset_tcp_nodelay true\n{}\n",
            lines.replace("FOLDER", &path)
        );
        std::fs::write(folder.path().join("mosquitto.conf"), config).unwrap();
        let child = spawn(folder.path().join("mosquitto.conf"));
        let this = Mosquitto { port, folder, child };
        this.listening().await;
        this
    }

    async fn listening(&self) {
        let connecting = async {
            while TcpStream::connect(("127.0.0.1", self.port)).await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let limit = Duration::from_secs(20);
        tokio::time::timeout(limit, connecting).await.expect("the start of mosquitto");
    }

    /// Ends it without a word to its clients.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// Starts it again, at the same port.
    pub(crate) async fn restart(&mut self) {
        self.child = spawn(self.folder.path().join("mosquitto.conf"));
        self.listening().await;
    }
}

fn spawn(config: PathBuf) -> Child {
    let mut command = Command::new(PROGRAM);
    command.arg("-c").arg(config).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    command.spawn().unwrap_or_else(|error| panic!("cannot start `{PROGRAM}`: {error}"))
}
