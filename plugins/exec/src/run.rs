//! Exec mode: a shell runs the command, and its output is sent when it has ended.

use std::path::Path;
use std::process::Stdio;

use ferrowire::{Map, Message, NodeContext, Status, Value};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use crate::node::{Job, Started};
use crate::output::{self, End};

/// bash if it is installed, as in Node-RED.
fn shell() -> &'static str {
    if Path::new("/bin/bash").exists() { "/bin/bash" } else { "/bin/sh" }
}

/// The command for the shell.
pub(crate) fn command(line: &str) -> Command {
    let mut command = Command::new(shell());
    command.arg("-c").arg(line).process_group(0);
    // The input stays open: some programs end when it ends.
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What the command printed and how it ended.
struct Finished {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    failure: Option<Failure>,
}

/// An end that is an error: `code`, `message` and `signal`.
struct Failure {
    code: Value,
    message: String,
    signal: Option<&'static str>,
}

impl Failure {
    fn properties(&self) -> Map {
        let signal = self.signal.map(|signal| ("signal", Value::from(signal)));
        let known = [("code", self.code.clone()), ("message", self.message.as_str().into())];
        known.into_iter().chain(signal).collect()
    }

    fn status(&self) -> Status {
        match &self.code {
            Value::Null => output::killed(),
            Value::String(code) => Status::new("red", "dot", format!("error:{code}")),
            code => Status::new("red", "dot", format!("error:{}", code.to_json())),
        }
    }
}

/// Waits for the end and sends what was printed.
pub(crate) async fn run(job: Job, mut msg: Message, line: String, mut started: Started) {
    let finished = finish(&job, &line, &mut started).await;
    drop(started);
    msg.remove("payload");
    let (rc, status) = match &finished.failure {
        Some(failure) => (Some(failure.properties()), failure.status()),
        None if job.old_style => (None, Status::default()),
        None => (Some([("code", Value::from(0.0))].into_iter().collect()), Status::default()),
    };
    job.cx.status(status);
    send(&job.cx, msg, finished, rc.map(Value::from)).await;
}

async fn send(cx: &NodeContext, msg: Message, finished: Finished, rc: Option<Value>) {
    let with = |payload: Value, is_output: bool| {
        let mut sent = msg.clone();
        sent.set("payload", payload);
        if let Some(rc) = rc.as_ref().filter(|_| is_output) {
            sent.set("rc", rc.clone());
        }
        sent
    };
    let stderr = Some(finished.stderr).filter(|printed| !printed.is_empty());
    let stderr = stderr.map(|printed| with(output::payload(printed), true));
    let stdout = with(output::payload(finished.stdout), true);
    let code = rc.clone().map(|rc| with(rc, false));
    let last = stdout.clone();
    cx.send(0, stdout).await;
    for (port, sent) in [(1, stderr), (2, code)] {
        if let Some(sent) = sent {
            cx.send(port, sent).await;
        }
    }
    cx.complete(last).await;
}

async fn finish(job: &Job, line: &str, started: &mut Started) -> Finished {
    let (out, err) = (started.child.stdout.take(), started.child.stderr.take());
    let kill = || {
        job.children.kill(Some(started.pid), libc::SIGTERM);
    };
    let (out, err) =
        tokio::join!(collect(out, job.max_buffer, kill), collect(err, job.max_buffer, kill));
    let ended = started.child.wait().await;
    let failure = match (out.1, err.1, ended) {
        (true, ..) => Some(too_long("stdout")),
        (_, true, _) => Some(too_long("stderr")),
        (.., Ok(status)) => failed(line, End::of(status), &err.0),
        (.., Err(error)) => Some(Failure {
            code: Value::Null,
            message: format!("the end of the command is not known: {error}"),
            signal: None,
        }),
    };
    Finished { stdout: out.0, stderr: err.0, failure }
}

/// As Node.js reports it.
fn too_long(name: &str) -> Failure {
    Failure {
        code: "ERR_CHILD_PROCESS_STDIO_MAXBUFFER".into(),
        message: format!("{name} maxBuffer length exceeded"),
        signal: None,
    }
}

fn failed(line: &str, end: End, stderr: &[u8]) -> Option<Failure> {
    (end.code != Some(0)).then(|| Failure {
        code: end.code(),
        message: format!("Command failed: {line}\n{}", String::from_utf8_lossy(stderr)),
        signal: end.signal,
    })
}

/// The first `limit` bytes, and whether there are more; calls `kill` if there are.
async fn collect(
    stream: Option<impl AsyncRead + Unpin>,
    limit: usize,
    kill: impl Fn(),
) -> (Vec<u8>, bool) {
    let mut bytes = Vec::new();
    let Some(stream) = stream else { return (bytes, false) };
    // A pipe that fails has ended.
    let _read = stream.take(limit as u64 + 1).read_to_end(&mut bytes).await;
    let is_longer = bytes.len() > limit;
    if is_longer {
        kill();
        bytes.truncate(limit);
    }
    (bytes, is_longer)
}
