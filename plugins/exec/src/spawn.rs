//! Spawn mode: the command runs without a shell, and its output is sent as it is printed.

use std::process::Stdio;

use ferrowire::{Message, NodeContext, NodeError, Status, Value};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use crate::node::{Job, Started};
use crate::output::{self, End};

/// The size of a chunk, as in Node.js.
const CHUNK: usize = 64 * 1024;

/// The command of the words of a line; `None` if there are none.
pub(crate) fn command(words: &[String]) -> Option<Command> {
    let (program, arguments) = words.split_first()?;
    let mut command = Command::new(program);
    command.args(arguments).process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Some(command)
}

/// Sends the output, and the exit code at the end.
pub(crate) async fn run(job: Job, msg: Message, mut started: Started) {
    let (out, err) = (started.child.stdout.take(), started.child.stderr.take());
    tokio::join!(forward(out, &job.cx, 0, &msg), forward(err, &job.cx, 1, &msg));
    let end = match started.child.wait().await {
        Ok(status) => End::of(status),
        Err(error) => {
            drop(started);
            let text = format!("the end of the command is not known: {error}");
            job.cx.fail_with(NodeError::new(text), msg).await;
            return;
        }
    };
    drop(started);
    ended(job, msg, end).await;
}

/// Sends the exit code. A program that did not start has the code of Node.js.
pub(crate) async fn ended(job: Job, mut msg: Message, end: End) {
    job.cx.status(match end.code {
        Some(0) => Status::default(),
        None => output::killed(),
        Some(code) if code < 0 => Status::new("red", "dot", format!("rc:{code}")),
        Some(code) => Status::new("yellow", "dot", format!("rc:{code}")),
    });
    let payload = if job.old_style { end.code() } else { Value::from(end.object()) };
    msg.set("payload", payload);
    job.cx.send(2, msg.clone()).await;
    job.cx.complete(msg).await;
}

/// Sends each chunk; reads on when it was handled.
async fn forward(
    stream: Option<impl AsyncRead + Unpin>,
    cx: &NodeContext,
    port: usize,
    msg: &Message,
) {
    let Some(mut stream) = stream else { return };
    loop {
        let mut chunk = Vec::with_capacity(CHUNK);
        match stream.read_buf(&mut chunk).await {
            // A pipe that fails has ended.
            Ok(0) | Err(_) => return,
            Ok(_) => {
                let mut sent = msg.clone();
                sent.set("payload", output::payload(chunk));
                cx.send(port, sent).await;
            }
        }
    }
}
