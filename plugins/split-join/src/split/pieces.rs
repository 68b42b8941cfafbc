//! `Pieces`: the values that a value is split into.

use std::borrow::Cow;

use bytes::Bytes;
use ferrowire::{Key, Map, NodeError, Text, Value};

/// Where strings and buffers are cut.
#[derive(Debug)]
pub(crate) enum Separator {
    Text(String),
    Bytes(Vec<u8>),
    Length(usize),
}

impl Separator {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Separator::Text(text) => text.as_bytes(),
            Separator::Bytes(bytes) => bytes,
            Separator::Length(_) => &[],
        }
    }

    pub(crate) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.bytes())
    }

    /// The properties of `msg.parts` that `join` needs to put the pieces together.
    pub(crate) fn parts(&self, kind: &'static str) -> Vec<(&'static str, Value)> {
        let kind = ("type", Value::from(kind));
        match self {
            Separator::Text(text) => vec![kind, ("ch", text.as_str().into())],
            Separator::Bytes(bytes) => {
                let bytes: Vec<Value> = bytes.iter().map(|b| u32::from(*b).into()).collect();
                vec![kind, ("ch", bytes.into())]
            }
            Separator::Length(length) => {
                vec![kind, ("ch", "".into()), ("len", (*length).into())]
            }
        }
    }

    /// Whether a piece has the full length.
    pub(crate) fn is_full(&self, piece: &Value) -> bool {
        match (self, piece) {
            (Separator::Length(length), Value::String(text)) => {
                text.encode_utf16().count() >= *length
            }
            (Separator::Length(length), Value::Buffer(bytes)) => bytes.len() >= *length,
            _ => false,
        }
    }
}

/// The sequence that a value becomes.
#[derive(Debug)]
pub(crate) struct Pieces {
    pub(crate) values: Vec<Value>,
    /// The names of an object's properties.
    pub(crate) keys: Vec<Key>,
    pub(crate) parts: Vec<(&'static str, Value)>,
    pub(crate) first_index: usize,
    pub(crate) has_count: bool,
}

/// The most messages that one message may be split into; more are an error.
const MOST: usize = 1 << 20;

impl Pieces {
    fn new(values: Vec<Value>, parts: Vec<(&'static str, Value)>) -> Self {
        Pieces { values, keys: Vec::new(), parts, first_index: 0, has_count: true }
    }

    pub(crate) fn none(parts: Vec<(&'static str, Value)>) -> Self {
        Pieces::new(Vec::new(), parts)
    }
}

pub(crate) fn array(items: &[Value], elements: usize) -> Pieces {
    let parts = vec![("type", "array".into()), ("len", elements.into())];
    if elements == 1 {
        return Pieces::new(items.to_vec(), parts);
    }
    Pieces::new(items.chunks(elements).map(|chunk| chunk.to_vec().into()).collect(), parts)
}

pub(crate) fn object(map: &Map) -> Pieces {
    let values = map.iter().map(|(_, value)| value.clone()).collect();
    let keys = map.iter().map(|(key, _)| key.clone()).collect();
    Pieces { keys, ..Pieces::new(values, vec![("type", "object".into())]) }
}

fn limited(values: impl Iterator<Item = Value>) -> Result<Vec<Value>, NodeError> {
    let values: Vec<Value> = values.take(MOST + 1).collect();
    if values.len() > MOST {
        let text = format!("the message would be split into more than {MOST} messages");
        return Err(NodeError::new(text));
    }
    Ok(values)
}

pub(crate) fn text(text: &Text, separator: &Separator) -> Result<Pieces, NodeError> {
    let values = match separator {
        Separator::Text(by) => limited(text.split(by.as_str()).map(Value::from)),
        Separator::Bytes(_) => limited(text.split(separator.text().as_ref()).map(Value::from)),
        Separator::Length(_) if text.is_empty() => Ok(vec!["".into()]),
        Separator::Length(length) => limited(by_length(text, *length).map(Value::from)),
    };
    Ok(Pieces::new(values?, separator.parts("string")))
}

/// Pieces of `length` UTF-16 code units. Where Node-RED would cut a surrogate pair in two, which a
/// string of Ferrowire cannot hold, the piece is one unit longer.
fn by_length(text: &str, length: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut units = 0;
        let end = rest.char_indices().find_map(|(at, c)| {
            let is_over = units >= length;
            units += c.len_utf16();
            is_over.then_some(at)
        });
        let (piece, after) = rest.split_at(end.unwrap_or(rest.len()));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// A buffer in pieces; a separator at the end adds no empty piece.
pub(crate) fn buffer(bytes: &Bytes, separator: &Separator) -> Result<Pieces, NodeError> {
    let mut pieces = buffer_with_end(bytes, separator)?;
    pieces.values.pop_if(|last| matches!(last, Value::Buffer(bytes) if bytes.is_empty()));
    Ok(pieces)
}

/// A buffer in pieces; the last one may be empty.
pub(crate) fn buffer_with_end(bytes: &Bytes, separator: &Separator) -> Result<Pieces, NodeError> {
    let values = match separator {
        Separator::Length(length) => {
            let piece = |chunk: &[u8]| Value::Buffer(bytes.slice_ref(chunk));
            limited(bytes.chunks(*length).map(piece))?
        }
        by => {
            let mut rest = Some(bytes.clone());
            let next = || {
                let mut piece = rest.take()?;
                if let Some(at) = find(&piece, by.bytes()) {
                    rest = Some(piece.split_off(at + by.bytes().len()));
                    piece.truncate(at);
                }
                Some(Value::Buffer(piece))
            };
            limited(std::iter::from_fn(next))?
        }
    };
    Ok(Pieces::new(values, separator.parts("buffer")))
}

pub(crate) fn find(bytes: &[u8], sought: &[u8]) -> Option<usize> {
    if sought.is_empty() {
        return None;
    }
    bytes.windows(sought.len()).position(|window| window == sought)
}
