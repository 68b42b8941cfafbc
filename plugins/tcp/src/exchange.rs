//! `Exchange`: one connection of a `tcp request`, the messages that wait for it, and its responses.

use std::collections::VecDeque;
use std::io;
use std::sync::Mutex;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use ferrowire::{Message, MutexExt as _, NodeContext, Value};
use ferrowire_net::Stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::framing::Framing;
use crate::request::{Mode, Response};
use crate::settings::{IDLE_TIMEOUT, MAX_MESSAGE, MAX_QUEUE};

/// The messages that wait, as in Node-RED.
const WAITING: usize = 1000;

/// A connection, from its first message on.
#[derive(Debug)]
pub(crate) struct Exchange {
    waiting: Mutex<Waiting>,
    added: Notify,
    pub(crate) destroyed: CancellationToken,
}

#[derive(Debug)]
struct Waiting {
    messages: VecDeque<Message>,
    bytes: usize,
    limit: usize,
    /// The properties of responses are those of the last message.
    last: Message,
    has_ended: bool,
}

/// How a connection ended.
#[derive(Debug, PartialEq)]
pub(crate) enum Done {
    /// The response is complete, or none is waited for.
    Answered,
    /// By the server.
    Closed,
    Idle,
}

fn size(msg: &Message) -> usize {
    match msg.payload() {
        Some(Value::Buffer(bytes)) => bytes.len(),
        Some(Value::String(text)) => text.len(),
        _ => 0,
    }
}

impl Exchange {
    /// A connection that is to be opened for `first`.
    pub(crate) fn new(first: Message, cx: &NodeContext) -> Self {
        let waiting = Waiting {
            bytes: size(&first),
            messages: VecDeque::from([first.clone()]),
            limit: cx.setting(&MAX_QUEUE),
            last: first,
            has_ended: false,
        };
        Exchange {
            waiting: Mutex::new(waiting),
            added: Notify::new(),
            destroyed: CancellationToken::new(),
        }
    }

    /// Adds a message. Returns the oldest ones if they have to go for it.
    ///
    /// # Errors
    /// The message, if the connection has ended.
    pub(crate) fn add(&self, msg: Message) -> Result<Vec<Message>, Message> {
        let mut waiting = self.waiting.locked();
        if waiting.has_ended {
            return Err(msg);
        }
        waiting.bytes += size(&msg);
        waiting.last = msg.clone();
        waiting.messages.push_back(msg);
        let mut dropped = Vec::new();
        while waiting.messages.len() > 1
            && (waiting.messages.len() > WAITING || waiting.bytes > waiting.limit)
        {
            dropped.extend(waiting.take());
        }
        self.added.notify_one();
        Ok(dropped)
    }

    /// No further messages are taken; returns those that wait.
    pub(crate) fn end(&self) -> Vec<Message> {
        let mut waiting = self.waiting.locked();
        waiting.has_ended = true;
        std::iter::from_fn(|| waiting.take()).collect()
    }

    /// The last message, with a response as its payload.
    fn response(&self, payload: Value) -> Message {
        let mut msg = self.waiting.locked().last.clone();
        msg.set("payload", payload);
        msg
    }

    fn next_now(&self) -> Option<Message> {
        self.waiting.locked().take()
    }

    async fn next(&self) -> Message {
        loop {
            if let Some(msg) = self.next_now() {
                return msg;
            }
            self.added.notified().await;
        }
    }

    /// Writes what waits, reads the response, and sends it.
    ///
    /// # Errors
    /// If the connection fails.
    pub(crate) async fn run(
        &self,
        stream: Stream,
        response: &Response,
        cx: &NodeContext,
    ) -> io::Result<Done> {
        let (reader, mut writer) = tokio::io::split(stream);
        if response.mode == Mode::Immediately {
            while let Some(msg) = self.next_now() {
                write(&mut writer, msg, cx).await?;
            }
            writer.shutdown().await?;
            return Ok(Done::Answered);
        }
        let writing = async {
            loop {
                if let Err(error) = write(&mut writer, self.next().await, cx).await {
                    return error;
                }
            }
        };
        tokio::select! {
            error = writing => Err(error),
            done = Reading { exchange: self, response, cx, reader }.run() => done,
        }
    }
}

