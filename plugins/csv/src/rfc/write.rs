//! Objects become text.

use ferrowire::{Key, NodeError, Value};

use super::{columns, quoted};
use crate::columns::Columns;
use crate::object::{cell_text, is_object, keys, property};
use crate::writing::{Style, Writing, own_cells};

const STYLE: Style = Style { columns, quoted };

/// Returns the text and `msg.columns`.
///
/// # Errors
/// If a row cannot be written, or the text is too long.
pub(crate) fn write(
    writing: &mut Writing<'_>,
    payload: Value,
) -> Result<(String, String), NodeError> {
    let rows = rows(payload);
    let has_arrays = matches!(rows.first(), Some(Value::Array(_)));
    writing.begin(rows.first(), &STYLE)?;
    for row in &rows {
        let cells = match has_arrays {
            true => array(writing, row)?,
            false => object(writing, row, rows.first())?,
        };
        writing.add_line(&cells)?;
    }
    let columns = writing.state.columns.listed(|name| quoted(name, ","));
    Ok((writing.end(), columns))
}

/// The rows: one object is one row, and so is a list of values that are no objects.
fn rows(payload: Value) -> Vec<Value> {
    match payload {
        Value::Array(rows) if rows.first().is_some_and(|row| !is_object(row)) => {
            vec![Value::Array(rows)]
        }
        Value::Array(rows) => rows.to_vec(),
        row => vec![row],
    }
}

fn array(writing: &Writing<'_>, row: &Value) -> Result<Vec<String>, NodeError> {
    let (separator, columns) = (&writing.settings.separator, &writing.state.columns);
    let cells = row.as_array().unwrap_or_default();
    let text = |cell: &Value| Ok(quoted(&cell_text(cell)?, separator));
    if !columns.are_known() {
        return cells.iter().map(text).collect();
    }
    let cell = |(at, name): (usize, &Key)| match cells.get(at) {
        Some(cell) if !name.is_empty() => text(cell),
        _ => Ok(String::new()),
    };
    columns.0.iter().enumerate().map(cell).collect()
}

fn object(
    writing: &mut Writing<'_>,
    row: &Value,
    first: Option<&Value>,
) -> Result<Vec<String>, NodeError> {
    writing.find_columns(&STYLE)?;
    let separator = &writing.settings.separator;
    if !writing.state.columns.are_known() {
        writing.warn_of_missing_columns();
        writing.state.columns = Columns(keys(Some(row))?);
        let quote = |(_, text): (Key, String)| quoted(&text, separator);
        return Ok(own_cells(row, first)?.into_iter().map(quote).collect());
    }
    let cell = |name: &Key| {
        if name.is_empty() {
            return Ok(String::new());
        }
        let value = property(row, name)?.unwrap_or(Value::Undefined);
        Ok(quoted(&cell_text(&value)?, separator))
    };
    writing.state.columns.0.iter().map(cell).collect()
}
