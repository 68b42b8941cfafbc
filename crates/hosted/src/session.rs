//! `Session`: one child from its start to its end, and what it says meanwhile.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ferrowire_core::{Level, Map, NodeError, Status, Value};
use futures_util::StreamExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tokio_util::codec::{FramedRead, LengthDelimitedCodec};

use crate::child::{Child, TARGET};
use crate::codec::{self, MAX_FRAME};
use crate::context;
use crate::deliveries::Deliveries;
use crate::jobs::{Call, CallError, Deployment, Job, Work};
use crate::metrics;
use crate::outbox::Outbox;
use crate::records::{FromChild, PROTOCOL, to_child};
use crate::shared::{Shared, Told};

/// The oldest major version of Node.js that Node-RED 4 and 5 run on.
const NODE_JS: u32 = 18;

/// How long Node-RED's runtime and all packages may take to load.
const READY_LIMIT: Duration = Duration::from_secs(120);

/// After how many questions without an answer a child is killed.
const PINGS: u32 = 3;

/// How much of the time for the end of a child its nodes have.
const NODES_SHARE: u32 = 2;

/// How much of it stays between SIGTERM and SIGKILL.
const TERM_SHARE: u32 = 8;

/// How long a child that ends by itself may take from the end of its connection to its own.
const EXIT_LIMIT: Duration = Duration::from_secs(2);

/// Why a session ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It was asked to stop.
    Stopped,
    /// It was asked to make room for another child.
    Restarted,
    /// Another child may do better.
    Died(String),
    /// Another child would not do better.
    Unusable(String),
}

/// One child, and what is known of it.
pub(crate) struct Session<'a> {
    shared: &'a Shared,
    child: Child,
    reader: FramedRead<OwnedReadHalf, LengthDelimitedCodec>,
    writer: JoinSet<()>,
    deliveries: &'a mut Deliveries,
    questions: PathBuf,
    calls: HashMap<u32, oneshot::Sender<Result<Value, CallError>>>,
    next_call: u32,
    unanswered: u32,
}

