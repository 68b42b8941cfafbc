//! The node `file`: writes or appends messages to a file, or deletes it.

use std::fs::{self, Metadata};
use std::io::Write as _;
use std::sync::{Arc, Mutex};

use ferrowire::expression::javascript;
use ferrowire::{
    EXCLUSIVE_QUEUE, FromConfig, Handled, Message, MutexExt as _, Node, NodeConfig, NodeContext,
    NodeError, Sending, StopReason, Value, async_trait,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::encoding::Encoding;
use crate::failure::Failure;
use crate::name::FileName;
use crate::place::{How, Place, Places, warn_if_exposed};

/// The messages that are written in one turn of a thread that may block.
const BATCH: usize = 64;

/// Node-RED's `file`. One message is written after the other, in the order of arrival; up to
/// [`EXCLUSIVE_QUEUE`] wait, then senders do.
#[derive(Debug)]
pub struct File {
    options: Arc<Options>,
    queue: mpsc::Sender<Message>,
    waiting: Mutex<Option<mpsc::Receiver<Message>>>,
    /// No more messages come.
    ending: CancellationToken,
    /// All are written.
    ended: CancellationToken,
}

#[derive(Debug)]
struct Options {
    name: FileName,
    action: Action,
    adds_newline: bool,
    creates_folder: bool,
    /// `None`: the encoding that the message names.
    encoding: Option<Encoding>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Action {
    Append,
    Overwrite,
    Delete,
}

/// An open file, to find out whether it was deleted or replaced.
#[derive(Debug)]
struct Open {
    file: fs::File,
    about: Metadata,
}

impl FromConfig for File {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let action = match javascript::text(config.raw("overwriteFile")).as_str() {
            "true" => Action::Overwrite,
            "delete" => Action::Delete,
            _ => Action::Append,
        };
        let encoding = match config.text("encoding").as_str() {
            "setbymsg" => None,
            name => Some(Encoding::named(name).unwrap_or_else(|| {
                config.problem("encoding", format!("the encoding `{name}` is not supported"));
                Encoding::Default
            })),
        };
        let (queue, waiting) = mpsc::channel(EXCLUSIVE_QUEUE);
        File {
            options: Arc::new(Options {
                name: FileName::from_config(config),
                action,
                adds_newline: config.boolean("appendNewline", false),
                creates_folder: config.boolean("createDir", false),
                encoding,
            }),
            queue,
            waiting: Mutex::new(Some(waiting)),
            ending: CancellationToken::new(),
            ended: CancellationToken::new(),
        }
    }
}

/// One operation, which runs on a thread that may block.
struct Job {
    name: String,
    action: Action,
    creates_folder: bool,
    bytes: Vec<u8>,
}

/// The file that is appended to, kept open if its name does not depend on the message.
#[derive(Debug, Default)]
struct Kept {
    open: Option<Open>,
    /// Whether it is known to be the file of that name still.
    is_current: bool,
}

/// An operation that failed: the text of Node-RED, and the reason.
type Failed = (&'static str, Failure);

impl Job {
    fn run(self, places: &Places, kept: &mut Kept) -> Result<(), Failed> {
        if let Some(open) = kept.open.as_mut().filter(|_| kept.is_current) {
            let written = open.file.write_all(&self.bytes);
            return written.map_err(|error| (self.text(), Failure::of("write", &self.name)(error)));
        }
        let operation = if self.action == Action::Delete { "unlink" } else { "open" };
        let found = places.find(&self.name).map_err(Failure::of(operation, &self.name));
        let place = found.map_err(|failure| (self.text(), failure))?;
        if self.action == Action::Delete {
            let deleted = place.delete().map_err(Failure::of("unlink", &self.name));
            return deleted.map_err(|failure| (self.text(), failure));
        }
        if self.creates_folder {
            let created = place.create_folder().map_err(Failure::of("mkdir", &self.name));
            created.map_err(|failure| ("failed to create file", failure))?;
        }
        let open = self.write(&place, kept.open.take());
        kept.open = Some(open.map_err(|failure| (self.text(), failure))?);
        kept.is_current = true;
        Ok(())
    }

    fn text(&self) -> &'static str {
        match self.action {
            Action::Append => "failed to append to file",
            Action::Overwrite => "failed to write to file",
            Action::Delete => "failed to delete file",
        }
    }

    fn write(&self, place: &Place, kept: Option<Open>) -> Result<Open, Failure> {
        let name = &self.name;
        let mut open = match kept.filter(|open| place.is_at(&open.about)) {
            Some(open) => open,
            None => {
                let how = if self.action == Action::Append { How::Append } else { How::Overwrite };
                let file = place.open(how).map_err(Failure::of("open", name))?;
                let about = file.metadata().map_err(Failure::of("fstat", name))?;
                Open { file, about }
            }
        };
        open.file.write_all(&self.bytes).map_err(Failure::of("write", name))?;
        Ok(open)
    }
}

impl Options {
    /// The bytes to write; `None` without a payload.
    fn bytes(&self, msg: &Message) -> Result<Option<Vec<u8>>, NodeError> {
        let text = match msg.payload() {
            None | Some(Value::Undefined) => return Ok(None),
            Some(Value::Buffer(bytes)) => return Ok(Some(bytes.to_vec())),
            Some(Value::String(text)) => text.as_str().to_owned(),
            Some(value @ (Value::Bool(_) | Value::Number(_) | Value::BigInt(_))) => {
                javascript::text(Some(value))
            }
            Some(value) => value.stringify()?.unwrap_or_default(),
        };
        let ends = self.adds_newline && !is_last_of_text(msg);
        let text = if ends { text + "\n" } else { text };
        Ok(Some(self.encoding_for(msg)?.encode(&text)))
    }

    fn encoding_for(&self, msg: &Message) -> Result<Encoding, NodeError> {
        if let Some(encoding) = self.encoding {
            return Ok(encoding);
        }
        let name = msg.get("encoding").filter(|name| name.is_truthy());
        let name = name.map(|name| javascript::text(Some(name))).unwrap_or_default();
        Encoding::named(&name).ok_or_else(|| {
            NodeError::new(format!(
                "invalid `msg.encoding`: the encoding `{name}` is not supported"
            ))
        })
    }
}

/// The last part of a text that was split gets no line break.
fn is_last_of_text(msg: &Message) -> bool {
    let Some(parts) = msg.get("parts") else { return false };
    let number = |key: &str| parts.get(key).and_then(Value::as_f64);
    parts.get("type").and_then(Value::as_str) == Some("string")
        && number("index").zip(number("count")).is_some_and(|(index, count)| count == index + 1.0)
}

#[async_trait]
impl Node for File {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        warn_if_exposed(cx);
        let Some(waiting) = self.waiting.locked().take() else { return Ok(()) };
        let writer = Writer { options: Arc::clone(&self.options), cx: cx.clone(), waiting };
        let (ending, ended) = (self.ending.clone(), self.ended.clone().drop_guard());
        cx.spawn(async move {
            writer.run(ending).await;
            drop(ended);
        });
        Ok(())
    }

    fn on_message_now(&self, msg: Message, _: &NodeContext) -> Handled {
        let msg = match self.queue.try_send(msg) {
            Ok(()) => return Handled::Kept(Sending::done()),
            Err(full) => full.into_inner(),
        };
        let queue = self.queue.clone();
        // It fails only when the node has stopped.
        Handled::Kept(Sending::later(Box::pin(async move { drop(queue.send(msg).await) })))
    }

    async fn stop(&self, _: StopReason, _: &NodeContext) {
        self.ending.cancel();
        let has_started = self.waiting.locked().is_none();
        if has_started {
            self.ended.cancelled().await;
        }
    }
}