impl Waiting {
    fn take(&mut self) -> Option<Message> {
        let msg = self.messages.pop_front()?;
        self.bytes -= size(&msg);
        Some(msg)
    }
}

/// Writes a message, which is complete then.
async fn write(writer: &mut WriteHalf<Stream>, msg: Message, cx: &NodeContext) -> io::Result<()> {
    match msg.payload() {
        Some(Value::Buffer(bytes)) => writer.write_all(bytes).await?,
        Some(Value::String(text)) => writer.write_all(text.as_bytes()).await?,
        _ => {}
    }
    writer.flush().await?;
    cx.complete(msg).await;
    Ok(())
}

/// The reading side.
struct Reading<'a> {
    exchange: &'a Exchange,
    response: &'a Response,
    cx: &'a NodeContext,
    reader: ReadHalf<Stream>,
}

impl Reading<'_> {
    async fn run(mut self) -> io::Result<Done> {
        match self.response.mode {
            Mode::Stay => self.stay().await,
            Mode::Time(time) => self.for_time(time).await,
            Mode::Count(count) => self.until(|bytes| (bytes.len() >= count).then_some(count)).await,
            Mode::Char(end) => {
                let at = |bytes: &[u8]| memchr::memchr(end, bytes).map(|at| at + 1);
                self.until(at).await
            }
            Mode::Immediately => Ok(Done::Answered),
        }
    }

    /// Reads more; `None` after the idle time.
    async fn read(&mut self, bytes: &mut BytesMut) -> io::Result<Option<usize>> {
        if bytes.len() > self.cx.setting(&MAX_MESSAGE) {
            let text = "a response is larger than `tcp-max-message`";
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, text));
        }
        bytes.reserve(16 * 1024);
        let reading = self.reader.read_buf(bytes);
        match self.cx.setting(&IDLE_TIMEOUT) {
            Some(limit) => match tokio::time::timeout(limit, reading).await {
                Ok(read) => read.map(Some),
                Err(_) => Ok(None),
            },
            None => reading.await.map(Some),
        }
    }

    /// Reads more; `Some` if nothing came, because it took too long or the server closed the connection.
    async fn read_or_end(&mut self, bytes: &mut BytesMut) -> io::Result<Option<Done>> {
        Ok(match self.read(bytes).await? {
            None => Some(Done::Idle),
            Some(0) => Some(Done::Closed),
            Some(_) => None,
        })
    }

    async fn send(&self, payload: Value) {
        self.cx.send(0, self.exchange.response(payload)).await;
    }

    /// Sends all that arrives, until the server closes the connection.
    async fn stay(&mut self) -> io::Result<Done> {
        let limit = self.cx.setting(&MAX_MESSAGE);
        let mut framing = self.response.framing.clone().map(|framing| Framing::new(framing, limit));
        let mut bytes = BytesMut::new();
        loop {
            if let Some(done) = self.read_or_end(&mut bytes).await? {
                return Ok(done);
            }
            let data = Bytes::copy_from_slice(&bytes);
            bytes.clear();
            let payloads = match &mut framing {
                Some(framing) => framing.add(data)?,
                None => vec![data.into()],
            };
            for payload in payloads {
                self.send(payload).await;
            }
        }
    }

    /// Sends what arrives within a time after the first byte.
    async fn for_time(&mut self, time: Duration) -> io::Result<Done> {
        let mut bytes = BytesMut::new();
        if let Some(done) = self.read_or_end(&mut bytes).await? {
            return Ok(done);
        }
        let end = Instant::now() + time;
        while let Ok(read) = tokio::time::timeout_at(end, self.read(&mut bytes)).await {
            if matches!(read?, None | Some(0)) {
                tokio::time::sleep_until(end).await;
                break;
            }
        }
        self.send(self.response.value(bytes.freeze())).await;
        Ok(Done::Answered)
    }

    /// Sends what arrives up to where `end` says.
    async fn until(&mut self, end: impl Fn(&[u8]) -> Option<usize>) -> io::Result<Done> {
        let mut bytes = BytesMut::new();
        loop {
            if let Some(done) = self.read_or_end(&mut bytes).await? {
                return Ok(done);
            }
            if let Some(end) = end(&bytes) {
                let answer = bytes.split_to(end.min(bytes.len())).freeze();
                self.send(self.response.value(answer)).await;
                return Ok(Done::Answered);
            }
        }
    }
}