impl<'a> Session<'a> {
    /// Starts a child.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn start(
        shared: &'a Shared,
        deliveries: &'a mut Deliveries,
    ) -> Result<Self, String> {
        let options = &shared.options;
        let started = Child::start(options).await;
        let (child, stream) = started.map_err(|error| error.to_string())?;
        metrics::STARTS.increment();
        let in_folder = |error: std::io::Error| format!("cannot prepare Node.js: {error}");
        let questions = child.pipe("questions").map_err(in_folder)?;
        let answers = child.pipe("answers").map_err(in_folder)?;
        context::answer(questions.clone(), answers, shared.stores.clone()).map_err(in_folder)?;
        let (read, write) = stream.into_split();
        let mut writer = JoinSet::new();
        writer.spawn(write_all(write, Arc::clone(&shared.outbox)));
        let codec = LengthDelimitedCodec::builder()
            .little_endian()
            .length_field_type::<u32>()
            .max_frame_length(MAX_FRAME)
            .new_codec();
        Ok(Session {
            shared,
            child,
            reader: FramedRead::new(read, codec),
            writer,
            deliveries,
            questions,
            calls: HashMap::new(),
            next_call: 0,
            unanswered: 0,
        })
    }

    /// Runs the child until it ends.
    pub(crate) async fn run(mut self, work: &mut Work) -> Ended {
        let ended = match self.make_ready().await {
            Ok(said) => {
                self.shared.set_ready(said, self.child.http());
                self.deploy(&work.latest.whole());
                work.waiting.drain(..).for_each(|call| self.call(call));
                self.serve(work).await
            }
            Err(ended) => ended,
        };
        let limit = self.shared.options.stop_limit;
        if matches!(ended, Ended::Stopped | Ended::Restarted) {
            self.stop(limit / NODES_SHARE).await;
        }
        // What is written from now on is for the next child.
        self.writer.shutdown().await;
        self.shared.set_gone();
        self.deliveries.child_ended();
        context::end(&self.questions);
        self.child.terminate(limit / TERM_SHARE).await;
        ended
    }

    /// Loads Node-RED's runtime and the packages.
    async fn make_ready(&mut self) -> Result<Map, Ended> {
        let limit = tokio::time::sleep(READY_LIMIT);
        let mut limit = std::pin::pin!(limit);
        loop {
            tokio::select! {
                body = self.reader.next() => match self.read(body).await? {
                    Some(FromChild::Hello { protocol, node }) => self.init(protocol, &node)?,
                    Some(FromChild::Ready(ready)) => return Ok(ready),
                    Some(FromChild::Failed(why)) => return Err(Ended::Unusable(why)),
                    // What Node-RED's runtime says of itself, such as that it stores credentials in
                    // plain text: it stores none.
                    Some(FromChild::Log { text, .. }) => tracing::debug!(target: TARGET, "{text}"),
                    Some(other) => self.handle(other),
                    None => {}
                },
                () = self.shared.stop.cancelled() => return Err(Ended::Stopped),
                () = &mut limit => {
                    let seconds = READY_LIMIT.as_secs();
                    let why = format!("the packages did not load within {seconds} seconds");
                    return Err(Ended::Died(why));
                }
            }
        }
    }

    fn init(&self, protocol: f64, node: &str) -> Result<(), Ended> {
        let major = node.trim_start_matches('v').split('.').next().unwrap_or_default();
        if protocol.to_bits() != PROTOCOL.to_bits() {
            return Err(Ended::Unusable("another program answers as Node.js".to_owned()));
        }
        if major.parse::<u32>().is_ok_and(|major| major < NODE_JS) {
            let why = format!("Node.js {node} is too old; install version {NODE_JS} or later");
            return Err(Ended::Unusable(why));
        }
        self.send("init", self.shared.init(self.child.folder(), &self.child.http()));
        Ok(())
    }

    /// Handles records and jobs until the end.
    async fn serve(&mut self, work: &mut Work) -> Ended {
        let mut pings = tokio::time::interval(self.shared.options.pace.ping);
        // Else a pause of the whole machine would look like one of the child.
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                body = self.reader.next() => match self.read(body).await {
                    Ok(Some(record)) => self.handle(record),
                    Ok(None) => {}
                    Err(ended) => return ended,
                },
                job = work.next() => match job {
                    Some(Job::Deploy(deployment)) => {
                        self.deploy(&deployment);
                        work.latest = deployment;
                    }
                    Some(Job::Restart) => return Ended::Restarted,
                    Some(Job::Call(call)) => self.call(call),
                    None => return Ended::Stopped,
                },
                _ = pings.tick() => {
                    if self.unanswered == PINGS {
                        let blocked = self.shared.options.pace.ping * PINGS;
                        return Ended::Died(format!("it is blocked: it did not answer for {blocked:?}"));
                    }
                    self.unanswered += 1;
                    self.send("ping", []);
                }
                () = self.shared.stop.cancelled() => return Ended::Stopped,
            }
        }
    }

    /// The record in a frame; `None` if it is none.
    async fn read(
        &mut self,
        body: Option<std::io::Result<BytesMut>>,
    ) -> Result<Option<FromChild>, Ended> {
        let body = match body {
            Some(Ok(body)) => body.freeze(),
            Some(Err(error)) if error.kind() == std::io::ErrorKind::InvalidData => {
                return Err(Ended::Died(format!("invalid data: {error}")));
            }
            // A process that was killed resets its connection.
            Some(Err(_)) | None => return Err(Ended::Died(self.child.ended(EXIT_LIMIT).await)),
        };
        let size = body.len() + 4;
        let record = codec::record(&body);
        let record = record.map_err(|error| Ended::Died(format!("invalid data: {error}")))?;
        Ok(match FromChild::read(record) {
            Some(FromChild::Message { id, msg, trace }) => {
                self.deliveries.deliver(id, (msg, trace), size);
                None
            }
            record => record,
        })
    }

    fn handle(&mut self, record: FromChild) {
        match record {
            FromChild::Taken { messages } => self.shared.outbox.taken(messages),
            FromChild::Status { id, status } => self.status(&id, &status),
            FromChild::Log { level, id, text } => self.log(level, &id, &text),
            FromChild::Dropped { id } => self.lose(
                &id,
                "a message from a node in Node.js was dropped: 64 MiB of them wait for native nodes",
            ),
            FromChild::Lost { id } => {
                metrics::LOST_FROM.increment();
                tracing::debug!(target: TARGET, "a message to the node `{id}` was dropped: it does not run");
            }
            FromChild::Comms { topic, data, retain } => {
                (self.shared.tell)(Told::Comms { topic, data, retain });
            }
            FromChild::Event { id, payload } => (self.shared.tell)(Told::Event { id, payload }),
            FromChild::Deployed { seq, error } => self.shared.deployed(seq, error.as_deref()),
            FromChild::Answer { call, answer } => self.answered(call, answer.map_err(Into::into)),
            FromChild::Pong { memory } => {
                self.unanswered = 0;
                metrics::MEMORY.set(i64::try_from(memory).unwrap_or(i64::MAX));
            }
            FromChild::Hello { .. }
            | FromChild::Ready(_)
            | FromChild::Failed(_)
            | FromChild::Message { .. } => {}
        }
    }

    /// Shows a status. It may be that of a subflow instance, whose watchers the child tells as well.
    fn status(&self, id: &str, status: &Map) {
        if let Some(node) = self.shared.nodes.load().get(id) {
            node.show_status(Status::from_properties(status));
        }
    }

    /// Logs a line with one of Node-RED's levels.
    fn log(&self, level: f64, id: &str, text: &str) {
        let level = match level {
            ..=20.0 => Level::Error,
            ..=30.0 => Level::Warn,
            ..=40.0 => Level::Info,
            _ => Level::Debug,
        };
        match (self.shared.nodes.load().get(id), level) {
            (Some(node), level) => node.context().log(level, format_args!("{text}")),
            (None, Level::Error) => tracing::error!(target: TARGET, "{text}"),
            (None, Level::Warn) => tracing::warn!(target: TARGET, "{text}"),
            // What Node-RED's runtime says of itself.
            (None, _) => tracing::debug!(target: TARGET, "{text}"),
        }
    }

    fn lose(&self, id: &str, text: &str) {
        metrics::LOST_FROM.increment();
        if let Some(node) = self.shared.nodes.load().get(id) {
            node.context().fail(NodeError::new(text));
        }
    }

    fn deploy(&mut self, deployment: &Deployment) {
        self.deliveries.retain();
        self.shared.clear();
        match deployment.frame() {
            Ok(frame) => self.shared.outbox.control(frame),
            Err(error) => self.shared.deployed(deployment.seq, Some(&error.to_string())),
        }
    }

    fn call(&mut self, Call { name, args, answer }: Call) {
        let call = self.next_call;
        self.next_call = call.wrapping_add(1);
        self.calls.insert(call, answer);
        self.send("call", [("n", f64::from(call).into()), ("name", name.into()), ("args", args)]);
    }

    fn answered(&mut self, call: u32, answer: Result<Value, CallError>) {
        if let Some(waiting) = self.calls.remove(&call) {
            // Nobody waits for it any more if the request was cancelled.
            let _cancelled = waiting.send(answer);
        }
    }

    fn send<const N: usize>(&self, kind: &str, fields: [(&'static str, Value); N]) {
        match to_child(kind, fields) {
            Ok(frame) => self.shared.outbox.control(frame),
            Err(error) => tracing::error!(target: TARGET, "`{kind}` cannot be sent: {error}"),
        }
    }

    /// Lets the nodes of the child stop.
    async fn stop(&mut self, limit: Duration) {
        self.send("stop", []);
        let stopped = async {
            while let Some(Ok(body)) = self.reader.next().await {
                if let Ok(Some(record)) = self.read(Some(Ok(body))).await {
                    self.handle(record);
                }
            }
        };
        if tokio::time::timeout(limit, stopped).await.is_err() {
            tracing::warn!(target: TARGET, "Node.js did not stop within {limit:?} and is ended");
        }
    }
}

/// Writes what the outbox has, until the connection ends.
async fn write_all(mut socket: OwnedWriteHalf, outbox: Arc<Outbox>) {
    loop {
        let frames = outbox.next().await;
        let all: Bytes = match <[Bytes; 1]>::try_from(frames) {
            Ok([frame]) => frame,
            Err(frames) => frames.concat().into(),
        };
        // The reader sees the end as well.
        if socket.write_all(&all).await.is_err() {
            return;
        }
    }
}
