//! Objects become text.

use ferrowire::expression::javascript;
use ferrowire::{Key, NodeError, Value};

use super::{columns, quoted};
use crate::error::thrown;
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
    let rows = match payload {
        Value::Array(rows) => rows,
        row => vec![row].into(),
    };
    writing.begin(rows.first(), &STYLE)?;
    for (at, row) in rows.iter().enumerate() {
        let cells = match row {
            Value::Array(cells) => array(cells, &writing.settings.separator)?,
            row if is_object(row) => object(writing, row, rows.first())?,
            _ if at > 0 => {
                let text = "Cannot read properties of undefined (reading 'length')";
                return Err(thrown("TypeError", text));
            }
            // A list of values that are no objects is one row.
            _ => {
                let cells = array(&rows, &writing.settings.separator)?;
                writing.add_line(&cells)?;
                break;
            }
        };
        writing.add_line(&cells)?;
    }
    let names = writing.state.columns.0.iter();
    let names: Vec<_> = names.map(|name| quoted(name, ",")).collect();
    Ok((writing.end(), names.join(",")))
}

fn array(cells: &[Value], separator: &str) -> Result<Vec<String>, NodeError> {
    let cell = |cell: &Value| {
        if matches!(cell, Value::Null) {
            return Err(thrown("TypeError", "Cannot read properties of null (reading 'toString')"));
        }
        let text = cell.defined().map(|cell| javascript::text(Some(cell))).unwrap_or_default();
        let breaks = text.contains('\n');
        Ok(in_quotes(text, separator, breaks))
    };
    cells.iter().map(cell).collect()
}

fn object(
    writing: &mut Writing<'_>,
    row: &Value,
    first: Option<&Value>,
) -> Result<Vec<String>, NodeError> {
    writing.find_columns(&STYLE)?;
    let separator = &writing.settings.separator;
    if writing.state.columns.are_known() {
        let names = writing.state.columns.0.iter();
        return names.map(|name| named_cell(row, name, separator)).collect();
    }
    writing.warn_of_missing_columns();
    // A value with a line break is not quoted, as in Node-RED, which looks for it in the name.
    let quote = |(name, text): (Key, String)| in_quotes(text, separator, name.contains('\n'));
    Ok(own_cells(row, first)?.into_iter().map(quote).collect())
}

fn named_cell(row: &Value, name: &str, separator: &str) -> Result<String, NodeError> {
    if name.is_empty() {
        return Ok(String::new());
    }
    let value = property(row, name)?;
    let text = value.as_ref().map(cell_text).transpose()?.unwrap_or_default();
    let breaks = text.contains('\n');
    Ok(in_quotes(text, separator, breaks))
}

fn in_quotes(text: String, separator: &str, breaks: bool) -> String {
    if text.contains('"') {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else if breaks || text.contains(separator) {
        format!("\"{text}\"")
    } else {
        text
    }
}
