//! Documents of a wanted length: rows, XML and a page. Nodes that parse and print them give the same bytes.

use anyhow::{Context as _, Result};

use crate::flow::too_short;

/// Rows with a header, one number and one text each.
pub(crate) fn csv(tag: usize, number: usize, size: usize) -> Result<String> {
    let start = format!("id,value,note\nm-{tag:x}-{number:x},0,begin\n");
    let row = |i: usize| format!("sensor-{i},{},ok\n", value(tag, number, i));
    filled(&start, row, ("end,1,", "\n"), size)
}

/// An element for each reading, as the xml node prints it.
pub(crate) fn xml(tag: usize, number: usize, size: usize) -> Result<String> {
    let start = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\
         <readings id=\"{tag:x}-{number:x}\">"
    );
    let row = |i: usize| {
        let value = value(tag, number, i);
        format!("<reading sensor=\"s{i}\"><value>{value}</value><ok>true</ok></reading>")
    };
    filled(&start, row, ("<end>", "</end></readings>"), size)
}

/// A page with a table and one heading.
pub(crate) fn html(tag: usize, number: usize, size: usize) -> Result<String> {
    let start = format!(
        "<!DOCTYPE html><html><head><title>Plant</title></head><body>\
         <h1>{}</h1><table>",
        heading(tag, number)
    );
    let row = |i: usize| {
        let value = value(tag, number, i);
        format!("<tr class=\"row\"><td>sensor {i}</td><td><b>{value}</b></td></tr>\n")
    };
    filled(&start, row, ("</table><p>", "</p></body></html>"), size)
}

/// What a selection of the page's heading gives, as JSON.
pub(crate) fn selected(tag: usize, number: usize) -> String {
    format!("[\"{}\"]", heading(tag, number))
}

/// Of one length for all messages of a connection.
fn heading(tag: usize, number: usize) -> String {
    format!("Boiler {tag:08x}{number:08x}")
}

/// A number of four digits.
fn value(tag: usize, number: usize, row: usize) -> usize {
    1_000 + (tag * 7_919 + number * 104_729 + row * 31) % 9_000
}

/// `start`, as many rows as there is room for, and `end` with a text that fills the rest.
fn filled(
    start: &str,
    row: impl Fn(usize) -> String,
    end: (&str, &str),
    size: usize,
) -> Result<String> {
    let mut text = start.to_owned();
    // The text at the end is not empty.
    let least = end.0.len() + end.1.len() + 1;
    for row in (0..).map(row) {
        if text.len() + row.len() + least > size {
            break;
        }
        text.push_str(&row);
    }
    let needed = text.len() + least;
    let rest = size.checked_sub(needed).with_context(|| too_short(size, needed))?;
    text.push_str(end.0);
    text.push_str(&"x".repeat(rest + 1));
    text.push_str(end.1);
    Ok(text)
}
