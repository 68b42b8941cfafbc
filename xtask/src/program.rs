//! `Program`: the debug build of `ferrowire`, running on a free port.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use crate::cargo::Metadata;

/// The running program; stopped on drop.
pub(crate) struct Program {
    child: Child,
    address: String,
}

impl Program {
    /// Builds the program and returns its path.
    pub(crate) fn build() -> Result<PathBuf> {
        Metadata::read()?.build_program("dev")
    }

    /// Builds the program and starts `ferrowire run` in `folder` with these arguments. Calls `log`
    /// for every line that it logs once it listens.
    pub(crate) fn start(
        folder: &Path,
        arguments: impl IntoIterator<Item: AsRef<OsStr>>,
        log: impl FnMut(&str) + Send + 'static,
    ) -> Result<Self> {
        Self::start_built(&Self::build()?, folder, arguments, log)
    }

    /// The same with a program that is built already.
    pub(crate) fn start_built(
        program: &Path,
        folder: &Path,
        arguments: impl IntoIterator<Item: AsRef<OsStr>>,
        mut log: impl FnMut(&str) + Send + 'static,
    ) -> Result<Self> {
        let mut child = Command::new(program)
            .arg("run")
            .args(arguments)
            .args(["--listen", "127.0.0.1:0"])
            .current_dir(folder)
            .stderr(Stdio::piped())
            .spawn()
            .context("could not start `ferrowire`")?;
        let errors = child.stderr.take().context("the program has no log")?;
        let mut lines = BufReader::new(errors).lines();
        let address = lines.find_map(|line| {
            let line = line.ok()?;
            let (_, rest) = line.split_once("listening on http://")?;
            Some(rest.split([',', ' ']).next()?.to_owned())
        });
        let Some(address) = address else {
            // It has exited, since its log ended.
            let ended = child.wait()?;
            bail!("`ferrowire` did not listen: {ended}");
        };
        // Further lines must not fill the pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| log(&line)));
        Ok(Program { child, address })
    }

    /// The URL at which it listens.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The address at which it listens.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Has it read its flow files again.
    pub(crate) fn redeploy(&self) -> Result<()> {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args(["-HUP", &id]).status();
        ensure!(status.is_ok_and(|status| status.success()), "could not signal `ferrowire`");
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Fails if it has already exited.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}
