//! The node `file`: writes or appends messages to a file, or deletes it.

use std::fs::{self, Metadata};
use std::io::Write as _;

use ferrowire::expression::javascript;
use ferrowire::{
    ExclusiveNode, FromConfig, Message, NodeConfig, NodeContext, NodeError, Value, async_trait,
};

use crate::encoding::Encoding;
use crate::failure::Failure;
use crate::name::FileName;
use crate::place::{How, Place, Places, warn_if_exposed};

/// Node-RED's `file`. One message is written after the other.
#[derive(Debug)]
pub struct File {
    name: FileName,
    action: Action,
    adds_newline: bool,
    creates_folder: bool,
    /// `None`: the encoding that the message names.
    encoding: Option<Encoding>,
    /// The file that is appended to, kept open if its name does not depend on the message.
    open: Option<Open>,
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
        File {
            name: FileName::from_config(config),
            action,
            adds_newline: config.boolean("appendNewline", false),
            creates_folder: config.boolean("createDir", false),
            encoding,
            open: None,
        }
    }
}

/// One operation, which runs on a thread that may block.
struct Job {
    name: String,
    places: Places,
    action: Action,
    creates_folder: bool,
    bytes: Vec<u8>,
    open: Option<Open>,
}

/// An operation that failed: the text of Node-RED, and the reason.
type Failed = (&'static str, Failure);

impl Job {
    /// Returns the file if it is to be kept open.
    fn run(mut self) -> Result<Option<Open>, Failed> {
        let name = std::mem::take(&mut self.name);
        let operation = if self.action == Action::Delete { "unlink" } else { "open" };
        let found = self.places.find(&name).map_err(Failure::of(operation, &name));
        let place = found.map_err(|failure| (self.text(), failure))?;
        if self.action == Action::Delete {
            let deleted = place.delete().map_err(Failure::of("unlink", &name));
            return deleted.map(|()| None).map_err(|failure| (self.text(), failure));
        }
        if self.creates_folder {
            let created = place.create_folder().map_err(Failure::of("mkdir", &name));
            created.map_err(|failure| ("failed to create file", failure))?;
        }
        let text = self.text();
        self.write(&place, &name).map(Some).map_err(|failure| (text, failure))
    }

    fn text(&self) -> &'static str {
        match self.action {
            Action::Append => "failed to append to file",
            Action::Overwrite => "failed to write to file",
            Action::Delete => "failed to delete file",
        }
    }

    fn write(self, place: &Place, name: &str) -> Result<Open, Failure> {
        let kept = self.open.filter(|open| place.is_at(&open.about));
        let mut open = match kept {
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

impl File {
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
impl ExclusiveNode for File {
    async fn start(&mut self, cx: &NodeContext) -> Result<(), NodeError> {
        warn_if_exposed(cx);
        Ok(())
    }

    async fn on_message(&mut self, mut msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
        let name = self.name.of(&msg, cx)?;
        msg.set("filename", name.as_str());
        if name.is_empty() {
            cx.warn("No filename specified");
            return Ok(());
        }
        let bytes = match self.action {
            Action::Delete => Vec::new(),
            _ => match self.bytes(&msg)? {
                Some(bytes) => bytes,
                None => return Ok(()),
            },
        };
        let job = Job {
            name,
            places: Places::of(cx),
            action: self.action,
            creates_folder: self.creates_folder,
            bytes,
            open: self.open.take(),
        };
        match tokio::task::spawn_blocking(|| job.run()).await {
            Ok(Ok(open)) => {
                let keeps = self.action == Action::Append && self.name.is_fixed;
                self.open = open.filter(|_| keeps);
                cx.send(0, msg).await;
            }
            Ok(Err((text, failure))) => {
                let error = failure.error(format!("{text}: Error: {}", failure.text()));
                cx.fail_with(error, msg).await;
            }
            Err(error) => return Err(NodeError::caused_by("the write did not end", error)),
        }
        Ok(())
    }
}
