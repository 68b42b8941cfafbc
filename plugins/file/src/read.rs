//! The node `file in`: reads a file into one message, or into one for each line or chunk.

use std::io::{self, Read as _};

use ferrowire::{
    FromConfig, Map, Message, Node, NodeConfig, NodeContext, NodeError, Value, async_trait,
};
use tokio::sync::mpsc;

use crate::encoding::{Decoder, Encoding};
use crate::failure::Failure;
use crate::name::FileName;
use crate::place::{How, Place, Places, warn_if_exposed};
use crate::settings::MAX_READ;

/// The size of a chunk, as in Node.js.
const CHUNK: usize = 64 * 1024;

/// Node-RED's `file in`.
#[derive(Debug)]
pub struct FileIn {
    name: FileName,
    format: Format,
    encoding: Encoding,
    /// Messages of lines and chunks have all properties of the message that started the reading.
    keeps_properties: bool,
    /// A message is also sent after an error.
    sends_error: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Format {
    Text,
    Buffer,
    Lines,
    Chunks,
}

impl FromConfig for FileIn {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let encoding = config.text("encoding");
        let known = Encoding::named(&encoding);
        if known.is_none() {
            config.problem("encoding", format!("the encoding `{encoding}` is not supported"));
        }
        FileIn {
            name: FileName::from_config(config),
            format: match config.text("format").as_str() {
                "utf8" => Format::Text,
                "lines" => Format::Lines,
                "stream" => Format::Chunks,
                _ => Format::Buffer,
            },
            encoding: known.unwrap_or(Encoding::Default),
            keeps_properties: config.boolean("allProps", false),
            sends_error: config.boolean("sendError", true),
        }
    }
}

#[async_trait]
impl Node for FileIn {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        warn_if_exposed(cx);
        Ok(())
    }

    async fn on_message(&self, mut msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
        let name = self.name.of(&msg, cx)?.replace(['\t', '\r', '\n'], "");
        if name.is_empty() {
            cx.warn("No filename specified");
            return Ok(());
        }
        msg.set("filename", name.as_str());
        let (found, limit) = (Places::of(cx).find(&name), cx.setting(&MAX_READ));
        let read = match found.map_err(Failure::of("open", &name)) {
            Err(failure) => Err(failure),
            Ok(place) => {
                let reading = Reading { node: self, msg: &msg, cx, limit };
                match self.format {
                    Format::Text | Format::Buffer => reading.whole(place, &name).await,
                    Format::Lines | Format::Chunks => reading.pieces(place, &name).await,
                }
            }
        };
        let Err(failure) = read else { return Ok(()) };
        cx.fail_first(failure.error(format!("Error: {}", failure.text())), msg.clone()).await;
        if self.sends_error {
            msg.remove("payload");
            msg.set("error", failure.value());
            cx.send(0, msg).await;
        }
        Ok(())
    }
}

/// One file being read.
struct Reading<'a> {
    node: &'a FileIn,
    msg: &'a Message,
    cx: &'a NodeContext,
    limit: usize,
}

impl Reading<'_> {
    async fn whole(&self, place: Place, name: &str) -> Result<(), Failure> {
        let limit = self.limit;
        let reading = tokio::task::spawn_blocking(move || read_whole(&place, limit));
        let bytes = reading.await.unwrap_or_else(|error| Err(("read", io::Error::other(error))));
        let bytes = bytes.map_err(|(operation, error)| Failure::of(operation, name)(error))?;
        let mut msg = self.msg.clone();
        if self.node.format == Format::Text {
            let mut text = String::new();
            self.node.encoding.decoder().push(&bytes, true, &mut text);
            msg.set("payload", text);
        } else {
            msg.set("payload", bytes);
        }
        self.cx.send(0, msg).await;
        Ok(())
    }

    /// A thread reads while the flow processes what was read before; it is one chunk ahead at most.
    async fn pieces(&self, place: Place, name: &str) -> Result<(), Failure> {
        let (sender, mut chunks) = mpsc::channel(1);
        tokio::task::spawn_blocking(move || read_chunks(&place, &sender));
        let mut pieces = Pieces::new(self);
        while let Some(chunk) = chunks.recv().await {
            let chunk = chunk.map_err(|(operation, error)| Failure::of(operation, name)(error))?;
            pieces.add(chunk).await.map_err(Failure::of("read", name))?;
        }
        pieces.end().await;
        Ok(())
    }
}

