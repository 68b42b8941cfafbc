//! Objects become text.

use std::borrow::Cow;
use std::sync::Arc;

use ferrowire::expression::javascript;
use ferrowire::{NodeError, Value};

use super::{columns, quoted};
use crate::error::thrown;
use crate::lines::Lines;
use crate::object::{cell_text, is_object, property};
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
    let list = match payload {
        Value::Array(list) => list,
        row => vec![row].into(),
    };
    writing.begin(list.first(), &STYLE)?;
    let rows = rows(list);
    for row in rows.iter() {
        match row {
            Value::Array(cells) => array(cells, &mut writing.lines, &writing.settings.separator)?,
            row if is_object(row) => object(writing, row, rows.first())?,
            _ => {
                let text = "Cannot read properties of undefined (reading 'length')";
                return Err(thrown("TypeError", text));
            }
        }
        writing.lines.end_line()?;
    }
    let columns = &writing.state.columns;
    let names: Vec<_> = columns.0.iter().map(|name| quoted(name, ",")).collect();
    let names = names.join(",");
    Ok((writing.lines.take(), names))
}

/// The rows: a list that begins with a value that is no object is one row.
fn rows(list: Arc<Vec<Value>>) -> Arc<Vec<Value>> {
    match list.first().is_none_or(is_object) {
        true => list,
        false => vec![Value::Array(list)].into(),
    }
}

fn array(cells: &[Value], lines: &mut Lines<'_>, separator: &str) -> Result<(), NodeError> {
    for cell in cells {
        if matches!(cell, Value::Null) {
            return Err(thrown("TypeError", "Cannot read properties of null (reading 'toString')"));
        }
        let text = cell.defined().map(|cell| javascript::text_ref(Some(cell)));
        let text = text.unwrap_or_default();
        lines.add(&in_quotes(&text, separator, text.contains('\n')));
    }
    Ok(())
}

fn object(writing: &mut Writing<'_>, row: &Value, first: Option<&Value>) -> Result<(), NodeError> {
    writing.find_columns(&STYLE)?;
    if !writing.state.columns.are_known() {
        writing.warn_of_missing_columns();
        for (name, text) in own_cells(row, first)? {
            // A value with a line break is not quoted, as in Node-RED, which looks for it in the name.
            let cell = in_quotes(&text, &writing.settings.separator, name.contains('\n'));
            writing.lines.add(&cell);
        }
        return Ok(());
    }
    let Writing { settings, state, lines, .. } = writing;
    for name in &state.columns.0 {
        let value = if name.is_empty() { None } else { property(row, name)? };
        let text = value.as_deref().map(cell_text).transpose()?.unwrap_or_default();
        lines.add(&in_quotes(&text, &settings.separator, text.contains('\n')));
    }
    Ok(())
}

fn in_quotes<'a>(text: &'a str, separator: &str, breaks: bool) -> Cow<'a, str> {
    if text.contains('"') {
        format!("\"{}\"", text.replace('"', "\"\"")).into()
    } else if breaks || text.contains(separator) {
        format!("\"{text}\"").into()
    } else {
        text.into()
    }
}
