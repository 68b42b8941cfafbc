//! The mode that follows RFC 4180.

mod cells;
mod read;
mod write;

use std::borrow::Cow;

use ferrowire::{Key, NodeError};

use crate::columns::Columns;
use cells::{Cell, Cells};

pub(crate) use read::read;
pub(crate) use write::write;

/// The names in `text`, which is one line; none if it has several.
///
/// # Errors
/// If the text is malformed.
pub(crate) fn columns(text: &str, separator: &str) -> Result<Columns, NodeError> {
    let mut cells = Cells::new(text, separator).strict();
    let mut row = Vec::new();
    cells.next(&mut row)?;
    let names = names(&row);
    let has_more = cells.next(&mut row)?;
    Ok(if has_more { Columns::default() } else { names })
}

fn names(row: &[Cell<'_>]) -> Columns {
    Columns(row.iter().map(|cell| Key::from(cell.as_deref().unwrap_or_default())).collect())
}

/// A cell in quotes, if it has a quote, a separator or a line break.
fn quoted<'a>(cell: &'a str, separator: &str) -> Cow<'a, str> {
    let is_special = |byte: u8| matches!(byte, b'"' | b'\r' | b'\n');
    let is_quoted = match separator.as_bytes() {
        [own] => cell.bytes().any(|byte| byte == *own || is_special(byte)),
        _ => cell.bytes().any(is_special) || cell.contains(separator),
    };
    match is_quoted {
        true => format!("\"{}\"", cell.replace('"', "\"\"")).into(),
        false => cell.into(),
    }
}