/// Writes the messages of a node.
struct Writer {
    options: Arc<Options>,
    cx: NodeContext,
    waiting: mpsc::Receiver<Message>,
}

/// What a message asks for.
enum Task {
    Job(Job),
    Nothing,
    Failed(NodeError),
}

impl Writer {
    /// Writes until the node ends, and then what still waits.
    async fn run(mut self, ending: CancellationToken) {
        let keeps = self.options.action == Action::Append && self.options.name.is_fixed;
        let mut kept = Kept::default();
        while let Some(batch) = self.next(&ending).await {
            kept.is_current = false;
            kept = self.write(batch, kept, keeps).await;
        }
    }

    /// The messages that wait; `None` at the end.
    async fn next(&mut self, ending: &CancellationToken) -> Option<Vec<Message>> {
        let mut batch = Vec::new();
        tokio::select! {
            biased;
            count = self.waiting.recv_many(&mut batch, BATCH) => {
                return (count > 0).then_some(batch);
            }
            () = ending.cancelled() => {}
        }
        self.waiting.close();
        (self.waiting.recv_many(&mut batch, BATCH).await > 0).then_some(batch)
    }

    /// Writes messages, and sends each when all of them are written.
    async fn write(&self, batch: Vec<Message>, kept: Kept, keeps: bool) -> Kept {
        let (messages, tasks): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|msg| self.task(msg)).unzip();
        let places = Places::of(&self.cx);
        let work = move || {
            let mut kept = kept;
            let run = |task| match task {
                Task::Job(job) => {
                    let done = job.run(&places, &mut kept);
                    if !keeps {
                        kept = Kept::default();
                    }
                    Ok(done.map(|()| true))
                }
                Task::Nothing => Ok(Ok(false)),
                Task::Failed(error) => Err(error),
            };
            let outcomes: Vec<_> = tasks.into_iter().map(run).collect();
            (outcomes, kept)
        };
        match tokio::task::spawn_blocking(work).await {
            Ok((outcomes, kept)) => {
                for (msg, outcome) in messages.into_iter().zip(outcomes) {
                    self.report(msg, outcome).await;
                }
                kept
            }
            Err(error) => {
                let text = format!("the write did not end: {error}");
                for msg in messages {
                    self.cx.fail_with(NodeError::new(text.clone()), msg).await;
                }
                Kept::default()
            }
        }
    }

    /// What is to be done for a message, which gets the name of its file.
    fn task(&self, mut msg: Message) -> (Message, Task) {
        let name = match self.options.name.of(&msg, &self.cx) {
            Ok(name) => name,
            Err(error) => return (msg, Task::Failed(error)),
        };
        msg.set("filename", name.as_str());
        if name.is_empty() {
            self.cx.warn("No filename specified");
            return (msg, Task::Nothing);
        }
        let Options { action, creates_folder, .. } = *self.options;
        let bytes = match action {
            Action::Delete => Ok(Some(Vec::new())),
            _ => self.options.bytes(&msg),
        };
        let task = match bytes {
            Ok(Some(bytes)) => Task::Job(Job { name, action, creates_folder, bytes }),
            Ok(None) => Task::Nothing,
            Err(error) => Task::Failed(error),
        };
        (msg, task)
    }

    async fn report(&self, msg: Message, outcome: Result<Result<bool, Failed>, NodeError>) {
        match outcome {
            Ok(Ok(is_sent)) => {
                // Complete nodes get the message after those that are wired to this one.
                let complete = self.cx.completion_watched().then(|| msg.clone());
                if is_sent {
                    self.cx.send(0, msg).await;
                }
                if let Some(msg) = complete {
                    self.cx.complete(msg).await;
                }
            }
            Ok(Err((text, failure))) => {
                let error = failure.error(format!("{text}: Error: {}", failure.text()));
                self.cx.fail_with(error, msg).await;
            }
            Err(error) => self.cx.fail_with(error, msg).await,
        }
    }
}
