//! Text becomes objects.

use ferrowire::javascript;
use ferrowire::{Key, Map, NodeError, Value};

use super::cells::{Cell, Cells};
use super::{names, quoted};
use crate::columns::Columns;
use crate::deliver::Part;
use crate::settings::Settings;
use crate::table::{Table, breaks};

/// Returns `None` if the whole text is skipped.
///
/// # Errors
/// If the names of the columns are malformed, or a line has too many columns.
pub(crate) fn read(
    settings: &Settings,
    columns: &mut Columns,
    text: &str,
    part: Option<&Part>,
) -> Result<Option<Table>, NodeError> {
    let Some(mut start) = skipped(text, settings, part.map_or(0.0, |part| part.index)) else {
        return Ok(None);
    };
    let breaks = breaks(text.get(start..).unwrap_or_default());
    let has_several = settings.makes_array && breaks > 1;
    let mut row = Vec::new();
    let is_first = part.is_none_or(|part| part.is_first(settings.skip) || has_several);
    if settings.first_line_has_names && is_first {
        let mut cells = Cells::new(text, &settings.separator).strict().starting_at(start);
        cells.line(&mut row)?;
        *columns = names(&row);
        start = cells.position();
    }
    let mut cells = Cells::new(text, &settings.separator).starting_at(start);
    let mut columns = columns.clone();
    let mut rows = Vec::new();
    while cells.next(&mut row)? {
        if !columns.are_known() {
            columns = numbered(row.len());
        }
        let object = object(settings, &columns, &row);
        if !object.is_empty() {
            rows.push(object);
        }
    }
    let columns = columns.listed(|name| quoted(name, ","));
    Ok(Some(Table { rows, columns, breaks, is_malformed: false }))
}

/// Where the first line begins that is not skipped; `None` if all are. As in Node-RED, `\r\n` counts
/// as two lines.
fn skipped(text: &str, settings: &Settings, line: f64) -> Option<usize> {
    let (mut start, mut line) = (0, line);
    while line < settings.skip {
        start += 1 + text.get(start..)?.find(['\r', '\n'])?;
        line += 1.0;
    }
    (start == 0 || start < text.len()).then_some(start)
}

fn numbered(count: usize) -> Columns {
    let mut columns = Columns::default();
    (0..count).for_each(|at| columns.name_by_number(at));
    columns
}

fn object(settings: &Settings, columns: &Columns, row: &[Cell<'_>]) -> Map {
    let cells = row.iter().map(Option::as_deref).chain(std::iter::repeat(None));
    let mut object = Map::with_capacity(columns.0.len());
    for (name, cell) in columns.0.iter().zip(cells).filter(|(name, _)| !name.is_empty()) {
        if let Some(value) = value(settings, cell) {
            object.insert(Key::clone(name), value);
        }
    }
    object
}

/// `None` for a cell that is left out.
fn value(settings: &Settings, cell: Option<&str>) -> Option<Value> {
    let Some(text) = cell else { return settings.keeps_null.then_some(Value::Null) };
    if text.is_empty() {
        return settings.keeps_empty.then(|| "".into());
    }
    match number(text).filter(|_| settings.parses_numbers && !keeps_text(text)) {
        Some(number) => Some(number.into()),
        None => Some(text.into()),
    }
}

/// The number that a text is for JavaScript.
fn number(text: &str) -> Option<f64> {
    let is_digit = |c: char| c.is_ascii_digit();
    let first = text.chars().next()?;
    if is_digit(first) && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.')) {
        return text.parse().ok();
    }
    // Anything else begins with a sign, a point, `I` of `Infinity`, or blanks.
    if is_digit(first) || !first.is_ascii() || matches!(first, '\0'..=' ' | '+' | '-' | '.' | 'I') {
        let number = javascript::number(Some(&Value::from(text)));
        return (!number.is_nan()).then_some(number);
    }
    None
}

/// Whether the text would lose something as a number: a plus sign, or leading zeros.
fn keeps_text(text: &str) -> bool {
    let text = text.trim_start_matches(' ');
    let digits = text.strip_prefix('-').unwrap_or(text).as_bytes();
    text.starts_with('+') || matches!(digits, [b'0', second, ..] if second.is_ascii_digit())
}
