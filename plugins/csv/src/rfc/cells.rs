//! `Cells`: splits a text into rows of cells.

use std::borrow::Cow;

use ferrowire::NodeError;

use crate::columns::Count;
use crate::error::thrown;

const MID_QUOTE: &str = "Quote found in the middle of an unquoted field";
const AFTER_QUOTE: &str = "Data found after closing quote";

/// `None`: nothing was written between two separators.
pub(crate) type Cell<'a> = Option<Cow<'a, str>>;

/// The rows of a text.
pub(crate) struct Cells<'a> {
    text: &'a str,
    separator: &'a [u8],
    at: usize,
    is_strict: bool,
    count: Count,
}

/// The cell that is read.
#[derive(Default)]
struct Open<'a> {
    text: Cow<'a, str>,
    /// Something of the cell was read, perhaps an empty pair of quotes.
    has_begun: bool,
    is_quoted: bool,
    /// Its quotes were closed.
    is_closed: bool,
}

impl<'a> Open<'a> {
    fn end(&mut self) -> Cell<'a> {
        let open = std::mem::take(self);
        open.has_begun.then_some(open.text)
    }

    /// Adds text, which is not copied if it is the only one.
    fn add(&mut self, text: &'a str) {
        if self.text.is_empty() {
            self.text = Cow::Borrowed(text);
        } else {
            self.text.to_mut().push_str(text);
        }
    }
}

impl<'a> Cells<'a> {
    pub(crate) fn new(text: &'a str, separator: &'a str) -> Self {
        Cells {
            text,
            separator: separator.as_bytes(),
            at: 0,
            is_strict: false,
            count: Count::default(),
        }
    }

    /// Quotes at a wrong place are errors.
    pub(crate) fn strict(self) -> Self {
        Cells { is_strict: true, ..self }
    }

    /// Begins at this byte.
    pub(crate) fn starting_at(self, at: usize) -> Self {
        Cells { at, ..self }
    }

    /// Where the next row begins.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// Reads the next row that has cells into `row`, and returns whether there is one.
    ///
    /// # Errors
    /// If it has too many cells, or, in strict reading, is malformed.
    pub(crate) fn next(&mut self, row: &mut Vec<Cell<'a>>) -> Result<bool, NodeError> {
        while self.line(row)? {
            if !row.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads the next line, which may have no cells, into `row`, and returns whether there is one.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub(crate) fn line(&mut self, row: &mut Vec<Cell<'a>>) -> Result<bool, NodeError> {
        row.clear();
        let mut cell = Open::default();
        let begin = self.at;
        while let Some(rest) = self.rest() {
            if cell.is_quoted {
                self.read_quoted(&mut cell, rest);
            } else if rest.as_bytes().starts_with(self.separator) {
                row.push(cell.end());
                self.count.add(row.len())?;
                self.at += self.separator.len();
            } else if rest.starts_with('"') {
                self.read_quote(&mut cell, rest)?;
            } else if rest.starts_with(['\r', '\n']) {
                self.at += if rest.as_bytes().get(1) == Some(&b'\n') { 2 } else { 1 };
                self.end_line(row, &mut cell)?;
                return Ok(true);
            } else {
                self.read_plain(&mut cell, rest)?;
            }
        }
        if self.is_strict && cell.is_quoted {
            return Err(thrown("ParseError", "Missing quote, unclosed cell"));
        }
        self.end_line(row, &mut cell)?;
        Ok(self.at > begin)
    }

    /// Adds the last cell of a line, which is left out if it is empty.
    fn end_line(&mut self, row: &mut Vec<Cell<'a>>, cell: &mut Open<'a>) -> Result<(), NodeError> {
        if !cell.text.is_empty() {
            row.push(cell.end());
        }
        self.count.add(row.len())
    }

    fn rest(&self) -> Option<&'a str> {
        self.text.get(self.at..).filter(|rest| !rest.is_empty())
    }

    fn read_quoted(&mut self, cell: &mut Open<'a>, rest: &'a str) {
        let end = rest.find('"').unwrap_or(rest.len());
        cell.add(rest.get(..end).unwrap_or_default());
        self.at += end;
        match rest.as_bytes().get(end..) {
            Some([b'"', b'"', ..]) => {
                cell.add("\"");
                self.at += 2;
            }
            Some([b'"', ..]) => {
                cell.is_quoted = false;
                cell.is_closed = true;
                self.at += 1;
            }
            _ => {}
        }
    }

    /// A quote outside of quotes: it opens a cell, or, inside of one, is kept if something follows.
    fn read_quote(&mut self, cell: &mut Open<'a>, rest: &'a str) -> Result<(), NodeError> {
        self.at += 1;
        if !cell.has_begun {
            cell.has_begun = true;
            cell.is_quoted = true;
            return Ok(());
        }
        if self.is_strict {
            return Err(thrown("UnquotedQuoteError", MID_QUOTE));
        }
        let rest = rest.as_bytes().get(1..).unwrap_or_default();
        match rest.first() {
            None | Some(b'\r' | b'\n') => {}
            Some(_) if rest.starts_with(self.separator) => {}
            Some(next) => {
                cell.add("\"");
                self.at += usize::from(*next == b'"');
            }
        }
        Ok(())
    }

    fn read_plain(&mut self, cell: &mut Open<'a>, rest: &'a str) -> Result<(), NodeError> {
        if cell.is_closed {
            if self.is_strict {
                return Err(thrown("DataAfterCloseError", AFTER_QUOTE));
            }
            cell.is_closed = false;
            cell.add("\"");
        }
        let first = self.separator.first().copied().unwrap_or(b',');
        let is_special = |byte: u8| matches!(byte, b'"' | b'\r' | b'\n') || byte == first;
        // What does not begin a separator may begin with the same byte.
        let own = rest.chars().next().map_or(1, char::len_utf8);
        let plain = rest.bytes().skip(own).position(is_special).map_or(rest.len(), |at| own + at);
        cell.add(rest.get(..plain).unwrap_or_default());
        cell.has_begun = true;
        self.at += plain;
        Ok(())
    }
}