/// An operation and its error.
type Failed = (&'static str, io::Error);

fn read_whole(place: &Place, limit: usize) -> Result<Vec<u8>, Failed> {
    let file = place.open(How::Read).map_err(|error| ("open", error))?;
    let mut bytes = Vec::new();
    let read = file.take(limit as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| ("read", error))?;
    if bytes.len() > limit {
        let reason = format!("the file is larger than `file-max-read` ({limit} bytes)");
        return Err(("read", io::Error::new(io::ErrorKind::FileTooLarge, reason)));
    }
    Ok(bytes)
}

/// Sends the chunks of a file until its end, an error, or until nobody receives them.
fn read_chunks(place: &Place, chunks: &mpsc::Sender<Result<Vec<u8>, Failed>>) {
    let mut file = match place.open(How::Read) {
        Ok(file) => file,
        Err(error) => return drop(chunks.blocking_send(Err(("open", error)))),
    };
    loop {
        let mut chunk = Vec::with_capacity(CHUNK);
        let read = io::Read::by_ref(&mut file).take(CHUNK as u64).read_to_end(&mut chunk);
        let is_over = chunk.is_empty() || read.is_err();
        let sent = match read {
            Ok(0) => Ok(()),
            Ok(_) => chunks.blocking_send(Ok(chunk)),
            Err(error) => chunks.blocking_send(Err(("read", error))),
        };
        if is_over || sent.is_err() {
            return;
        }
    }
}

/// The messages of lines or chunks.
struct Pieces<'a> {
    reading: &'a Reading<'a>,
    decoder: Decoder,
    /// A line without its end so far.
    rest: String,
    count: usize,
    /// The last chunk was as large as a chunk can be.
    was_full: bool,
}

impl<'a> Pieces<'a> {
    fn new(reading: &'a Reading<'a>) -> Self {
        let decoder = reading.node.encoding.decoder();
        Pieces { reading, decoder, rest: String::new(), count: 0, was_full: false }
    }

    async fn add(&mut self, chunk: Vec<u8>) -> io::Result<()> {
        if self.reading.node.format == Format::Chunks {
            self.was_full = chunk.len() == CHUNK;
            let is_last = !self.was_full;
            self.send(Some(chunk.into()), is_last).await;
            return Ok(());
        }
        let known = self.rest.len();
        self.decoder.push(&chunk, false, &mut self.rest);
        if self.rest.len() > self.reading.limit {
            let limit = self.reading.limit;
            let reason = format!("a line is longer than `file-max-read` ({limit} bytes)");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
        }
        if !self.rest.get(known..).is_some_and(|new| new.contains('\n')) {
            return Ok(());
        }
        let text = std::mem::take(&mut self.rest);
        let mut lines = text.split('\n');
        let rest = lines.next_back().unwrap_or_default();
        for line in lines {
            self.send(Some(line.into()), false).await;
        }
        rest.clone_into(&mut self.rest);
        Ok(())
    }

    async fn end(&mut self) {
        if self.reading.node.format == Format::Lines {
            self.decoder.push(&[], true, &mut self.rest);
            let line = std::mem::take(&mut self.rest);
            self.send(Some(line.into()), true).await;
        } else if self.was_full {
            // As in Node-RED: the number of chunks was not known with the last one.
            let parts = self.parts(Some(self.count));
            let mut msg = Message::default();
            msg.set("parts", parts);
            self.reading.cx.send(0, msg).await;
        }
    }

    async fn send(&mut self, payload: Option<Value>, is_last: bool) {
        let Reading { node, msg: started, cx, .. } = self.reading;
        let mut msg = Message::default();
        if node.keeps_properties {
            msg = (*started).clone();
        } else {
            for name in ["topic", "filename"] {
                if let Some(value) = started.get(name) {
                    msg.set(name, value.clone());
                }
            }
        }
        if let Some(payload) = payload {
            msg.set("payload", payload);
        }
        msg.set("parts", self.parts(is_last.then_some(self.count + 1)));
        self.count += 1;
        cx.send(0, msg).await;
    }

    fn parts(&self, count: Option<usize>) -> Value {
        let is_lines = self.reading.node.format == Format::Lines;
        let (ch, kind) = if is_lines { ("\n", "string") } else { ("", "buffer") };
        let id = self.reading.msg.id();
        let parts: Map = [
            Some(("index", Value::from(self.count as f64))),
            count.map(|count| ("count", Value::from(count as f64))),
            Some(("ch", ch.into())),
            Some(("type", kind.into())),
            id.map(|id| ("id", id.into())),
        ]
        .into_iter()
        .flatten()
        .collect();
        parts.into()
    }
}
