//! Text becomes objects.

use ferrowire::{Key, Map, NodeError, Value};

use super::source::{Mark, Source};
use super::{number, quoted};
use crate::columns::{Columns, Count};
use crate::deliver::Part;
use crate::settings::Settings;
use crate::table::{Table, breaks};

/// # Errors
/// If a line has too many columns.
pub(crate) fn read(
    settings: &Settings,
    columns: &mut Columns,
    text: &str,
    part: Option<&Part>,
) -> Result<Table, NodeError> {
    let breaks = breaks(text);
    let has_several = settings.makes_array && breaks > 1;
    let is_first = part.is_none_or(|part| part.is_first(settings.skip) || has_several);
    let mut start = 0;
    if is_first {
        start = skipped(text, settings, part.map_or(0.0, |part| part.index));
        if settings.first_line_has_names {
            start = read_names(text, start, settings, columns)?;
        }
    }
    let are_known = columns.are_known();
    let (rows, line, count) = Default::default();
    let mut rows = Rows { settings, columns, are_known, rows, line, count };
    let is_malformed = rows.read(text, start)?;
    let columns = rows.columns.listed(|name| quoted(name, ","));
    Ok(Table { rows: rows.rows, columns, breaks, is_malformed })
}

/// Where the first line begins that is not skipped, of which the message has `line` and later ones.
fn skipped(text: &str, settings: &Settings, line: f64) -> usize {
    let (mut start, mut line) = (0, line);
    while line < settings.skip {
        match text.get(start..).and_then(|rest| rest.find('\n')) {
            Some(at) => start += at + 1,
            None => return text.len(),
        }
        line += 1.0;
    }
    start
}

/// Takes the names from the line at `start`; returns where the next one begins.
fn read_names(
    text: &str,
    start: usize,
    settings: &Settings,
    columns: &mut Columns,
) -> Result<usize, NodeError> {
    let rest = text.get(start..).unwrap_or_default();
    if rest.is_empty() {
        return Ok(start);
    }
    let end = rest.find(['\r', '\n']);
    let names = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
    *columns = super::columns(names, &settings.separator)?;
    Ok(start + end.map_or(rest.len(), |end| end + 1))
}

struct Rows<'a> {
    settings: &'a Settings,
    columns: &'a mut Columns,
    /// The columns had names before; otherwise they are numbered.
    are_known: bool,
    rows: Vec<Map>,
    line: Line,
    count: Count,
}

/// The line that is read.
#[derive(Default)]
struct Line {
    row: Map,
    /// The number of the column.
    column: usize,
    cell: String,
}

impl Rows<'_> {
    /// Returns whether the text ends within quotes.
    fn read(&mut self, text: &str, start: usize) -> Result<bool, NodeError> {
        let settings = self.settings;
        let mut source = Source::new(text, &settings.separator, start);
        let (mut is_outside, mut ends_empty) = (true, false);
        loop {
            let plain = source.plain();
            self.line.cell.push_str(plain);
            match source.mark() {
                None => break,
                Some(Mark::Quote) => {
                    is_outside = !is_outside;
                    if !is_outside && source.follows_quote() {
                        self.line.cell.push('"');
                    }
                }
                Some(Mark::Separator) if is_outside => {
                    self.end_cell(source.begins_line() || source.follows_separator())?;
                    ends_empty = source.is_at_end();
                }
                Some(Mark::LineEnd) if is_outside => {
                    self.end_cell(source.follows_separator())?;
                    self.end_line();
                }
                Some(_) => self.line.cell.push_str(source.mark_text()),
            }
        }
        self.end_cell(ends_empty)?;
        self.end_line();
        Ok(!is_outside)
    }

    /// Puts the cell into the row. `is_null`: it is empty because nothing was written between two
    /// separators.
    fn end_cell(&mut self, is_null: bool) -> Result<(), NodeError> {
        let at = self.line.column;
        self.count.add(at + 1)?;
        if !self.are_known {
            self.columns.name_by_number(at);
        }
        if let Some(name) = self.columns.0.get(at).filter(|name| !name.is_empty())
            && let Some(value) = self.value(is_null)
        {
            self.line.row.insert(Key::clone(name), value);
        }
        self.line.column += 1;
        self.line.cell.clear();
        Ok(())
    }

    /// The value of the cell; `None` if it is left out.
    fn value(&self, is_null: bool) -> Option<Value> {
        let (settings, cell) = (self.settings, self.line.cell.as_str());
        if is_null {
            return settings.keeps_null.then_some(Value::Null);
        }
        let number = settings.parses_numbers.then(|| number::number(cell)).flatten();
        if let Some(number) = number {
            return Some(number.into());
        }
        (settings.keeps_empty || !cell.is_empty()).then(|| cell.into())
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        if !line.row.is_empty() {
            self.rows.push(line.row);
        }
        self.line.cell = line.cell;
    }
}
