//! Objects become text.

use std::sync::Arc;

use ferrowire::{NodeError, Value};

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
    for row in rows.iter() {
        match has_arrays {
            true => array(writing, row)?,
            false => object(writing, row, rows.first())?,
        }
        writing.lines.end_line()?;
    }
    let columns = writing.state.columns.listed(|name| quoted(name, ","));
    Ok((writing.lines.take(), columns))
}

/// The rows: one object is one row, and so is a list of values that are no objects.
fn rows(payload: Value) -> Arc<Vec<Value>> {
    match payload {
        Value::Array(rows) if rows.first().is_none_or(is_object) => rows,
        row => vec![row].into(),
    }
}

fn array(writing: &mut Writing<'_>, row: &Value) -> Result<(), NodeError> {
    let Writing { settings, state, lines, .. } = writing;
    let cells = row.as_array().unwrap_or_default();
    let mut add = |cell: &Value| {
        lines.add(&quoted(&cell_text(cell)?, &settings.separator));
        Ok(())
    };
    if !state.columns.are_known() {
        return cells.iter().try_for_each(add);
    }
    for (at, name) in state.columns.0.iter().enumerate() {
        let cell = cells.get(at).filter(|_| !name.is_empty());
        add(cell.unwrap_or(&Value::Undefined))?;
    }
    Ok(())
}

fn object(writing: &mut Writing<'_>, row: &Value, first: Option<&Value>) -> Result<(), NodeError> {
    writing.find_columns(&STYLE)?;
    if !writing.state.columns.are_known() {
        writing.warn_of_missing_columns();
        writing.state.columns = Columns(keys(Some(row))?);
        for (_, text) in own_cells(row, first)? {
            writing.lines.add(&quoted(&text, &writing.settings.separator));
        }
        return Ok(());
    }
    let Writing { settings, state, lines, .. } = writing;
    for name in &state.columns.0 {
        let value = if name.is_empty() { None } else { property(row, name)? };
        let text = value.as_deref().map(cell_text).transpose()?.unwrap_or_default();
        lines.add(&quoted(&text, &settings.separator));
    }
    Ok(())
}
