//! The mode that follows RFC 4180.

mod cells;
mod read;
mod write;

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
    let mut rows = std::iter::from_fn(|| cells.next().transpose());
    let names = rows.next().transpose()?.map(names).unwrap_or_default();
    let has_more = rows.next().transpose()?.is_some();
    Ok(if has_more { Columns::default() } else { names })
}

fn names(row: Vec<Cell<'_>>) -> Columns {
    Columns(row.into_iter().map(|cell| Key::from(cell.unwrap_or_default())).collect())
}

/// A cell in quotes, if it has a quote, a separator or a line break.
fn quoted(cell: &str, separator: &str) -> String {
    if cell.contains(['"', '\r', '\n']) || cell.contains(separator) {
        format!("\"{}\"", cell.replace('"', "\"\""))
    } else {
        cell.to_owned()
    }
}
