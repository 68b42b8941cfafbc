//! Mosquitto, as an MQTT broker beside the servers under test.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use crate::process::pause;
use crate::server::free_address;

/// The time limit for the broker to start.
const PATIENCE: Duration = Duration::from_secs(10);

/// Debian installs it where only root looks for programs.
const PROGRAMS: [&str; 2] = ["mosquitto", "/usr/sbin/mosquitto"];

/// A running broker; stopped on drop.
#[derive(Debug)]
pub(crate) struct Broker {
    child: Child,
    addr: SocketAddr,
}

impl Broker {
    /// Starts a broker on a free port, with its files in `scratch`; `None` if there is no program.
    pub(crate) fn start(scratch: &Path) -> Result<Option<Self>> {
        let addr = free_address()?;
        let settings = scratch.join("mosquitto.conf");
        // Nothing is dropped, whatever waits for a slow server.
        let text = format!(
            "listener {} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n\
             max_inflight_messages 0\nset_tcp_nodelay true\n",
            addr.port()
        );
        fs::write(&settings, text)
            .with_context(|| format!("could not write `{}`", settings.display()))?;
        let log = File::create(scratch.join("mosquitto.log"))?;
        for program in PROGRAMS {
            let mut command = Command::new(program);
            command.arg("-c").arg(&settings).stdin(Stdio::null());
            command.stdout(log.try_clone()?).stderr(log.try_clone()?);
            match command.spawn() {
                Ok(child) => return Broker { child, addr }.ready().map(Some),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(error).with_context(|| format!("could not start `{program}`"));
                }
            }
        }
        Ok(None)
    }

    /// The address that it listens on.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    fn ready(mut self) -> Result<Self> {
        let started = Instant::now();
        while TcpStream::connect(self.addr).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("mosquitto ended at once: {status}");
            }
            if started.elapsed() > PATIENCE {
                bail!("mosquitto does not listen");
            }
            pause(Duration::from_millis(1));
        }
        Ok(self)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // Fails only if it has already ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
