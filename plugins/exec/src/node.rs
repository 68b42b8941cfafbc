//! `Exec`: starts a command for each message, or sends a signal to a running one.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use ferrowire::trace::Follow;
use ferrowire::{
    FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeError, Sending, Status,
    StopReason, Value, async_trait,
};
use tokio::process::{Child, Command};

use crate::children::Children;
use crate::command::{CommandLine, words};
use crate::output::{self, End};
use crate::settings::{ENABLED, MAX_BUFFER, MAX_PROCESSES};
use crate::{run, signal, spawn};

/// Node-RED's `exec`. Commands run at the same time; a message is complete when its command has ended.
#[derive(Debug)]
pub struct Exec {
    command: CommandLine,
    spawns: bool,
    time_limit: Option<Duration>,
    old_style: bool,
    children: Arc<Children>,
}

impl FromConfig for Exec {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        // A year; longer limits are of no use.
        let seconds = config.number_in("timer", 0.0..=31_536_000.0).unwrap_or(0.0);
        Exec {
            command: CommandLine::from_config(config),
            spawns: config.text("useSpawn") == "true",
            time_limit: (seconds > 0.0).then(|| Duration::from_secs_f64(seconds)),
            old_style: config.boolean("oldrc", false),
            children: Arc::default(),
        }
    }
}

/// What the task of one command needs.
pub(crate) struct Job {
    pub(crate) cx: NodeContext,
    pub(crate) old_style: bool,
    pub(crate) max_buffer: usize,
    pub(crate) children: Arc<Children>,
}

/// A process, listed among those of its node until dropped.
pub(crate) struct Started {
    pub(crate) child: Child,
    pub(crate) pid: u32,
    children: Arc<Children>,
}

impl Drop for Started {
    fn drop(&mut self) {
        self.children.remove(self.pid);
    }
}

#[async_trait]
impl Node for Exec {
    fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        if msg.contains_key("kill") {
            self.kill(&msg, cx);
            return Handled::Done;
        }
        if !cx.setting(&ENABLED) {
            return Handled::Failed(NodeError::new(
                "the setting `allow-exec` forbids commands of flows",
            ));
        }
        let most = cx.setting(&MAX_PROCESSES);
        if self.children.len() >= most {
            let text = format!("{most} commands of this node run already (`exec-max-processes`)");
            return Handled::Failed(NodeError::new(text));
        }
        match self.start_command(msg, cx) {
            Ok(()) => Handled::Kept(Sending::done()),
            Err(error) => Handled::Failed(error),
        }
    }

    async fn stop(&self, _: StopReason, cx: &NodeContext) {
        self.children.terminate();
        cx.status(Status::default());
    }
}

impl Exec {
    fn kill(&self, msg: &Message, cx: &NodeContext) {
        let name = msg.get("kill").and_then(Value::as_str).unwrap_or_default();
        let number = signal::number(name).unwrap_or(libc::SIGTERM);
        let pid = msg.get("pid").map(|pid| {
            let number = pid.as_f64().or_else(|| pid.as_str()?.trim().parse().ok());
            number.map_or(0, |number| number as u32)
        });
        if self.children.kill(pid, number) {
            cx.status(output::killed());
        }
    }

    fn start_command(&self, msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
        let line = self.command.of(&msg);
        cx.debug(&line);
        let (job, follow) = (self.job(cx), Follow::of(&msg));
        if !self.spawns {
            let started = self.started(run::command(&line), cx);
            let started =
                started.map_err(|error| NodeError::caused_by("cannot start a shell", error))?;
            cx.spawn(follow.run(self.limited(started.pid, run::run(job, msg, line, started))));
            return Ok(());
        }
        let words = words(&line);
        let command =
            spawn::command(&words).ok_or_else(|| NodeError::new("no command is given"))?;
        match self.started(command, cx) {
            Ok(started) => {
                cx.spawn(follow.run(self.limited(started.pid, spawn::run(job, msg, started))));
            }
            Err(error) => {
                let code = error.raw_os_error().map_or(-1, |number| -number);
                cx.spawn(follow.run(spawn::ended(
                    job,
                    msg,
                    End { code: Some(code), signal: None },
                )));
            }
        }
        Ok(())
    }

    fn job(&self, cx: &NodeContext) -> Job {
        Job {
            cx: cx.clone(),
            old_style: self.old_style,
            max_buffer: cx.setting(&MAX_BUFFER),
            children: Arc::clone(&self.children),
        }
    }

    fn started(&self, mut command: Command, cx: &NodeContext) -> io::Result<Started> {
        let child = command.spawn()?;
        let pid = child.id().ok_or_else(|| io::Error::other("the process has no id"))?;
        self.children.add(pid);
        cx.status(output::running(pid));
        Ok(Started { child, pid, children: Arc::clone(&self.children) })
    }

    /// Sends a signal when the time limit is over, and waits on: the command may take its time to end.
    fn limited<F>(&self, pid: u32, task: F) -> impl Future<Output = ()> + Send + 'static
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (limit, children) = (self.time_limit, Arc::clone(&self.children));
        async move {
            let mut task = Box::pin(task);
            if let Some(limit) = limit
                && tokio::time::timeout(limit, &mut task).await.is_ok()
            {
                return;
            }
            if limit.is_some() {
                children.kill(Some(pid), libc::SIGTERM);
            }
            task.await;
        }
    }
}
