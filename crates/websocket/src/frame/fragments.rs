//! `Fragments`: a message that arrives in several frames, or compressed.

use bytes::BytesMut;
use tungstenite::protocol::frame::coding::Data;

use crate::frame::reader::{Incoming, NOT_UTF8, Violation, message};

/// The fragments of a message received so far.
#[derive(Debug)]
pub(super) struct Fragments {
    kind: Data,
    data: BytesMut,
    /// The length of the text that is known to be valid.
    checked: usize,
    pub(super) is_compressed: bool,
}

impl Fragments {
    pub(super) fn new(kind: Data, is_compressed: bool) -> Box<Self> {
        Box::new(Fragments { kind, data: BytesMut::new(), checked: 0, is_compressed })
    }

    pub(super) fn append(&mut self, payload: &[u8]) -> Result<(), Violation> {
        self.data.extend_from_slice(payload);
        if self.kind != Data::Text {
            return Ok(());
        }
        match std::str::from_utf8(&self.data[self.checked..]) {
            Ok(_) => self.checked = self.data.len(),
            Err(error) if error.error_len().is_some() => return Err(NOT_UTF8),
            // A character may be split between frames.
            Err(error) => self.checked += error.valid_up_to(),
        }
        Ok(())
    }

    /// The number of bytes so far.
    pub(super) fn length(&self) -> usize {
        self.data.len()
    }

    /// Whether it is a text that does not end within a character.
    pub(super) fn is_whole_text(&self) -> bool {
        self.kind == Data::Text && self.checked == self.data.len()
    }

    /// The message of all fragments.
    pub(super) fn assemble(fragments: Option<Box<Self>>) -> Result<Option<Incoming>, Violation> {
        let Some(fragments) = fragments else { return Ok(None) };
        let message = message(fragments.kind, fragments.data.freeze())?;
        Ok(Some(Incoming::Message(message)))
    }
}
