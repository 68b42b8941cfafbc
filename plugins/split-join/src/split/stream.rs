//! `Stream`: messages that continue each other; an unfinished piece waits for the next message.

use bytes::Bytes;
use ferrowire::{Message, NodeError, Text, Value};

use super::pieces::{self, Pieces, Separator};

/// How many bytes may wait for a separator. At the bound they are dropped, and the message that
/// exceeds it fails.
const MOST: usize = 64 << 20;

/// The unfinished piece of the messages so far.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    text: String,
    /// The length of `text` in UTF-16 code units.
    units: usize,
    bytes: Vec<u8>,
    index: usize,
    /// The messages that are complete when the unfinished piece has left, if completions are
    /// watched.
    pub(crate) kept: Vec<Message>,
}

impl Stream {
    /// The pieces that `text` completes.
    pub(crate) fn text(&mut self, text: &Text, separator: &Separator) -> Result<Pieces, NodeError> {
        let by = separator.text();
        // A separator that this text completes can begin only at the end of the waiting text.
        let seen = self.text.floor_char_boundary((self.text.len() + 1).saturating_sub(by.len()));
        self.text.push_str(text);
        let is_complete = match separator {
            Separator::Length(length) => {
                self.units += text.encode_utf16().count();
                self.units >= *length
            }
            _ => self.text.get(seen..).is_some_and(|new| new.contains(by.as_ref())),
        };
        let mut pieces = Pieces::none(separator.parts("string"));
        if is_complete {
            let all = Text::from(std::mem::take(&mut self.text));
            pieces = pieces::text(&all, separator)?;
            if let Some(Value::String(rest)) = pieces.values.pop_if(|last| !separator.is_full(last))
            {
                self.text.push_str(&rest);
            }
            self.units = self.text.encode_utf16().count();
        }
        self.numbered(pieces)
    }

    /// The pieces that `bytes` complete.
    pub(crate) fn bytes(
        &mut self,
        bytes: &Bytes,
        separator: &Separator,
    ) -> Result<Pieces, NodeError> {
        let by = separator.bytes();
        let seen = (self.bytes.len() + 1).saturating_sub(by.len());
        self.bytes.extend_from_slice(bytes);
        let is_complete = match separator {
            Separator::Length(length) => self.bytes.len() >= *length,
            _ => self.bytes.get(seen..).is_some_and(|new| pieces::find(new, by).is_some()),
        };
        let mut pieces = Pieces::none(separator.parts("buffer"));
        if is_complete {
            let all = Bytes::from(std::mem::take(&mut self.bytes));
            pieces = pieces::buffer_with_end(&all, separator)?;
            if let Some(Value::Buffer(rest)) = pieces.values.pop_if(|last| !separator.is_full(last))
            {
                self.bytes.extend_from_slice(&rest);
            }
        }
        self.numbered(pieces)
    }

    /// Whether a message is complete only when its unfinished piece has left. As in Node-RED, a
    /// string is complete although its end after the last separator still waits.
    pub(crate) fn keeps(&self, value: &Value, separator: &Separator) -> bool {
        match value {
            Value::String(_) => matches!(separator, Separator::Length(_)) && !self.text.is_empty(),
            _ => !self.bytes.is_empty(),
        }
    }

    fn numbered(&mut self, pieces: Pieces) -> Result<Pieces, NodeError> {
        if self.text.len() > MOST || self.bytes.len() > MOST {
            *self = Stream::default();
            let text = format!("no separator in more than {MOST} bytes, they were dropped");
            return Err(NodeError::new(text));
        }
        let first_index = self.index;
        self.index += pieces.values.len();
        Ok(Pieces { first_index, has_count: false, ..pieces })
    }
}
